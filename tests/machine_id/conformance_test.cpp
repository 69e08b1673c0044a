// SPDX-License-Identifier: LGPL-2.1-or-later
// IdentityFiles against the real dbus-uuidgen, side by side on two equal trees: a file that is named (rows F1 to F30).
// Where virtbus is not to do as dbus-uuidgen does, the row says why, and it is tested that dbus-uuidgen does otherwise.
#include "machine_id/side_by_side.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace virtbus::test {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

const auto upper_a = "0123456789ABCDEF0123456789ABCDEF"s;

/// A state of the file that is named, and of the tree around it.
struct NamedRow {
    std::string name;
    std::function<void(const SmallSystem&, const fs::path& file)> build;
    ::uid_t user = 0;
    std::string deviation = {};  // why ensure leaves the file alone, and fails, where dbus-uuidgen would overwrite it
};

NamedRow content_row(std::string name, std::string content) {
    return {std::move(name), [=](const SmallSystem&, const fs::path& file) { write_file(file, content); }};
}

std::vector<NamedRow> content_rows() {
    return {
        content_row("F2 an id", id_a + "\n"),
        content_row("F3 no newline", id_a),
        content_row("F4 upper case", upper_a + "\n"),
        content_row("F5 blanks around", "  \t" + id_a + " \r\n\n"),
        content_row("F6 empty", ""),
        content_row("F7 uninitialized", "uninitialized\n"),
        content_row("F8 dashes", "01234567-89ab-cdef-0123-456789abcdef\n"),
        content_row("F9 31 digits", id_a.substr(1) + "\n"),
        content_row("F9 33 digits", id_a + "0\n"),
        content_row("F10 the first is no digit", "g" + id_a.substr(1) + "\n"),
        content_row("F11 the 17th is no digit", id_a.substr(0, 16) + "z" + id_a.substr(17) + "\n"),
        content_row("F12 the last two are no digits", id_a.substr(0, 30) + "zz\n"),
        content_row("F13 31 digits and rubbish", id_a.substr(0, 31) + "z\n"),
        content_row("F14 zeros", std::string(32, '0') + "\n"),
        content_row("F14 all f", std::string(32, 'f') + "\n"),
        content_row("F15 two ids", id_a + "\n" + id_b + "\n"),
        content_row("F16 NUL after", id_a + "\0\n"s),
        content_row("F16 NUL inside", id_a.substr(0, 16) + "\0"s + id_a.substr(16) + "\n"),
        content_row("F17 byte order mark", "\xef\xbb\xbf" + id_a + "\n"),
        content_row("F17 other blanks", "\v" + id_a + "\f\n"),
        content_row("F20 1 MiB of blanks", std::string((1 << 20) - 32, ' ') + id_a),
    };
}

std::vector<NamedRow> file_rows() {
    return {
        {"F1 absent", [](const SmallSystem&, const fs::path&) {}},
        {"F18 directory", [](const SmallSystem&, const fs::path& file) { fs::create_directory(file); }},
        {"F19 too large",
         [](const SmallSystem&, const fs::path& file) { write_file(file, std::string((1 << 20) + 1, ' ')); }, 0,
         "a file of that size is something else, and would be lost"},
        {"F21 no directory", [](const SmallSystem&, const fs::path& file) { fs::remove_all(file.parent_path()); }},
        {"F22 link to nothing",
         [](const SmallSystem&, const fs::path& file) { fs::create_symlink("/etc/nothing", file); }},
        {"F23 link to an id",
         [](const SmallSystem& system, const fs::path& file) {
             write_file(system.root() / "etc/other", id_b + "\n");
             fs::create_symlink("/etc/other", file);
         }},
        {"F24 link to itself",
         [](const SmallSystem&, const fs::path& file) { fs::create_symlink(file.filename(), file); }},
        {"F25 not to be read",
         [](const SmallSystem&, const fs::path& file) {
             write_file(file, id_a + "\n");
             fs::permissions(file, fs::perms::none);
             if (::chown(file.parent_path().c_str(), nobody, nobody) != 0) FAIL() << "chown";
         },
         nobody, "whoever may not read a file cannot know that it has no id"},
        {"F27 device",
         [](const SmallSystem&, const fs::path& file) {
             if (::mknod(file.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) FAIL() << "mknod";
         }},
        {"F27 link to a device",
         [](const SmallSystem& system, const fs::path& file) {
             if (::mknod((system.root() / "dev/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) FAIL() << "mknod";
             fs::create_symlink("/dev/null", file);
         }},
    };
}

class NamedIdFile : public RootTest {
protected:
    static void compare(const NamedRow& row, IdFile which) {
        SCOPED_TRACE(row.name + (which == IdFile::etc ? ", etc" : ", dbus"));
        SideBySide pair;
        pair.build([&](const SmallSystem& system) { row.build(system, pair.path_in(system, which)); });
        pair.get(which, row.user);
        if (row.deviation.empty())
            pair.ensure(which, row.user);
        else
            pair.ensure_deviates(which, row.user);
        pair.get(which, 0, row.deviation.empty());
    }
};

TEST_F(NamedIdFile, IsReadAndEnsuredAsByDbusUuidgenWhateverIsInIt) {
    for (const auto& row : content_rows())
        for (const auto which : {IdFile::etc, IdFile::dbus}) compare(row, which);
}

TEST_F(NamedIdFile, IsReadAndEnsuredAsByDbusUuidgenWhateverItIs) {
    for (const auto& row : file_rows())
        for (const auto which : {IdFile::etc, IdFile::dbus}) compare(row, which);
}

TEST_F(NamedIdFile, OfAReadOnlyFileSystemIsNotMade) {  // F26
    SideBySide pair;
    const Mounted theirs(pair.theirs().root(), pair.theirs().root(), "", MS_BIND);
    const Mounted ours(pair.ours().root(), pair.ours().root(), "", MS_BIND);
    for (const auto& root : {pair.theirs().root(), pair.ours().root()})
        ASSERT_EQ(::mount("none", root.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
    pair.get(IdFile::etc);
    pair.ensure(IdFile::etc);
    pair.ensure(IdFile::dbus);
    pair.ensure(IdFile::standard);
}

TEST_F(NamedIdFile, ThatIsAFifoFailsAtOnceWhereDbusUuidgenWaitsForEver) {  // F28
    SideBySide pair;
    pair.build([](const SmallSystem& system) { ASSERT_EQ(::mkfifo(system.etc().c_str(), 0644), 0); });
    EXPECT_FALSE(pair.theirs().dbus_uuidgen("--get=/etc/machine-id", 0, 022, "/", std::chrono::seconds(5)).in_time);
    const auto got = our_turn(pair.ours(), IdFile::etc, Turn::get);
    EXPECT_EQ(got.status, 1);
    EXPECT_EQ(got.errors, "\"/etc/machine-id\" is not a regular file\n");
    EXPECT_EQ(our_turn(pair.ours(), IdFile::etc, Turn::ensure).status, 1);
    EXPECT_EQ(state_of(pair.ours().etc()).kind, "other");
}

TEST_F(NamedIdFile, IsMadeForAllToReadWhateverTheUmask) {  // F29
    SideBySide pair;
    pair.ensure(IdFile::etc, 0, 077);
    EXPECT_EQ(state_of(pair.ours().etc()).mode, 0644U);
}

TEST_F(NamedIdFile, WithoutADirectoryInItsNameIsTheSameForDbusUuidgen) {  // F30: why our words for files are enough
    SideBySide pair;
    EXPECT_EQ(pair.theirs().dbus_uuidgen("--ensure=machine-id", 0, 022, "/etc").status, 0);
    EXPECT_EQ(our_turn(pair.ours(), IdFile::etc, Turn::ensure).status, 0);
    pair.expect_same_files();
}

}  // namespace
}  // namespace virtbus::test
