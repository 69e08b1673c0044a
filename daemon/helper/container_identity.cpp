// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/container_identity.h"

#include "helper/directory_files.h"
#include "helper/guest_changes.h"
#include "helper/guest_hostname.h"
#include "helper/guest_identity.h"
#include "helper/guest_system.h"
#include "model/error.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

GuestIdentity read_below(DirectoryFiles& files) {
    auto found = read_guest_identity(files);
    found.operating_system = system_name(files);
    return found;
}

void change_files(const std::string& root, const IdentityChange& change) {
    IdentityFiles identity(root);
    if (change.kind == IdentityChange::Kind::assign)
        identity.assign(*change.id);
    else
        identity.seal(change.uninitialized);
}

/// What stands in the way of an id is, of a guest, a guest that is not supported.
Error as_of_guest(const Error& error) {
    return error.code() == Code::invalid_state ? Error(Code::unsupported_guest, error.what()) : error;
}

}  // namespace

GuestIdentity read_container_identity(const std::string& root) {
    DirectoryFiles files(root);
    return read_below(files);
}

GuestIdentity change_container_identity(const std::string& root, const IdentityChange& change) {
    check_identity_change(change);
    DirectoryFiles files(root);
    check_expected(change, read_guest_identity(files).id);
    if (change.kind == IdentityChange::Kind::seal) require_systemd(files);
    GuestChanges changes(files);
    try {
        if (change.hostname) change_hostname(files, changes, *change.hostname);
        change_files(root, change);
    } catch (const Error& error) {
        changes.give_up(as_of_guest(error));
    }
    return read_below(files);
}

}  // namespace virtbus
