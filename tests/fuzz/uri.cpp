// SPDX-License-Identifier: LGPL-2.1-or-later
// URIs that callers name. The judge is libxml2's parser, which libvirt reads them with: both must see the same parts,
// or what was refused could come in.
#include "fuzz_target.h"

#include "model/uri.h"

#include <libxml/uri.h>

#include <memory>
#include <set>
#include <string>

namespace virtbus::fuzz {

namespace {

using Uri = std::unique_ptr<xmlURI, decltype(&xmlFreeURI)>;

std::string text(const char* part) { return part == nullptr ? "" : part; }

/// As libvirt's virURIParseParams().
void check_query(std::string query) {
    static const std::set<std::string> harmless{"socket", "mode", "sshauth", "no_tty", "auto_answer"};
    while (!query.empty()) {
        const auto end = std::min(query.find_first_of("&;"), query.size());
        const auto one = query.substr(0, end);
        query.erase(0, end + 1);
        if (one.empty() || one.front() == '=') continue;
        const std::unique_ptr<char, decltype(xmlFree)> key(
            xmlURIUnescapeString(one.substr(0, one.find('=')).c_str(), 0, nullptr), xmlFree);
        require(harmless.contains(text(key.get())), "only harmless keys of a query are taken");
    }
}

void check_taken(const std::string& uri) {
    const Uri parsed(xmlParseURI(uri.c_str()), xmlFreeURI);
    if (!parsed) return;
    static const std::set<std::string> transports{"", "+unix", "+tcp", "+tls", "+ssh", "+libssh2", "+libssh"};
    const auto scheme = text(parsed->scheme);
    const auto driver = scheme.substr(0, scheme.find('+'));
    require(transports.contains(scheme.substr(driver.size())), "only harmless transports are taken");
    require(text(parsed->fragment).empty(), "no fragment is taken");
    for (const auto& part : {text(parsed->server), text(parsed->user)})
        require(part.empty() || part.front() != '-', "no host or user is an option of ssh");
    require(text(parsed->user).find(':') == std::string::npos, "no password is taken");
    if (driver == "test") require(text(parsed->path) == "/default", "the test driver reads no file");
    if (driver == "qemu") require(text(parsed->path).find("embed") == std::string::npos, "QEMU is not embedded");
    check_query(text(parsed->query_raw));
}

}  // namespace

void read_anything(std::string_view input) {
    const std::string uri(input);
    if (is_taken([&] { check_callers_uri(uri); })) check_taken(uri);
    const auto shown = public_uri(uri);
    require(shown.find('?') == std::string::npos, "a query is not shown");
    is_local_uri(uri);
    is_session_uri(uri);
    is_same_host(host_of_uri(uri), "host.example");
    without_secrets("cannot open '" + uri + "'", uri);
}

}  // namespace virtbus::fuzz
