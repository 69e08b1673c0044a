// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a text sets a machine-id, and how it is made another: no files, no guests.
#include "helper/boot_entries.h"
#include "guest_test.h"

namespace virtbus::test {

namespace {

using namespace std::string_literals;

std::string patched(const std::string& text, const std::optional<MachineId>& id) {
    auto result = text;
    for (const auto& mention : find_id_mentions(text)) {
        const auto patch = patch_of(mention, id);
        result.replace(patch.offset, patch.bytes.size(), patch.bytes);
    }
    return result;
}

std::vector<std::string> ids_in(const std::string& text) {
    std::vector<std::string> found;
    for (const auto& mention : find_id_mentions(text)) found.push_back(mention.id.text());
    return found;
}

TEST(BootEntry, SetsAnIdWithOrWithoutDashesInAnyCase) {
    EXPECT_EQ(ids_in("options root=/dev/sda ro systemd.machine_id=" + old_id + " quiet\n"), std::vector{old_id});
    EXPECT_EQ(ids_in("options systemd.machine-id=01234567-89AB-cdef-0123-456789abcdef"), std::vector{old_id});
    EXPECT_EQ(ids_in("systemd.machine_id=\"" + old_id + "\""), std::vector{old_id});
    EXPECT_EQ(ids_in("GRUB_CMDLINE_LINUX=\"systemd.machine_id=" + old_id + "\""), std::vector{old_id});
    EXPECT_EQ(ids_in("'systemd.machine-id'=" + old_id + " quiet"), std::vector{old_id});
    EXPECT_EQ(ids_in("GRUB_CMDLINE_LINUX=\"quiet 'systemd.machine_id'='" + old_id + "'\""), std::vector{old_id});
    EXPECT_EQ(ids_in("kernelopts=systemd.machine_id=" + old_id), std::vector{old_id});
    EXPECT_EQ(ids_in("a systemd.machine_id=" + old_id + "\nb systemd.machine_id=" + new_id),
              (std::vector{old_id, new_id}));
}

TEST(BootEntry, SetsNoneWhereSystemdTakesNone) {
    for (const auto& text :
         {"systemd.machine_id=firmware"s, "systemd.machine_id="s, "systemd.machine_id=abc"s,
          "systemd.machine_id=" + std::string(32, '0'), "systemd.machine_id=" + old_id + "0",
          "systemd.machine_id=" + old_id + "z", "rd.systemd.machine_id=" + old_id, "xsystemd.machine_id=" + old_id,
          "# systemd.machine_id=" + old_id, "a\n  # options systemd.machine_id=" + old_id,
          "systemd.machine_id=\"" + old_id, ""s, "machine-id " + old_id})
        EXPECT_EQ(ids_in(text), std::vector<std::string>()) << text;
}

TEST(BootEntry, BecomesOneOfAnotherIdInTheSameForm) {
    const auto id = id_of(new_id);
    EXPECT_EQ(patched("a systemd.machine_id=" + old_id + " b\n", id), "a systemd.machine_id=" + new_id + " b\n");
    EXPECT_EQ(patched("systemd.machine_id=01234567-89ab-cdef-0123-456789abcdef", id),
              "systemd.machine_id=fedcba98-7654-3210-fedc-ba9876543210");
    EXPECT_EQ(patched("x=\"systemd.machine_id=" + old_id + "\"", id), "x=\"systemd.machine_id=" + new_id + "\"");
    EXPECT_EQ(patched("'systemd.machine-id'=" + old_id, id), "'systemd.machine-id'=" + new_id);
}

TEST(BootEntry, IsBlankedOutAndKeepsItsLengthAndItsQuotes) {
    EXPECT_EQ(patched("a systemd.machine_id=" + old_id + " b\n", std::nullopt), "a " + std::string(51, ' ') + " b\n");
    EXPECT_EQ(patched("a systemd.machine_id='" + old_id + "' b", std::nullopt), "a " + std::string(53, ' ') + " b");
    EXPECT_EQ(patched("x=\"systemd.machine_id=" + old_id + "\"", std::nullopt), "x=\"" + std::string(51, ' ') + "\"");
    EXPECT_EQ(patched("a 'systemd.machine-id'=" + old_id + " b", std::nullopt), "a " + std::string(53, ' ') + " b");
    EXPECT_EQ(patched("a systemd.\"machine_id=" + old_id + "\" b", std::nullopt), "a " + std::string(53, ' ') + " b");
}

TEST(BootEntry, OfMachineInfoIsFoundToo) {
    const auto found = find_install_ids("PRETTY_HOSTNAME=x\nKERNEL_INSTALL_MACHINE_ID=" + old_id + "\n");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].id.text(), old_id);
    EXPECT_TRUE(find_install_ids("systemd.machine_id=" + old_id).empty());
}

/// A PE file with these sections: name, size, offset.
struct Section {
    std::string name;
    std::uint32_t size;
    std::uint32_t offset;
};

void put(std::string& text, std::size_t at, std::size_t size, std::uint32_t value) {
    for (std::size_t i = 0; i < size; ++i) text[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
}

std::string pe_file(const std::vector<Section>& sections) {
    std::string text(1'024, '\0');
    text.replace(0, 2, "MZ");
    put(text, 0x3c, 4, 0x80);
    text.replace(0x80, 4, "PE\0\0"s);
    put(text, 0x80 + 6, 2, static_cast<std::uint32_t>(sections.size()));
    put(text, 0x80 + 20, 2, 0xf0);
    auto row = std::size_t{0x80} + 24 + 0xf0;
    for (const auto& section : sections) {
        text.replace(row, section.name.size(), section.name);
        put(text, row + 16, 4, section.size);
        put(text, row + 20, 4, section.offset);
        row += 40;
    }
    return text;
}

TEST(UnifiedKernelImage, HasItsCommandLineInASection) {
    const auto found = find_uki_command_lines(pe_file({{".text", 1, 512}, {".cmdline", 100, 4'096}}));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].offset, 4'096U);
    EXPECT_EQ(found[0].size, 100U);
    EXPECT_TRUE(find_uki_command_lines(pe_file({{".text", 1, 512}})).empty());
}

TEST(UnifiedKernelImage, ThatIsBrokenHasNone) {
    const auto whole = pe_file({{".cmdline", 100, 4'096}});
    EXPECT_TRUE(find_uki_command_lines("").empty());
    EXPECT_TRUE(find_uki_command_lines("ELF").empty());
    for (std::size_t size = 0; size < 0x80 + 24 + 0xf0 + 40; ++size)
        EXPECT_TRUE(find_uki_command_lines(whole.substr(0, size)).empty()) << size;
    auto wild = whole;
    put(wild, 0x3c, 4, 0xffffffff);
    EXPECT_TRUE(find_uki_command_lines(wild).empty());
    wild = whole;
    put(wild, 0x80 + 20, 2, 0xffff);
    EXPECT_TRUE(find_uki_command_lines(wild).empty());
}

TEST(BootOverrides, AreFoundInAllPlacesAndNamed) {
    GuestTree tree;
    const auto setting = "options systemd.machine_id=" + old_id + "\n";
    tree.write("/boot/loader/entries/a.conf", setting);
    tree.write("/efi/loader/entries/b.conf", setting);
    tree.write("/boot/loader/entries/none.conf", "options quiet\n");
    tree.write("/boot/loader/entries/no-entry.txt", setting);
    tree.write("/etc/kernel/cmdline", setting);
    tree.write("/etc/machine-info", "KERNEL_INSTALL_MACHINE_ID=" + old_id + "\n");
    tree.write("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"systemd.machine_id=" + old_id + "\"\n");
    tree.write("/boot/grub/grub.cfg", "linux /vmlinuz systemd.machine_id=" + old_id + "\n");
    auto uki = pe_file({{".cmdline", 60, 900}});
    uki.replace(900, 51, "systemd.machine_id=" + old_id);
    tree.write("/boot/efi/EFI/Linux/debian.EFI", uki);
    std::vector<std::string> found;
    TreeFiles files(tree);
    for (const auto& one : find_boot_overrides(files)) found.push_back(one.text());
    EXPECT_EQ(found, (std::vector<std::string>{
                         "loader-entry:/boot/loader/entries/a.conf", "loader-entry:/efi/loader/entries/b.conf",
                         "kernel-cmdline-file:/etc/kernel/cmdline", "kernel-cmdline-file:/etc/machine-info",
                         "grub:/etc/default/grub", "grub:/boot/grub/grub.cfg", "uki:/boot/efi/EFI/Linux/debian.EFI"}));
}

TEST(BootOverrides, OfOneFileByTwoNamesAreOne) {
    GuestTree tree;
    tree.write("/boot/loader/entries/a.conf", "systemd.machine_id=" + old_id);
    tree.link("../boot/loader", "/efi/loader");
    TreeFiles files(tree);
    EXPECT_EQ(find_boot_overrides(files).size(), 1U);
}

TEST(BootOverrides, InAFileThatIsTooLargeToReadAreRefused) {
    GuestTree tree;
    tree.write("/boot/grub/grub.cfg", "");
    std::filesystem::resize_file(tree.at("/boot/grub/grub.cfg"), std::uint64_t{2} << 30);
    TreeFiles files(tree);
    EXPECT_REFUSED(unsupported_guest, "/boot/grub/grub.cfg", find_boot_overrides(files));
}

}  // namespace

}  // namespace virtbus::test
