// SPDX-License-Identifier: LGPL-2.1-or-later
// What libvirt is told when it asks who we are: user and password, from a file of the administrator's that is named
// after the hypervisor. It is read at each connecting, on a worker thread, so that a changed password needs no restart.
#pragma once

#include <libvirt/libvirt.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace virtbus {

struct Credentials {
    std::string username;  ///< "": libvirt's own default
    std::string password;
    std::optional<std::string> host;  ///< the only one that may hear them
};

/// Where files of credentials are, and for whom they are.
struct CredentialsSource {
    std::filesystem::path given;      ///< systemd's $CREDENTIALS_DIRECTORY, which it guards; "": none
    std::filesystem::path directory;  ///< the administrator's; "": none
    std::string name;                 ///< the file's: the hypervisor's name
    bool needs_host = false;          ///< its URI is a caller's: the administrator says to which host they may go
};

/// Reads `source`'s file for a connection to `uri`; nothing where there is none. Error access_denied, naming the file,
/// for one that others can read or that is for another host; invalid_args for one that is not a JSON object of
/// username, password and host.
std::optional<Credentials> read_credentials(const CredentialsSource& source, const std::string& uri);

/// Answers libvirt's questions; lives as long as it may ask.
class CredentialsAnswer {
public:
    /// Without credentials every question that has no answer of its own fails.
    explicit CredentialsAnswer(std::optional<Credentials> credentials);

    virConnectAuthPtr get() { return &auth_; }

private:
    static int answer(virConnectCredentialPtr questions, unsigned count, void* self);

    std::optional<Credentials> credentials_;
    virConnectAuth auth_;
};

}  // namespace virtbus
