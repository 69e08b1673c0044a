// SPDX-License-Identifier: LGPL-2.1-or-later
// IdentityFiles against the real dbus-uuidgen where no file is named (rows D1 to D17), and the recipes that people use
// to give a system another id, those that work and those that do not.
#include "machine_id/side_by_side.h"

#include <cstdlib>

namespace virtbus::test {
namespace {

namespace fs = std::filesystem;

/// What can be at one of the two paths.
void put(const SmallSystem& system, const fs::path& path, const std::string& what) {
    if (what == "absent") return;
    if (what == "link")
        fs::create_symlink("/etc/machine-id", path);
    else if (what == "directory")
        fs::create_directory(path);
    else if (what == "no directory")
        fs::remove_all(path.parent_path());
    else if (what == "hard link")
        fs::create_hard_link(system.etc(), path);
    else if (what == "A" || what == "B")
        write_file(path, (what == "A" ? id_a : id_b) + "\n");
    else
        write_file(path, what == "empty" ? "" : what + "\n");
}

struct DefaultRow {
    std::string name;
    std::string dbus;
    std::string etc;
    ::uid_t user = 0;
};

std::vector<DefaultRow> default_rows() {
    std::vector<DefaultRow> rows{
        {"D1", "absent", "absent"},
        {"D2", "absent", "B"},
        {"D4", "A", "absent"},
        {"D5", "A", "B"},
        {"D10", "link", "absent"},
        {"D11", "link", "B"},
        {"D13", "no directory", "absent"},
        {"D14", "no directory", "B"},
        {"D15", "directory", "B"},
        {"directory", "directory", "absent"},
        {"D16", "absent", "B", nobody},
        {"D17", "absent", "absent", nobody},
    };
    for (const std::string invalid : {"empty", "uninitialized", "junk"}) {
        rows.push_back({"D3", "absent", invalid});
        rows.push_back({"D6", "A", invalid});
        rows.push_back({"D12", "link", invalid});
        rows.push_back({"D13", "no directory", invalid});
        for (const std::string other : {"empty", "junk"}) rows.push_back({"D9", other, invalid});
    }
    for (const std::string invalid : {"empty", "junk"}) {
        rows.push_back({"D7", invalid, "absent"});
        rows.push_back({"D8", invalid, "B"});
    }
    return rows;
}

class DefaultMode : public RootTest {};

TEST_F(DefaultMode, IsAsWithDbusUuidgen) {
    for (const auto& row : default_rows()) {
        SCOPED_TRACE(row.name + ": dbus " + row.dbus + ", etc " + row.etc);
        SideBySide pair;
        pair.build([&](const SmallSystem& system) {
            put(system, system.etc(), row.etc);
            put(system, system.dbus(), row.dbus);
        });
        pair.get(IdFile::standard, row.user);
        pair.ensure(IdFile::standard, row.user);
        pair.get(IdFile::standard, row.user);
    }
}

TEST_F(DefaultMode, LeavesWhatIsTooLargeButTakesTheOtherFilesId) {
    // Deviation: dbus-uuidgen overwrites it. Both say the id of the other file.
    SideBySide pair;
    pair.build([](const SmallSystem& system) {
        put(system, system.etc(), "B");
        write_file(system.dbus(), std::string((1 << 20) + 1, ' '));
    });
    pair.get(IdFile::standard);
    EXPECT_EQ(our_turn(pair.ours(), IdFile::standard, Turn::ensure).status, 0);
    EXPECT_EQ(fs::file_size(pair.ours().dbus()), (1U << 20) + 1);
    EXPECT_EQ(their_turn(pair.theirs(), IdFile::standard, Turn::ensure).status, 0);
    EXPECT_EQ(fs::file_size(pair.theirs().dbus()), 33U);
}

class Recipe : public RootTest {
protected:
    /// For each way that a system with an id can look.
    static void for_each_start(const std::function<void(const SideBySide&, const std::string&)>& piece) {
        for (const std::string dbus : {"link", "A", "hard link", "absent"}) {
            SCOPED_TRACE("dbus: " + dbus);
            SideBySide pair;
            pair.build([&](const SmallSystem& system) {
                put(system, system.etc(), "A");
                put(system, system.dbus(), dbus);
            });
            piece(pair, dbus);
        }
    }
    static std::string said_by_dbus(const SmallSystem& system) { return line_in(system.dbus_uuidgen("--get").output); }
    static void expect_one_new_id(const SmallSystem& system) {
        const auto id = system.systemd_says();
        EXPECT_TRUE(MachineId::parse(id)) << id;
        EXPECT_NE(id, id_a);
        EXPECT_EQ(said_by_dbus(system), id);
    }
    static void remove(const SideBySide& pair, bool also_dbus) {
        pair.build([&](const SmallSystem& system) {
            fs::remove(system.etc());
            if (also_dbus) fs::remove(system.dbus());
        });
    }
};

TEST_F(Recipe, OfRemovingEtcAloneLeavesTheOldIdInACopy) {
    for_each_start([](const SideBySide& pair, const std::string& dbus) {
        remove(pair, false);
        pair.ensure(IdFile::etc);
        pair.get(IdFile::standard);
        const bool is_copy = dbus == "A" || dbus == "hard link";
        EXPECT_EQ(said_by_dbus(pair.ours()) == id_a, is_copy);
        if (!is_copy) expect_one_new_id(pair.ours());
    });
}

TEST_F(Recipe, OfRemovingBothGivesANewId) {
    for_each_start([](const SideBySide& pair, const std::string&) {
        remove(pair, true);
        pair.ensure(IdFile::etc);
        pair.ensure(IdFile::standard);
        expect_one_new_id(pair.theirs());
        expect_one_new_id(pair.ours());
    });
}

TEST_F(Recipe, InTheWrongOrderGivesTwoIds) {
    for_each_start([](const SideBySide& pair, const std::string&) {
        remove(pair, true);
        pair.ensure(IdFile::standard);
        pair.ensure(IdFile::etc);
        EXPECT_NE(pair.theirs().systemd_says(), said_by_dbus(pair.theirs()));
        EXPECT_NE(pair.ours().systemd_says(), said_by_dbus(pair.ours()));
        EXPECT_FALSE(pair.ours().files().read().consistent);
    });
}

TEST_F(Recipe, OfEmptyingEtcFails) {
    for_each_start([](const SideBySide& pair, const std::string&) {
        pair.build([](const SmallSystem& system) { write_file(system.etc(), ""); });
        EXPECT_EQ(our_turn(pair.ours(), IdFile::etc, Turn::ensure).status, 1);
        pair.ensure(IdFile::etc);
    });
}

TEST_F(Recipe, OfSuseGivesSystemdTheIdOfDbus) {
    for_each_start([](const SideBySide& pair, const std::string&) {
        remove(pair, true);
        pair.ensure(IdFile::standard);
        const auto id = said_by_dbus(pair.ours());
        const auto setup = "systemd-machine-id-setup >/dev/null 2>&1 --root=" + pair.ours().root().string();
        ASSERT_EQ(std::system(setup.c_str()), 0);
        EXPECT_EQ(pair.ours().systemd_says(), id);
        expect_one_new_id(pair.ours());
    });
}

TEST_F(Recipe, IsNotNeededForReplaceWorksFromEachStart) {
    for_each_start([](const SideBySide& pair, const std::string& dbus) {
        const auto id = MachineId::random();
        pair.ours().files().replace(id);
        expect_one_new_id(pair.ours());
        EXPECT_EQ(said_by_dbus(pair.ours()), id.text());
        EXPECT_EQ(state_of(pair.ours().dbus()).kind, dbus == "link" ? "link" : dbus == "absent" ? "absent" : "file");
    });
}

}  // namespace
}  // namespace virtbus::test
