// SPDX-License-Identifier: LGPL-2.1-or-later
// systemd.machine_id= in what a guest boots with: it beats /etc/machine-id, and is written into it at each boot. The
// functions on text are pure; those on files look at, or change, a guest's. What is changed keeps its length, so that
// it is done in place, needs no space, and a crash leaves the old or the new. One thread.
#pragma once

#include "helper/guest_changes.h"
#include "model/machine_id.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

/// A place in a text that sets an id. What is no id, such as "firmware", is none.
struct IdMention {
    std::size_t key = 0;    ///< where the name of the setting begins, with the quotes that it may have
    std::size_t value = 0;  ///< where the id begins
    std::size_t size = 0;   ///< of the id: 32 digits, or 36 with dashes
    std::size_t end = 0;    ///< of all of it, with the quotes that the id may have
    MachineId id;
};

/// Of the text of a boot loader's file, or of a kernel command line. Comments, lines that begin with "#", set nothing.
std::vector<IdMention> find_id_mentions(std::string_view text);
/// The same of /etc/machine-info: KERNEL_INSTALL_MACHINE_ID=, which kernel-install(8) makes entries with.
std::vector<IdMention> find_install_ids(std::string_view text);

struct TextPatch {
    std::size_t offset = 0;
    std::string bytes;
};

/// What makes a mention one of another id, in the form it has; without one, what blanks it out.
TextPatch patch_of(const IdMention& mention, const std::optional<MachineId>& id);

/// A part of a file.
struct FileSpan {
    std::size_t offset = 0;
    std::size_t size = 0;
};

/// Where the command lines of a unified kernel image are: `head` is the beginning of the file. None if it is no such.
std::vector<FileSpan> find_uki_command_lines(std::string_view head);

struct BootOverride {
    enum class Kind { loader_entry, kernel_cmdline_file, grub, uki };
    Kind kind = Kind::loader_entry;
    std::string path;
    std::vector<IdMention> mentions;
    bool takes_effect = false;  ///< at the next boot; others only when entries are made anew

    /// Such as "loader-entry:/boot/loader/entries/a.conf".
    [[nodiscard]] std::string text() const;
};

/// Error unsupported_guest if there is too much to look at.
std::vector<BootOverride> find_boot_overrides(GuestFiles& files);

/// Error unsupported_guest for one that sets an id that is not among `old`, or cannot be rewritten.
void check_boot_overrides(const std::vector<BootOverride>& overrides, const std::vector<MachineId>& old);

void change_boot_overrides(GuestChanges& changes, const std::vector<BootOverride>& overrides,
                           const std::optional<MachineId>& id);

/// What the guest boots with: nothing if none sets an id, or if they set several.
struct BootId {
    std::optional<MachineId> id;
    bool is_ambiguous = false;
};
BootId boot_id_of(const std::vector<BootOverride>& overrides);

}  // namespace virtbus
