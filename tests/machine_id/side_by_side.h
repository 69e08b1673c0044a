// SPDX-License-Identifier: LGPL-2.1-or-later
// Two equal trees: in one the real dbus-uuidgen works, in the other IdentityFiles, and both must come to the same.
#pragma once

#include "machine_id/small_system.h"

#include <sys/mount.h>

namespace virtbus::test {

enum class Turn { get, ensure };

/// IdentityFiles as if it were dbus-uuidgen: exit status, id or error, names as inside of the tree.
Ended our_turn(const SmallSystem& system, IdFile file, Turn turn, ::uid_t user = 0, ::mode_t mask = 022);
Ended their_turn(const SmallSystem& system, IdFile file, Turn turn, ::uid_t user = 0, ::mode_t mask = 022);

class SideBySide {
public:
    [[nodiscard]] const SmallSystem& theirs() const { return theirs_; }
    [[nodiscard]] const SmallSystem& ours() const { return ours_; }
    static std::filesystem::path path_in(const SmallSystem& system, IdFile file) {
        return file == IdFile::etc ? system.etc() : system.dbus();
    }

    void build(const std::function<void(const SmallSystem&)>& piece) const;

    /// Both do it, and it has the same outcome and effect. Ids that are new may differ: `same_ids` false.
    void get(IdFile file, ::uid_t user = 0, bool is_comparable = true) const;
    void ensure(IdFile file, ::uid_t user = 0, ::mode_t mask = 022) const;
    /// dbus-uuidgen succeeds by overwriting the file; ours fails, and nothing changes.
    void ensure_deviates(IdFile file, ::uid_t user) const;

    void expect_same_files() const;

private:
    SmallSystem theirs_;
    SmallSystem ours_;
};

}  // namespace virtbus::test
