// SPDX-License-Identifier: LGPL-2.1-or-later
// What is read of a system's two files: by libsystemd and dbus-uuidgen as the judges, and in virtbus's words.
#include "machine_id/small_system.h"

#include "model/error.h"
#include "support/errors.h"

#include <sys/stat.h>

#include <cerrno>

namespace virtbus::test {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class Reading : public RootTest {
protected:
    /// The tree with these in its two files; "-" = none, "link" = a link to the other.
    static void put(const SmallSystem& system, const std::string& etc, const std::string& dbus) {
        fs::remove(system.etc());
        fs::remove(system.dbus());
        if (etc != "-") write_file(system.etc(), etc);
        if (dbus == "link")
            fs::create_symlink("/etc/machine-id", system.dbus());
        else if (dbus != "-")
            write_file(system.dbus(), dbus);
    }
    static std::string text_of(const std::optional<MachineId>& id) { return id ? id->text() : "none"; }
};

TEST_F(Reading, SaysTheIdThatLibsystemdSays) {
    const SmallSystem system;
    for (const auto& content : {id_a + "\n",
                                id_a,
                                "0123456789ABCDEF0123456789ABCDEF\n"s,
                                std::string(32, 'f') + "\n",
                                id_a + "\n\n",
                                id_a + "\r\n",
                                " " + id_a + "\n",
                                id_a.substr(1) + "\n",
                                id_a + "0\n",
                                id_a.substr(0, 31) + "z\n",
                                "01234567-89ab-cdef-0123-456789abcdef\n"s,
                                std::string(32, '0') + "\n",
                                ""s,
                                "\n"s,
                                "uninitialized\n"s,
                                "uninitialized"s,
                                id_a + "\n" + id_b + "\n",
                                id_a + "\0\n"s,
                                "junk\n"s,
                                "-"s}) {
        put(system, content, "-");
        const auto reading = system.files().read();
        const auto said = system.systemd_says();
        EXPECT_EQ(reading.id ? reading.id->text() : "", said.front() == '-' ? "" : said) << content;
        EXPECT_EQ(reading.id, reading.etc.systemd);
        switch (reading.etc.state) {
            case IdState::valid:
            case IdState::non_canonical: EXPECT_NE(said.front(), '-') << content; break;
            case IdState::missing: EXPECT_EQ(said, std::to_string(-ENOENT)); break;
            case IdState::empty:
            case IdState::null: EXPECT_EQ(said, std::to_string(-ENOMEDIUM)) << content; break;
            case IdState::uninitialized: EXPECT_EQ(said, std::to_string(-ENOPKG)) << content; break;
            case IdState::invalid:  // the second one since systemd 253
                EXPECT_TRUE(said == std::to_string(-EINVAL) || said == std::to_string(-EUCLEAN)) << content << said;
                break;
            case IdState::unknown: ADD_FAILURE() << content; break;
        }
    }
}

TEST_F(Reading, SaysHowTheTwoFilesStandToEachOther) {
    struct Row {
        std::string etc, dbus;
        DbusState state;
        bool consistent;
    };
    const auto a = id_a + "\n";
    const auto b = id_b + "\n";
    const SmallSystem system;
    for (const auto& row : std::vector<Row>{
             {a, "link", DbusState::link, true},
             {a, a, DbusState::same, true},
             {a, "-", DbusState::missing, true},
             {a, b, DbusState::different, false},
             {a, "", DbusState::empty, false},
             {a, "junk\n", DbusState::invalid, false},
             {a, id_a, DbusState::same, false},
             {a, "uninitialized\n", DbusState::invalid, false},
             {a, std::string(32, '0') + "\n", DbusState::invalid, false},
             {id_a, "link", DbusState::link, false},
             {id_a, a, DbusState::same, true},
             {"", "link", DbusState::link, false},
             {"", a, DbusState::different, false},
             {"-", "link", DbusState::link, false},
             {"-", a, DbusState::different, false},
             {"-", "-", DbusState::missing, false},
             {" " + a, a, DbusState::same, false},
         }) {
        put(system, row.etc, row.dbus);
        const auto reading = system.files().read();
        EXPECT_EQ(to_string(reading.dbus_state), to_string(row.state)) << row.etc << row.dbus;
        EXPECT_EQ(reading.consistent, row.consistent) << row.etc << row.dbus;
        // Whether systemd and libdbus agree is said by themselves; GLib is the third.
        if (reading.consistent) {
            EXPECT_EQ(system.systemd_says(), line_in(system.dbus_uuidgen("--get").output));
        }
        EXPECT_TRUE(reading.obstacles.empty());
    }
}

TEST_F(Reading, TakesAHardLinkForTheSameAndOtherLinksForWhatTheyLeadTo) {
    const SmallSystem system;
    write_file(system.etc(), id_a + "\n");
    fs::create_hard_link(system.etc(), system.dbus());
    EXPECT_EQ(system.files().read().dbus_state, DbusState::same);
    EXPECT_TRUE(system.files().read().obstacles.empty());

    fs::remove(system.dbus());
    fs::create_symlink("../../../etc/machine-id", system.dbus());
    EXPECT_EQ(system.files().read().dbus_state, DbusState::link);

    fs::remove(system.dbus());
    fs::remove(system.dbus().parent_path());
    fs::create_symlink("/etc", system.dbus().parent_path());
    EXPECT_EQ(system.files().read().dbus_state, DbusState::link);
}

TEST_F(Reading, FollowsALinkInsideOfTheTree) {
    const SmallSystem system;
    fs::create_directory(system.root() / "persistent");
    write_file(system.root() / "persistent/id", id_a + "\n");
    fs::create_symlink("/persistent/id", system.etc());
    fs::create_symlink("/etc/machine-id", system.dbus());
    const auto reading = system.files().read();
    EXPECT_EQ(text_of(reading.id), id_a);
    EXPECT_EQ(reading.dbus_state, DbusState::link);
    EXPECT_TRUE(reading.consistent);
}

TEST_F(Reading, DoesNotKnowWhatItMayNotRead) {
    const SmallSystem system;
    write_file(system.etc(), id_a + "\n");
    fs::permissions(system.etc(), fs::perms::none);
    const auto ended = run_in_child([&] {
        if (::setuid(nobody) != 0) return 1;
        const auto reading = system.files().read();
        return reading.etc.state == IdState::unknown && !reading.id ? 0 : 2;
    });
    EXPECT_EQ(ended.status, 0) << ended.errors;
}

TEST_F(Reading, NeedsADirectory) {
    const SmallSystem system;
    write_file(system.base() / "file", "");
    for (const auto& path : {system.base() / "nothing", system.base() / "file", fs::path()}) {
        const auto outcome = outcome_of([&] { IdentityFiles files(path.string()); });
        EXPECT_TRUE(refuses(outcome, Code::failed, "Cannot look below")) << outcome;
    }
}

TEST_F(Reading, HasWordsForItsStates) {
    for (const auto state : {DbusState::link, DbusState::same, DbusState::different, DbusState::missing,
                             DbusState::empty, DbusState::invalid, DbusState::unknown})
        EXPECT_EQ(to_dbus_state(to_string(state)), state);
    EXPECT_FALSE(to_dbus_state("symlink"));
    EXPECT_EQ(to_id_file(""), IdFile::standard);
    EXPECT_EQ(to_id_file("etc"), IdFile::etc);
    EXPECT_EQ(to_id_file("dbus"), IdFile::dbus);
    EXPECT_FALSE(to_id_file("/etc/machine-id"));
}

}  // namespace
}  // namespace virtbus::test
