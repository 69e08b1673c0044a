// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_identity.h"

#include "helper/boot_entries.h"
#include "helper/guest_changes.h"
#include "helper/guest_hostname.h"
#include "helper/identity_look.h"
#include "model/error.h"
#include "model/hostname.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

constexpr ::mode_t new_file_mode = 0444;  // as systemd makes it
constexpr std::size_t overrides_max = 32;

std::string id_line(const MachineId& id) { return id.text() + "\n"; }

Error unfit_files(const std::string& what) { return {Code::unsupported_guest, what}; }

BootedIdentity judge(const IdentityLook& look) {
    const auto boot = boot_id_of(look.overrides);
    if (boot.is_ambiguous) return {};
    return judge_identity(look.etc.content, look.dbus.content, look.dbus_state, boot.id);
}

GuestIdentity identity_of(GuestFiles& files, const IdentityLook& look) {
    GuestIdentity result;
    const auto booted = judge(look);
    result.state = look.etc.content.state;
    result.dbus_state = look.dbus_state;
    result.id = booted.id;
    result.consistent = booted.consistent;
    for (const auto& found : look.overrides)
        if (result.overrides.size() < overrides_max) result.overrides.push_back(found.text());
    result.hostname = read_hostname(files);
    return result;
}

/// A file that has other names would change there too, and whose they are is not known.
void refuse_hard_links(const IdentityLook& look) {
    const bool are_one = look.dbus.itself.is_same_file(look.etc.target);
    if (look.etc.target.links > (are_one ? 2 : 1))
        throw unfit_files(
            fmt::format("The guest's {} has another name, ln(1), whose content would change too: replace "
                        "it by a copy of its own",
                        guest_etc_path));
    if (!are_one && look.dbus.itself.kind == FileFacts::Kind::regular && look.dbus.itself.links > 1)
        throw unfit_files(
            fmt::format("The guest's {} has another name, ln(1), whose content would change too: make it "
                        "a link to {}",
                        guest_dbus_path, guest_etc_path));
}

void refuse_strange_files(const IdentityLook& look) {
    refuse_hard_links(look);
    if (look.etc.itself.kind == FileFacts::Kind::link && look.etc.content.state == IdState::invalid)
        throw unfit_files(fmt::format("The guest's {} is a link to something that holds no machine-id: make it a file",
                                      guest_etc_path));
    if (look.dbus.target.kind == FileFacts::Kind::directory || look.dbus.target.kind == FileFacts::Kind::other)
        throw unfit_files(
            fmt::format("The guest's {} is no regular file: make it a link to {}", guest_dbus_path, guest_etc_path));
}

std::vector<MachineId> ids_of(const IdentityLook& look) {
    std::vector<MachineId> ids;
    if (look.etc.content.systemd) ids.push_back(*look.etc.content.systemd);
    if (const auto booted = judge(look); booted.id) ids.push_back(*booted.id);
    return ids;
}

void check_overrides(const IdentityLook& look, const IdentityChange& change) {
    std::vector<BootOverride> others;
    for (const auto& found : look.overrides)
        for (const auto& mention : found.mentions)
            if (mention.id != change.id) {
                others.push_back(found);
                break;
            }
    if (others.empty()) return;
    if (!change.boot_entries)
        throw unfit_files(fmt::format("The guest's {} sets a machine-id at each boot, and is not to be changed",
                                      others.front().path));
    auto old = ids_of(look);
    if (change.id) old.push_back(*change.id);
    check_boot_overrides(others, old);
}

void write_etc(GuestChanges& changes, const IdentityLook& look, const std::string& content) {
    if (look.etc.target.kind == FileFacts::Kind::missing)
        changes.create(guest_etc_path, content, new_file_mode);
    else
        changes.rewrite(guest_etc_path, static_cast<std::size_t>(look.etc.target.size), content);
}

/// A file of its own gets the id too, since libdbus and GLib read it first; a link that leads elsewhere is led right.
void assign_dbus(GuestChanges& changes, const IdentityLook& look, const std::string& content) {
    const auto& dbus = look.dbus;
    if (dbus.target.kind == FileFacts::Kind::missing || dbus.target.is_same_file(look.etc.target)) return;
    if (dbus.itself.kind == FileFacts::Kind::link || dbus.itself.size > static_cast<std::int64_t>(1 << 20))
        changes.replace_by_link(guest_dbus_path, guest_etc_path);
    else
        changes.rewrite(guest_dbus_path, static_cast<std::size_t>(dbus.itself.size), content);
}

/// A file that stays would be adopted by systemd, or, empty, be an error for GLib.
void seal_dbus(GuestChanges& changes, const IdentityLook& look) {
    const auto& dbus = look.dbus;
    const bool leads_there = dbus.itself.kind == FileFacts::Kind::link && dbus.target.is_same_file(look.etc.target);
    if (dbus.target.kind == FileFacts::Kind::missing || leads_there) return;
    changes.replace_by_link(guest_dbus_path, guest_etc_path);
}

void make_changes(GuestFiles& files, GuestChanges& changes, const IdentityLook& look, const IdentityChange& change) {
    change_boot_overrides(changes, look.overrides, change.id);
    if (change.kind == IdentityChange::Kind::assign) {
        write_etc(changes, look, id_line(*change.id));
        assign_dbus(changes, look, id_line(*change.id));
    } else {
        write_etc(changes, look, change.uninitialized ? "uninitialized\n" : "");
        seal_dbus(changes, look);
    }
    if (change.hostname) change_hostname(files, changes, *change.hostname);
}

bool is_as_wanted(const GuestIdentity& found, const IdentityChange& change) {
    if (change.hostname && found.hostname != *change.hostname) return false;
    if (change.kind == IdentityChange::Kind::assign)
        return found.id == change.id && found.state == IdState::valid && found.consistent;
    return !found.id && found.overrides.empty() &&
           found.state == (change.uninitialized ? IdState::uninitialized : IdState::empty) &&
           (found.dbus_state == DbusState::link || found.dbus_state == DbusState::missing);
}

GuestIdentity verify(GuestFiles& files, const IdentityChange& change) {
    auto found = identity_of(files, look_at_identity(files));
    if (!is_as_wanted(found, change))
        throw Error(Code::failed,
                    fmt::format("The guest's machine-id was written, but what is read back is another: "
                                "{} is {}, {} is {}",
                                guest_etc_path, to_string(found.state), guest_dbus_path, to_string(found.dbus_state)));
    return found;
}

}  // namespace

BootedIdentity judge_identity(const IdContent& etc, const IdContent& dbus, DbusState dbus_state,
                              const std::optional<MachineId>& boot_id) {
    const bool is_own = dbus_state != DbusState::link && dbus_state != DbusState::missing;
    auto etc_then = etc;
    // What systemd takes from elsewhere it writes into etc. Zeros it takes for an id there, and goes on without one.
    if (boot_id)
        etc_then = classify(id_line(*boot_id));
    else if (!etc.systemd && etc.state != IdState::null && is_own && dbus.systemd)
        etc_then = classify(id_line(*dbus.systemd));
    const auto& id = etc_then.systemd;
    if (!id) return {};
    // libdbus goes on to etc when dbus has no id; GLib only when it cannot be read.
    const auto libdbus = is_own && dbus.dbus ? dbus.dbus : etc_then.dbus;
    const auto glib = is_own ? dbus.glib : etc_then.glib;
    return {.id = id, .consistent = libdbus == id && glib == id};
}

void check_identity_change(const IdentityChange& change) {
    if (change.kind == IdentityChange::Kind::assign && !change.id)
        throw Error(Code::invalid_args, "Which machine-id the guest is to have is not said");
    if (change.kind == IdentityChange::Kind::seal && change.id)
        throw Error(Code::invalid_args, "A guest that is sealed has no machine-id");
    if (change.hostname) check_hostname(*change.hostname);
}

void check_expected(const IdentityChange& change, const std::optional<MachineId>& found) {
    if (change.expected && found != change.expected)
        throw Error(Code::stale_generation, found ? "The guest has another machine-id than expected: read it again"
                                                  : "The guest has no machine-id, and one was expected: read it again");
}

void require_systemd(GuestFiles& files) {
    for (const auto* path : {"/usr/lib/systemd/systemd", "/lib/systemd/systemd"})
        if (files.look_through(path).kind == FileFacts::Kind::regular) return;
    throw unfit_files("There is no systemd in the guest: nothing would give it a machine-id. Assign one instead");
}

GuestIdentity read_guest_identity(GuestFiles& files) { return identity_of(files, look_at_identity(files)); }

GuestIdentity change_guest_identity(GuestFiles& files, const IdentityChange& change,
                                    const std::function<void()>& begin) {
    check_identity_change(change);
    const auto look = look_at_identity(files);
    check_expected(change, judge(look).id);
    if (change.kind == IdentityChange::Kind::seal) require_systemd(files);
    refuse_strange_files(look);
    check_overrides(look, change);
    begin();
    GuestChanges changes(files);
    try {
        make_changes(files, changes, look, change);
        files.settle();
        auto found = verify(files, change);
        changes.keep();
        return found;
    } catch (const Error& error) {
        changes.give_up(error);
    }
}

}  // namespace virtbus
