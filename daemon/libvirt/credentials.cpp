// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/credentials.h"

#include "base/unique_fd.h"
#include "model/error.h"
#include "model/uri.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace virtbus {

namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_file = 64 * 1'024;

std::array<int, 4> known_questions{VIR_CRED_USERNAME, VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE, VIR_CRED_NOECHOPROMPT};

/// Access for the group is no more than a mask where systemd has given its unit's user the right to read.
void refuse_readable(int fd, const std::filesystem::path& path, bool guarded) {
    struct stat status {};
    const mode_t refused = guarded ? S_IRWXO : S_IRWXG | S_IRWXO;
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        throw Error(Code::access_denied, fmt::format("{}: must be a file", path.string()));
    if ((status.st_mode & refused) != 0 || (status.st_uid != 0 && status.st_uid != ::geteuid()))
        throw Error(Code::access_denied,
                    fmt::format("{}: others can read or change it; chmod 600 and chown it, and change the password",
                                path.string()));
}

std::string read_all(int fd, const std::filesystem::path& path) {
    std::string text(longest_file + 1, '\0');
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(std::max<ssize_t>(got, 0)))
        got = ::read(fd, text.data() + size, text.size() - size);
    if (size > longest_file) throw Error(Code::invalid_args, fmt::format("{}: is too long", path.string()));
    text.resize(size);
    return text;
}

Credentials parse(const std::string& text, const std::filesystem::path& path) {
    Credentials credentials;
    try {
        const auto document = Json::parse(text);
        for (const auto& [key, value] : document.items()) {
            if (key == "username")
                credentials.username = value.get<std::string>();
            else if (key == "password")
                credentials.password = value.get<std::string>();
            else if (key == "host")
                credentials.host = value.get<std::string>();
            else
                throw Error(Code::invalid_args,
                            fmt::format("{}: known are username, password and host, and nothing else", path.string()));
        }
    } catch (const Json::exception&) {  // whose text quotes the file
        throw Error(Code::invalid_args,
                    fmt::format("{}: must be a JSON object of strings: username, password, host", path.string()));
    }
    return credentials;
}

/// Nothing if there is no such file.
std::optional<Credentials> read_file(const std::filesystem::path& path, bool guarded) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file && errno == ENOENT) return std::nullopt;
    if (!file) throw Error(Code::access_denied, fmt::format("{}: {}", path.string(), std::strerror(errno)));
    refuse_readable(file.get(), path, guarded);
    return parse(read_all(file.get(), path), path);
}

void require_host(const Credentials& credentials, const CredentialsSource& source, const std::string& uri) {
    const auto host = host_of_uri(uri);
    if (!credentials.host && source.needs_host)
        throw Error(Code::access_denied,
                    fmt::format("the credentials of {} name no host: they need one, since it was added "
                                "by a call",
                                source.name));
    if (credentials.host && *credentials.host != host)
        throw Error(Code::access_denied, fmt::format("the credentials of {} are for host \"{}\", not \"{}\"",
                                                     source.name, *credentials.host, host));
}

}  // namespace

std::optional<Credentials> read_credentials(const CredentialsSource& source, const std::string& uri) {
    std::optional<Credentials> credentials;
    if (!source.given.empty()) credentials = read_file(source.given / source.name, true);
    if (!credentials && !source.directory.empty()) credentials = read_file(source.directory / source.name, false);
    if (credentials) require_host(*credentials, source, uri);
    return credentials;
}

CredentialsAnswer::CredentialsAnswer(std::optional<Credentials> credentials)
    : credentials_(std::move(credentials)), auth_{known_questions.data(), known_questions.size(), answer, this} {}

int CredentialsAnswer::answer(virConnectCredentialPtr questions, unsigned count, void* self) {
    const auto& credentials = static_cast<CredentialsAnswer*>(self)->credentials_;
    if (!credentials) return -1;
    for (unsigned i = 0; i < count; ++i) {
        auto& question = questions[i];
        const bool name = question.type == VIR_CRED_USERNAME || question.type == VIR_CRED_AUTHNAME;
        const auto& text = name ? credentials->username : credentials->password;
        if (text.empty() && question.defresult == nullptr) return -1;
        question.result = ::strdup(text.empty() ? question.defresult : text.c_str());  // libvirt frees it
        if (question.result == nullptr) return -1;
        question.resultlen = static_cast<unsigned>(std::strlen(question.result));
    }
    return 0;
}

}  // namespace virtbus
