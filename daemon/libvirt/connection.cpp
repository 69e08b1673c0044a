// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/connection.h"

#include "base/log.h"
#include "base/unique_fd.h"
#include "libvirt/error.h"
#include "model/uri.h"

#include <sys/socket.h>

#include <cerrno>

namespace virtbus {

namespace {

/// The service's sandbox has no network, and libvirt does not know why.
const char* way_out(const std::string& uri) {
    if (host_of_uri(uri).empty()) return "";
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return socket || errno != EAFNOSUPPORT ? ""
                                           : " (virtbus.service has no network: remote-hypervisors.conf, in "
                                             "/usr/share/virtbus, says how to give it one)";
}

}  // namespace

OpenedConnection open_connection(const std::string& uri, Keepalive keepalive, const CredentialsSource& credentials) {
    CredentialsAnswer answer(read_credentials(credentials, uri));
    ConnectionHandle connection(virConnectOpenAuth(uri.c_str(), answer.get(), 0));
    if (!connection) {
        const auto error = last_error();
        const Code code = code_from(error, nullptr);
        const bool named = code == Code::access_denied || code == Code::not_supported;
        throw Error(named ? code : Code::disconnected,
                    "Cannot connect: " + without_secrets(error.message, uri) + way_out(uri));
    }
    // Fails for drivers inside this process alone; 1 if the other side doesn't know it.
    const int result = virConnectSetKeepAlive(connection.get(), keepalive.interval, keepalive.count);
    if (result != 0)
        log::debug("no keepalive on " + public_uri(uri) + ": " +
                   (result < 0 ? last_error().message : "not known there"));
    return {std::move(connection), result >= 0};
}

}  // namespace virtbus
