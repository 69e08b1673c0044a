// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/identity_look.h"

#include "model/error.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

constexpr std::int64_t id_file_max = 1 << 20;

Error no_id_file(const std::string& why) {
    return {Code::unsupported_guest, fmt::format("The guest's {} {}", guest_etc_path, why)};
}

void refuse_irregular_etc(const IdFileFound& etc) {
    const bool is_link = etc.itself.kind == FileFacts::Kind::link;
    switch (etc.target.kind) {
        case FileFacts::Kind::missing:
            if (is_link) throw no_id_file("is a link that leads nowhere, or to itself: make it a file");
            return;
        case FileFacts::Kind::directory: throw no_id_file("is a directory, or leads to one: make it a file");
        case FileFacts::Kind::other:
        case FileFacts::Kind::link: throw no_id_file("is a device, a FIFO or a socket: make it a file");
        case FileFacts::Kind::regular: break;
    }
    if (etc.target.size > id_file_max)
        throw no_id_file(fmt::format("has {} bytes, and an id has 33: empty it", etc.target.size));
}

IdContent read_content(GuestFiles& files, const std::string& path, const FileFacts& target) {
    IdContent none;
    none.state = target.kind == FileFacts::Kind::missing ? IdState::missing : IdState::invalid;
    if (target.kind != FileFacts::Kind::regular || target.size > id_file_max) return none;
    return classify(files.read(path, 0, static_cast<std::size_t>(target.size)));
}

IdFileFound find_id_file(GuestFiles& files, const std::string& path) {
    IdFileFound found;
    found.itself = files.look(path);
    found.target = found.itself.kind == FileFacts::Kind::link ? files.look_through(path) : found.itself;
    return found;
}

DbusState dbus_state_of(const IdFileFound& dbus, const IdFileFound& etc) {
    if (dbus.itself.kind == FileFacts::Kind::link && dbus.target.is_same_file(etc.target)) return DbusState::link;
    // A link to nothing is one to etc, in all likelihood, when that is missing too.
    if (dbus.target.kind == FileFacts::Kind::missing) {
        const bool is_link = dbus.itself.kind == FileFacts::Kind::link;
        return is_link && etc.target.kind == FileFacts::Kind::missing ? DbusState::link : DbusState::missing;
    }
    if (dbus.content.state == IdState::empty) return DbusState::empty;
    if (!dbus.content.dbus || dbus.content.state == IdState::null) return DbusState::invalid;
    const auto& other = etc.content.systemd ? etc.content.systemd : etc.content.dbus;
    return dbus.content.dbus == other ? DbusState::same : DbusState::different;
}

}  // namespace

IdentityLook look_at_identity(GuestFiles& files) {
    IdentityLook look;
    look.etc = find_id_file(files, guest_etc_path);
    refuse_irregular_etc(look.etc);
    look.etc.content = read_content(files, guest_etc_path, look.etc.target);
    look.dbus = find_id_file(files, guest_dbus_path);
    look.dbus.content = read_content(files, guest_dbus_path, look.dbus.target);
    look.dbus_state = dbus_state_of(look.dbus, look.etc);
    look.overrides = find_boot_overrides(files);
    return look;
}

}  // namespace virtbus
