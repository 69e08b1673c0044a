// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/uri.h"

#include "base/utf8.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace virtbus {

namespace {

/// A URI's parts, as they stand there.
struct UriParts {
    std::string_view driver;
    std::string_view transport;
    std::string_view user;  ///< with the password
    std::string_view host;  ///< with the port
    std::string_view path;
    std::string_view query;
};

/// The parts; all empty where there is no "://".
UriParts split_uri(std::string_view uri) {
    UriParts parts;
    const auto scheme_end = uri.find("://");
    if (scheme_end == std::string_view::npos) return parts;
    const auto scheme = uri.substr(0, scheme_end);
    const auto plus = std::min(scheme.find('+'), scheme.size());
    parts.driver = scheme.substr(0, plus);
    if (plus < scheme.size()) parts.transport = scheme.substr(plus + 1);
    auto rest = uri.substr(scheme_end + 3);
    if (const auto question = rest.find('?'); question != std::string_view::npos) {
        parts.query = rest.substr(question + 1);
        rest = rest.substr(0, question);
    }
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto authority = rest.substr(0, slash);
    parts.path = rest.substr(slash);
    const auto at = authority.rfind('@');
    if (at != std::string_view::npos) parts.user = authority.substr(0, at);
    parts.host = at == std::string_view::npos ? authority : authority.substr(at + 1);
    return parts;
}

struct Parameter {
    std::string_view key;
    std::string_view value;
};

/// libvirt takes "&" and ";" alike.
std::vector<Parameter> parameters(std::string_view query) {
    std::vector<Parameter> found;
    while (!query.empty()) {
        const auto end = std::min(query.find_first_of("&;"), query.size());
        const auto one = query.substr(0, end);
        const auto equals = std::min(one.find('='), one.size());
        if (!one.empty()) found.push_back({one.substr(0, equals), equals < one.size() ? one.substr(equals + 1) : ""});
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return found;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// "%2f" as "/", as libvirt may quote it.
std::string decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape =
            text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
        result += escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
        if (escape) i += 2;
    }
    return result;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

template <std::size_t size>
bool has_word(const std::array<std::string_view, size>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// Source: libvirt's drivers page and src/*/, 9.0.0.
constexpr std::array<std::string_view, 18> callers_drivers{
    "qemu", "xen",    "lxc", "esx", "vpx",   "gsx",          "vbox",      "vmwareplayer", "vmwarews",
    "test", "openvz", "ch",  "vz",  "bhyve", "vmwarefusion", "parallels", "hyperv",       "phyp"};

/// Not "ext", which runs the program that "command" names.
constexpr std::array<std::string_view, 7> callers_transports{"", "unix", "tcp", "tls", "ssh", "libssh2", "libssh"};

/// What is not here names programs (command, netcat) or files (keyfile, known_hosts, pkipath, authfile), another URI
/// (name, vcenter), or makes libvirt trust who is not who they seem (no_verify, transport, tls_priority).
constexpr std::array<std::string_view, 5> callers_keys{"socket", "mode", "sshauth", "no_tty", "auto_answer"};

/// Not "/embed", which is libvirt's driver in our own process.
constexpr std::array<std::string_view, 4> qemu_paths{"", "/", "/system", "/session"};

[[noreturn]] void refuse_uri(const std::string& why) { throw Error(Code::invalid_args, "uri: " + why); }

void check_authority(const UriParts& parts) {
    const auto plain = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("._-:[]\\").find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (parts.user.find(':') != std::string_view::npos)
        refuse_uri("a password has no place there: it belongs into a file of the credentials directory");
    for (const auto part : {parts.user, parts.host})
        if (part.starts_with('-') || !std::all_of(part.begin(), part.end(), plain))
            refuse_uri(
                "a user or host may have letters, digits, \".\", \"_\", \"-\" and, an address, \":\" and brackets");
}

void check_path(const UriParts& parts) {
    if (parts.driver == "test" && parts.path != "/default") refuse_uri("the path of the test driver must be /default");
    if (parts.driver == "qemu" && !has_word(qemu_paths, parts.path)) refuse_uri("the path must be /system or /session");
}

void check_query(const UriParts& parts) {
    for (const auto& [key, value] : parameters(parts.query))
        if (!has_word(callers_keys, key))
            refuse_uri(fmt::format("\"{}\" may stand only in the configuration; known here are {}",
                                   to_utf8(key.substr(0, 40)), fmt::join(callers_keys, ", ")));
}

}  // namespace

std::string public_uri(std::string_view uri) {
    uri = uri.substr(0, uri.find_first_of("?#"));
    const auto scheme = uri.find("://");
    if (scheme == std::string_view::npos) return to_utf8(uri);
    const auto authority = scheme + 3;
    const auto path = uri.find('/', authority);
    const auto at = uri.substr(0, path).rfind('@');
    if (at == std::string_view::npos || at < authority) return to_utf8(uri);
    return to_utf8(std::string(uri.substr(0, authority)) + std::string(uri.substr(at + 1)));
}

std::string without_secrets(std::string text, std::string_view uri) {
    if (uri.empty()) return text;
    replace_all(text, std::string(uri), public_uri(uri));
    const auto parts = split_uri(uri);
    std::vector<std::string> secrets{std::string(parts.query), decoded(parts.query)};
    const auto colon = parts.user.find(':');
    if (colon != std::string_view::npos)
        for (const auto secret : {parts.user, parts.user.substr(colon + 1)}) {
            secrets.emplace_back(secret);
            secrets.push_back(decoded(secret));
        }
    for (const auto& [key, value] : parameters(parts.query)) {
        secrets.emplace_back(value);
        secrets.push_back(decoded(value));
    }
    // The longest first; what is very short, such as "1", is no secret and may stand anywhere.
    std::erase_if(secrets, [](const std::string& secret) { return secret.size() < 3; });
    std::sort(secrets.begin(), secrets.end(),
              [](const std::string& left, const std::string& right) { return left.size() > right.size(); });
    for (const auto& secret : secrets) replace_all(text, secret, "…");
    return text;
}

std::string host_of_uri(std::string_view uri) {
    const auto host = split_uri(uri).host;
    const auto bracket = host.find(']');
    const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    return std::string(host.substr(0, colon));
}

bool is_local_uri(std::string_view uri) { return uri.find(":///") != std::string_view::npos; }

bool is_same_host(std::string_view name, std::string_view other) {
    return name.substr(0, name.find('.')) == other.substr(0, other.find('.'));
}

bool is_session_uri(std::string_view uri) { return uri.substr(0, uri.find('?')).ends_with("/session"); }

void check_callers_uri(const std::string& uri) {
    constexpr std::size_t longest = 1'000;
    const auto printable = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '#'; };
    if (uri.size() > longest || !std::all_of(uri.begin(), uri.end(), printable))
        refuse_uri("must have up to 1000 printable ASCII characters, and no \"#\"");
    const auto parts = split_uri(uri);
    if (!has_word(callers_drivers, parts.driver))
        refuse_uri(fmt::format("must be DRIVER[+TRANSPORT]://[USER@][HOST]/PATH with one of libvirt's drivers: {}",
                               fmt::join(callers_drivers, ", ")));
    if (!has_word(callers_transports, parts.transport) || uri.find("+://") != std::string::npos)
        refuse_uri("a transport must be one of unix, tcp, tls, ssh, libssh2, libssh");
    // libxml2 takes all that follows for the user.
    if (uri.find("://@") != std::string::npos) refuse_uri("there is no user before \"@\"");
    check_authority(parts);
    check_path(parts);
    check_query(parts);
}

}  // namespace virtbus
