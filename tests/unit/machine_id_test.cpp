// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine-id is read as systemd, libdbus and GLib each read it, and shown as a fingerprint. That these expectations
// are right is tested against the programs themselves in tests/machine_id.
#include "model/machine_id.h"

#include <gtest/gtest.h>

#include <set>

namespace virtbus {
namespace {

using namespace std::string_literals;

const auto text_a = "0123456789abcdef0123456789abcdef"s;
const auto zeros = std::string(32, '0');
const auto all_f = std::string(32, 'f');

MachineId id_of(const std::string& text) { return MachineId::parse(text).value(); }

TEST(MachineId, IsReadWithDashesAndInAnyCaseAndWrittenInOneWay) {
    EXPECT_EQ(id_of("01234567-89AB-cdef-0123-456789abcdef").text(), text_a);
    EXPECT_EQ(id_of("0123456789ABCDEF0123456789ABCDEF").text(), text_a);
    EXPECT_EQ(id_of(text_a).text(), text_a);
    EXPECT_EQ(id_of(all_f).text(), all_f);
}

TEST(MachineId, IsNeverZerosNorAnythingElse) {
    for (const auto& text : {""s, zeros, "00000000-0000-0000-0000-000000000000"s, text_a + "\n", " " + text_a,
                             text_a.substr(1), text_a + "0", "g" + text_a.substr(1), text_a + "\0"s, "uninitialized"s,
                             "0123456789abcdef\0"
                             "0123456789abcde"s,
                             "\xef\xbc\x91" + text_a.substr(3)})
        EXPECT_FALSE(MachineId::parse(text)) << text;
}

TEST(MachineId, IsRandomOfVersionFourAndNeverTheSame) {
    std::set<MachineId> ids;
    for (int i = 0; i < 1'000; ++i) {
        const auto id = MachineId::random();
        EXPECT_EQ(id.text()[12], '4');
        EXPECT_NE("89ab"s.find(id.text()[16]), std::string::npos);
        EXPECT_EQ(MachineId::parse(id.text()), id);
        ids.insert(id);
    }
    EXPECT_EQ(ids.size(), 1'000U);
}

TEST(Fingerprint, OfAnAppIsAsSystemdId128SaysIt) {
    const auto app = Uuid::parse("5e0f7a1c2b3d4e5f8a9bacbdcedfe0f1").value();
    EXPECT_EQ(MachineId(app_specific(id_of(text_a), app)).text(), "eceefe410747483e96b02991b7c80538");
}

TEST(Fingerprint, TellsOnlyWhetherTwoIdsAreTheSame) {
    const auto print = fingerprint(id_of(text_a));
    EXPECT_EQ(print.size(), 32U);
    EXPECT_EQ(print, fingerprint(id_of("01234567-89ab-cdef-0123-456789abcdef")));
    EXPECT_NE(print, fingerprint(id_of(all_f)));
    EXPECT_NE(print, text_a);
}

TEST(Fingerprint, NeverChangesForTheyAreKept) {
    EXPECT_EQ(fingerprint(id_of(text_a)), "e8835170981d412e850d4b1e5e11b951");
}

/// What the three make of a content.
struct Row {
    std::string name;
    std::string content;
    IdState state;
    std::string systemd;  // "" = takes it not
    std::string libdbus;
    std::string glib;
    std::string dbus_error;
};

std::string length(int found) {
    return "should contain a hex string of length 32, not length " + std::to_string(found) + ", with no other text";
}

std::vector<Row> rows() {
    const auto upper = "0123456789ABCDEF0123456789ABCDEF"s;
    const auto almost = text_a.substr(0, 31);
    return {
        {"F2", text_a + "\n", IdState::valid, text_a, text_a, text_a, ""},
        {"F3", text_a, IdState::non_canonical, text_a, text_a, "", ""},
        {"F4", upper + "\n", IdState::non_canonical, text_a, text_a, "", ""},
        {"F4 without newline", upper, IdState::non_canonical, text_a, text_a, "", ""},
        {"F5", "  \t" + text_a + " \r\n\n", IdState::invalid, "", text_a, "", ""},
        {"CRLF", text_a + "\r\n", IdState::invalid, "", text_a, "", ""},
        {"two newlines", text_a + "\n\n", IdState::invalid, "", text_a, "", ""},
        {"F6", "", IdState::empty, "", "", "", length(0)},
        {"only a newline", "\n", IdState::invalid, "", "", "", length(0)},
        {"F7", "uninitialized\n", IdState::uninitialized, "", "", "", length(13)},
        {"F7 without newline", "uninitialized", IdState::uninitialized, "", "", "", length(13)},
        {"F7 with blanks", "uninitialized \n", IdState::invalid, "", "", "", length(13)},
        {"F8", "01234567-89ab-cdef-0123-456789abcdef\n", IdState::invalid, "", "", "", length(36)},
        {"F9, 31", almost + "\n", IdState::invalid, "", "", "", length(31)},
        {"F9, 33", text_a + "0\n", IdState::invalid, "", "", "", length(33)},
        {"F10", "g" + text_a.substr(1) + "\n", IdState::invalid, "", "", "", "contains invalid hex data"},
        {"F11", text_a.substr(0, 16) + "z" + text_a.substr(17) + "\n", IdState::invalid, "", "", "",
         "contains 8 bytes of hex-encoded data instead of 16"},
        {"F12", text_a.substr(0, 30) + "zz\n", IdState::invalid, "", "", "",
         "contains 15 bytes of hex-encoded data instead of 16"},
        {"F13", almost + "z\n", IdState::invalid, "", text_a.substr(0, 31) + "0", "", ""},
        {"F14, zeros", zeros + "\n", IdState::null, "", zeros, "", ""},
        {"F14, zeros without newline", zeros, IdState::null, "", zeros, "", ""},
        {"F14, f", all_f + "\n", IdState::valid, all_f, all_f, all_f, ""},
        {"F15", text_a + "\n" + text_a + "\n", IdState::invalid, "", "", "", length(65)},
        {"F16", text_a + "\0\n"s, IdState::invalid, "", "", "", length(33)},
        {"F16, inside", text_a.substr(0, 16) + "\0"s + text_a.substr(16) + "\n", IdState::invalid, "", "", "",
         length(33)},
        {"F17", "\xef\xbb\xbf" + text_a + "\n", IdState::invalid, "", "", "", length(35)},
        {"F17, \\v\\f", "\v" + text_a + "\f\n", IdState::invalid, "", "", "", length(34)},
        {"F20", std::string((1 << 20) - 32, ' ') + text_a, IdState::invalid, "", text_a, "", ""},
    };
}

std::string text_of(const std::optional<MachineId>& id) { return id ? id->text() : ""; }

TEST(IdContent, IsWhatEachParserMakesOfIt) {
    for (const auto& row : rows()) {
        SCOPED_TRACE(row.name);
        const auto found = classify(row.content);
        EXPECT_EQ(to_string(found.state), to_string(row.state));
        EXPECT_EQ(text_of(found.systemd), row.systemd);
        EXPECT_EQ(text_of(found.dbus), row.libdbus);
        EXPECT_EQ(text_of(found.glib), row.glib);
        EXPECT_EQ(found.dbus_error, row.dbus_error);
    }
}

TEST(IdContent, IsTakenByAllThreeOnlyInOneForm) {
    for (const auto& row : rows()) {
        const auto found = classify(row.content);
        EXPECT_EQ(found.systemd && found.dbus && found.glib, found.state == IdState::valid) << row.name;
    }
}

TEST(IdState, IsReadBackFromItsWord) {
    std::set<std::string_view> words;
    for (const auto state : {IdState::valid, IdState::non_canonical, IdState::null, IdState::empty,
                             IdState::uninitialized, IdState::missing, IdState::invalid, IdState::unknown}) {
        EXPECT_EQ(to_id_state(to_string(state)), state);
        words.insert(to_string(state));
    }
    EXPECT_EQ(words.size(), 8U);
    EXPECT_FALSE(to_id_state(""));
    EXPECT_FALSE(to_id_state("Valid"));
}

}  // namespace
}  // namespace virtbus
