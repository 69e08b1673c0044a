// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/request.h"

#include "helper/protocol.h"
#include "model/allowed_files.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

namespace virtbus {

namespace {

uid_t uid_of(const char* user) {
    const auto* found = ::getpwnam(user);
    if (found == nullptr) throw Error(Code::failed, fmt::format("There is no user {}", user));
    return found->pw_uid;
}

/// Not even root: whoever has that needs nobody's help, and whoever tricks it shall get none.
void require_user(int socket, uid_t uid) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != uid)
        throw Error(Code::access_denied, fmt::format("Refused uid {}: this serves uid {} alone", peer.uid, uid));
}

/// `part`: of a service; nothing for a child.
nlohmann::json outcome_of_request(Perform perform, const std::optional<std::string>& part, Peer& peer) {
    try {
        if (part) peer.limit({read_allowed_files(default_config_file), *part});
        return {{"done", perform(read_message(peer.request()), peer)}};
    } catch (const Error& error) {
        return {{"error", error_to_json(error)}};
    } catch (const nlohmann::json::exception& error) {
        return {
            {"error", error_to_json({Code::failed, std::string("A message is not as it should be: ") + error.what()})}};
    } catch (const std::exception& error) {
        return {{"error", error_to_json({Code::failed, error.what()})}};
    }
}

}  // namespace

int answer_request(int count, char** arguments, Perform perform) {
    ::umask(077);
    struct stat in {};
    if (::fstat(STDIN_FILENO, &in) != 0 || !S_ISSOCK(in.st_mode)) {
        std::fputs("This is a part of virtbusd, and does its work for it: standard input must be its socket.\n",
                   stderr);
        return 2;
    }
    try {
        require_user(STDIN_FILENO, count > 1 ? uid_of(arguments[1]) : ::geteuid());
        std::optional<std::string> part;
        if (count > 1) part = count > 2 ? arguments[2] : "";
        Peer peer(STDIN_FILENO);
        peer.answer(outcome_of_request(perform, part, peer));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

}  // namespace virtbus
