// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/request.h"

#include "helper/protocol.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

namespace virtbus {

namespace {

nlohmann::json outcome_of_request(Perform perform, Peer& peer) {
    try {
        return {{"done", perform(nlohmann::json::parse(peer.request()), peer)}};
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

int answer_request(Perform perform) {
    ::umask(077);
    struct stat in {};
    if (::fstat(STDIN_FILENO, &in) != 0 || !S_ISSOCK(in.st_mode)) {
        std::fputs("This is a part of virtbusd, and does its work for it: standard input must be its socket.\n",
                   stderr);
        return 2;
    }
    try {
        Peer peer(STDIN_FILENO);
        const auto outcome = outcome_of_request(perform, peer);
        peer.answer(outcome);
        return outcome.contains("done") ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

}  // namespace virtbus
