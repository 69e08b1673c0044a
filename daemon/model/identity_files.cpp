// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/identity_files.h"

#include "model/error.h"
#include "model/file_change.h"
#include "model/identity_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace virtbus {

namespace {

using LookKind = IdFileLook::Kind;

/// dbus-uuidgen's; a file that systemd reads alone is never to be written.
constexpr ::mode_t ensured_mode = 0644;
constexpr ::mode_t assigned_mode = 0444;
/// For who does not lock: dbus-uuidgen, systemd.
constexpr int most_surprises = 10;

std::string line_of(const MachineId& id) { return id.text() + "\n"; }

FileKind new_file(const SystemRoot& root, ::mode_t mode) {
    const auto owner = root.status();
    return {.mode = mode, .owner = owner.st_uid, .group = owner.st_gid};
}

FileKind same_as(const NamedFile& file) {
    return {.mode = file.status.st_mode, .owner = file.status.st_uid, .group = file.status.st_gid, .label = &file};
}

Error not_created(const SystemRoot& root, const std::string& path) {
    return {Code::failed, fmt::format("Could not create {}: {}", root.shown(path), std::strerror(errno))};
}

DbusState state_of_own(const IdFileLook& dbus, const IdContent& etc) {
    if (dbus.content.dbus && dbus.content.state != IdState::null)
        return dbus.content.dbus == (etc.systemd ? etc.systemd : etc.dbus) ? DbusState::same : DbusState::different;
    switch (dbus.content.state) {
        case IdState::missing: return DbusState::missing;
        case IdState::empty: return DbusState::empty;
        case IdState::unknown: return DbusState::unknown;
        case IdState::valid:
        case IdState::non_canonical:
        case IdState::null:
        case IdState::uninitialized:
        case IdState::invalid: return DbusState::invalid;
    }
    return DbusState::unknown;
}

/// libdbus goes on to the other file when this one has no id; GLib only when it cannot be read.
bool all_agree(const IdFileLook& dbus, const IdContent& etc) {
    const auto libdbus = dbus.content.dbus ? dbus.content.dbus : etc.dbus;
    const bool is_missing = dbus.kind == LookKind::missing || dbus.kind == LookKind::dangling;
    const auto glib = is_missing ? etc.glib : dbus.content.glib;
    return etc.systemd && libdbus == etc.systemd && glib == etc.systemd;
}

std::string_view explanation(std::string_view obstacle) {
    if (obstacle == "mount-point") return "something is mounted on it, which a reboot or umount(8) ends";
    if (obstacle == "tmpfs") return "it is in memory, and gone with the next boot";
    if (obstacle == "read-only") return "its file system or the file is read-only; see mount(8) and chattr(1)";
    return "it has another name, ln(1), whose content would change too; replace it by a copy of its own";
}

void refuse_obstacles(const SystemRoot& root, const IdTargets& targets, std::string_view allowed) {
    for (const auto& obstacle : id_obstacles(targets))
        if (obstacle != allowed)
            throw Error(Code::invalid_state, fmt::format("The machine-id of {} cannot be changed ({}): {}",
                                                         root.shown("/"), obstacle, explanation(obstacle)));
}

void refuse_irregular(const IdTarget& target) {
    if (!target.file || target.file->is_regular()) return;
    throw Error(Code::failed, fmt::format("\"{}\" is not a regular file: remove it", target.place.path));
}

void remove_leftovers(const IdTargets& targets) {
    remove_leftover(targets.etc.place);
    if (targets.dbus) remove_leftover(targets.dbus->place);
}

/// What is to be changed, if it can be; under the lock.
IdTargets changeable(const SystemRoot& root, std::string_view allowed_obstacle) {
    const auto etc = root.find(etc_id_path);
    const int number = errno;
    const auto link = root.find_link(etc_id_path);
    if (!etc && link && link->is_link())
        throw Error(Code::failed, fmt::format("\"{}\" is a link to nothing ({}): remove it", root.shown(etc_id_path),
                                              std::strerror(number)));
    const auto found = find_id_targets(root);
    if (!found) throw not_created(root, etc_id_path);
    remove_leftovers(*found);
    auto targets = find_id_targets(root);  // again: a leftover may be a second name
    if (!targets) throw not_created(root, etc_id_path);
    refuse_irregular(targets->etc);
    if (targets->dbus) refuse_irregular(*targets->dbus);
    refuse_obstacles(root, *targets, allowed_obstacle);
    return std::move(*targets);
}

Replacement replacement(const SystemRoot& root, const IdTarget& target, const MachineId& id) {
    const auto kind = target.file ? same_as(*target.file) : new_file(root, assigned_mode);
    return Replacement::file(target.place, line_of(id), kind);
}

/// In place, or made.
void write_etc(const SystemRoot& root, const IdTarget& etc, const std::string& content) {
    if (etc.file) {
        WritingInPlace(*etc.file, etc.place.path).write(content);
    } else if (!Replacement::file(etc.place, content, new_file(root, assigned_mode)).take_free_place()) {
        throw Error(Code::busy, fmt::format("Somebody else has just made {}", etc.place.path));
    }
}

/// Gives `path` an id, if what was seen there may make way for one. False: it is no longer as it was seen.
bool make_id_file(const SystemRoot& root, const std::string& path, const IdFileLook& seen, const MachineId& id) {
    const auto place = root.place(path);
    if (!place) throw not_created(root, path);
    const auto old = find_in(*place);
    auto kind = new_file(root, ensured_mode);
    if (old && old->is_regular()) kind.label = &*old;
    auto file = Replacement::file(*place, line_of(id), kind);
    if (seen.kind == LookKind::missing) return file.take_free_place();
    file.take_place();
    sync_directory(*place);
    return true;
}

bool may_make(IdFile file, const IdFileLook& seen) {
    switch (seen.kind) {
        case LookKind::missing:
        case LookKind::dangling: return true;
        case LookKind::content: return file == IdFile::standard;
        case LookKind::refused: return false;
    }
    return false;
}

}  // namespace

std::string_view to_string(DbusState state) {
    switch (state) {
        case DbusState::link: return "link";
        case DbusState::same: return "same";
        case DbusState::different: return "different";
        case DbusState::missing: return "missing";
        case DbusState::empty: return "empty";
        case DbusState::invalid: return "invalid";
        case DbusState::unknown: return "unknown";
    }
    return "";
}

std::optional<DbusState> to_dbus_state(std::string_view word) {
    for (const auto state : {DbusState::link, DbusState::same, DbusState::different, DbusState::missing,
                             DbusState::empty, DbusState::invalid, DbusState::unknown})
        if (word == to_string(state)) return state;
    return std::nullopt;
}

std::optional<IdFile> to_id_file(std::string_view word) {
    if (word.empty()) return IdFile::standard;
    if (word == "etc") return IdFile::etc;
    if (word == "dbus") return IdFile::dbus;
    return std::nullopt;
}

IdentityFiles::IdentityFiles(const std::string& root) : root_(root) {}

IdentityReading judge_id_files(const IdFileLook& etc, const IdFileLook& dbus, bool is_link) {
    IdentityReading reading;
    reading.etc = etc.content;
    reading.dbus = dbus.content;
    reading.dbus_state = is_link ? DbusState::link : state_of_own(dbus, etc.content);
    reading.id = etc.content.systemd;
    reading.consistent = all_agree(dbus, etc.content);
    return reading;
}

IdentityReading IdentityFiles::read() const {
    const auto targets = find_id_targets(root_);
    auto reading = judge_id_files(look_at_id(root_, etc_id_path), look_at_id(root_, dbus_id_path),
                                  targets && targets->dbus_is_link);
    if (targets) reading.obstacles = id_obstacles(*targets);
    return reading;
}

MachineId IdentityFiles::get(IdFile file) const {
    const auto first = look_at_id(root_, file == IdFile::etc ? etc_id_path : dbus_id_path);
    if (first.content.dbus) return *first.content.dbus;
    if (file != IdFile::standard) throw Error(Code::failed, first.failure);
    const auto second = look_at_id(root_, etc_id_path);
    if (second.content.dbus) return *second.content.dbus;
    throw Error(Code::failed,
                fmt::format("D-Bus library appears to be incorrectly set up: see the manual page for dbus-uuidgen to "
                            "correct this issue. ({}; {})",
                            first.failure, second.failure));
}

IdentityFiles::Ensured IdentityFiles::ensure(IdFile file) {
    const std::string path = file == IdFile::etc ? etc_id_path : dbus_id_path;
    if (const auto seen = look_at_id(root_, path); seen.content.dbus) return {false, *seen.content.dbus};
    const RootLock lock(root_);
    for (int surprises = 0; surprises < most_surprises; ++surprises) {
        const auto seen = look_at_id(root_, path);
        if (seen.content.dbus) return {false, *seen.content.dbus};
        const auto known = file == IdFile::standard ? look_at_id(root_, etc_id_path).content.dbus : std::nullopt;
        if (!may_make(file, seen)) {
            if (known) return {false, *known};
            throw Error(Code::failed, seen.failure);
        }
        const auto id = known.value_or(MachineId::random());
        try {
            if (make_id_file(root_, path, seen, id)) return {true, id};
        } catch (const Error&) {
            // As dbus-uuidgen: libdbus has an id already, and finds it in the other file.
            if (known) return {false, *known};
            throw;
        }
    }
    throw Error(Code::busy, fmt::format("Somebody else makes {} and removes it again", root_.shown(path)));
}

bool IdentityFiles::link_dbus() {
    const RootLock lock(root_);
    const auto targets = find_id_targets(root_);
    const auto etc = look_at_id(root_, etc_id_path).content.systemd;
    if (!targets || !etc)
        throw Error(Code::invalid_state,
                    fmt::format("{} has no id that a link could lead to", root_.shown(etc_id_path)));
    if (targets->dbus_is_link) return false;
    const auto dbus = look_at_id(root_, dbus_id_path);
    const bool is_missing = dbus.kind == LookKind::missing || dbus.kind == LookKind::dangling;
    if (!is_missing && dbus.content.dbus != etc)
        throw Error(Code::invalid_state, fmt::format("{} has not the id of {}: remove the wrong one of them",
                                                     root_.shown(dbus_id_path), root_.shown(etc_id_path)));
    const auto place = root_.place(dbus_id_path);
    if (!place) throw not_created(root_, dbus_id_path);
    auto link = Replacement::link(*place, etc_id_path);
    if (dbus.kind == LookKind::missing && !link.take_free_place())
        throw Error(Code::busy, fmt::format("Somebody else has just made {}", place->path));
    if (dbus.kind != LookKind::missing) link.take_place();
    sync_directory(*place);
    return true;
}

void IdentityFiles::replace(const MachineId& id) {
    const RootLock lock(root_);
    const auto targets = changeable(root_, {});
    // Both are on the disk before the first is seen: what can fail has not failed then.
    auto etc = replacement(root_, targets.etc, id);
    std::optional<Replacement> dbus;
    if (targets.dbus) dbus.emplace(replacement(root_, *targets.dbus, id));
    etc.take_place();
    if (dbus) dbus->take_place();
    sync_directory(targets.etc.place);
    if (dbus) sync_directory(targets.dbus->place);
    verify(id);
}

void IdentityFiles::assign(const MachineId& id) {
    const RootLock lock(root_);
    const auto targets = changeable(root_, "tmpfs");
    std::optional<WritingInPlace> dbus;
    if (targets.dbus && !targets.are_one_file()) {
        dbus.emplace(*targets.dbus->file, targets.dbus->place.path);
        dbus->write(line_of(id));
    }
    try {
        write_etc(root_, targets.etc, line_of(id));
    } catch (const Error&) {
        if (dbus) dbus->undo();
        throw;
    }
    verify(id);
}

void IdentityFiles::seal(bool uninitialized) {
    const RootLock lock(root_);
    const auto targets = changeable(root_, "tmpfs");
    // First, because systemd would take an empty file's id from here.
    if (targets.dbus) {
        const auto place = root_.place(dbus_id_path);  // of the link, if it is one
        if (!place) throw not_created(root_, dbus_id_path);
        Replacement::link(*place, etc_id_path).take_place();
        sync_directory(*place);
    }
    write_etc(root_, targets.etc, uninitialized ? "uninitialized\n" : "");
}

void IdentityFiles::verify(const MachineId& id) const {
    if (read().id != id || get(IdFile::standard) != id)
        throw Error(Code::failed, fmt::format("The machine-id of {} was written, and then read as another: somebody "
                                              "else changes it at the same time",
                                              root_.shown("/")));
}

}  // namespace virtbus
