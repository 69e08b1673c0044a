// SPDX-License-Identifier: LGPL-2.1-or-later
// Machine-ids as virtbusctl tells of them: names instead of paths, the beginnings of fingerprints, and nothing where
// nothing is known.
#include "machine_id_text.h"

#include <gtest/gtest.h>

#include <map>

#include "object_name.h"

namespace virtbusctl {

namespace {

constexpr const char* path_of_web = "/org/virtbus1/hypervisor/qemu/machine/1";
constexpr const char* path_of_db = "/org/virtbus1/hypervisor/qemu/machine/2";
constexpr const char* path_of_twin = "/org/virtbus1/hypervisor/xen/machine/3";
constexpr const char* fingerprint_of_web = "0123456789abcdef0123456789abcdef";
constexpr std::uint64_t looked_at = 1'700'000'000'000'000;

Bus::MachineRow machine_row(const char* path, const char* name, const char* hypervisor) {
    Bus::MachineRow row{};
    row.path = path;
    row.name = name;
    row.hypervisor = hypervisor;
    return row;
}

Labels three_labels() {
    return machine_labels({machine_row(path_of_web, "web", "qemu"), machine_row(path_of_db, "db", "qemu"),
                           machine_row(path_of_twin, "db", "xen")});
}

Json identity_of_web() {
    return {{"Subject", "vm"},
            {"State", "valid"},
            {"DbusState", "link"},
            {"Consistent", true},
            {"Fingerprint", fingerprint_of_web},
            {"Source", "disk"},
            {"ObservedUSec", looked_at},
            {"Stale", false},
            {"Guarantee", "verified"},
            {"Overrides", Json::array()},
            {"Duplicates", Json::array({path_of_db, host_id_path})}};
}

Json identity_not_known() {
    return {{"Subject", "vm"},     {"State", "unknown"}, {"DbusState", "unknown"},
            {"Consistent", false}, {"Fingerprint", ""},  {"Source", ""},
            {"ObservedUSec", 0U},  {"Stale", false},     {"Guarantee", "none"}};
}

/// Lines "name: value", by name; further lines of a value are joined to it with "|".
std::map<std::string, std::string> lines_of_page(const std::string& page) {
    std::map<std::string, std::string> lines;
    std::string last;
    for (std::size_t begin = 0; begin < page.size();) {
        const auto end = page.find('\n', begin);
        const auto line = page.substr(begin, end - begin);
        const auto first = line.find_first_not_of(' ');
        const auto colon = line.find(": ");
        if (colon == std::string::npos) {
            lines[last] += "|" + line.substr(first);
        } else {
            last = line.substr(first, colon - first);
            lines[last] = line.substr(colon + 2);
        }
        begin = end + 1;
    }
    return lines;
}

std::string printed_table(const std::vector<Column>& columns, const std::vector<Cell>& row, bool json) {
    Table table("things", columns);
    table.add(row);
    testing::internal::CaptureStdout();
    table.print({.json = json, .legend = true});
    return testing::internal::GetCapturedStdout();
}

}  // namespace

TEST(MachineLabels, NameTheHypervisorOnlyWhereTheNameIsNotEnough) {
    const auto labels = three_labels();
    EXPECT_EQ(labels.at(path_of_web), "web");
    EXPECT_EQ(labels.at(path_of_db), "db on qemu");
    EXPECT_EQ(labels.at(path_of_twin), "db on xen");
}

TEST(NamesOf, ObjectsAreNamesAndThisHost) {
    EXPECT_EQ(names_of(Json::array({path_of_web, host_id_path}), three_labels()), "web, this host");
    EXPECT_EQ(names_of(Json::array({path_of_web}), {}), "1");
    EXPECT_EQ(names_of(Json::array({path_of_web}), {{path_of_web, "we\x1b[2Jb"}}), "we\\x1b[2Jb");
    EXPECT_EQ(names_of(Json::array(), three_labels()), "");
}

TEST(IdentityText, TellsAllThatIsKnown) {
    auto identity = identity_of_web();
    identity["Overrides"] = Json::array({"loader-entry:/boot/a.conf", "loader-entry:/boot/b.conf"});
    const auto text = identity_text({path_of_web, "web", "qemu", identity}, three_labels(), looked_at + 125'000'000);
    const auto lines = lines_of_page(text);
    EXPECT_EQ(lines.at("Name"), "web");
    EXPECT_EQ(lines.at("Hypervisor"), "qemu");
    EXPECT_EQ(lines.at("Subject"), "vm");
    EXPECT_EQ(lines.at("State"), "valid");
    EXPECT_EQ(lines.at("D-Bus state"), "link");
    EXPECT_EQ(lines.at("Consistent"), "yes");
    EXPECT_EQ(lines.at("Fingerprint"), fingerprint_of_web);
    EXPECT_EQ(lines.at("Source"), "disk");
    EXPECT_EQ(lines.at("Guarantee"), "verified");
    EXPECT_EQ(lines.at("Duplicates"), "db on qemu, this host");
    EXPECT_EQ(lines.at("Overrides"), "loader-entry:/boot/a.conf|loader-entry:/boot/b.conf");
    const auto& observed = lines.at("Observed");
    EXPECT_EQ(observed.substr(observed.find(", ")), ", 2 min 5 s ago");
    EXPECT_EQ(lines.count("Machine-id"), 0U);
    EXPECT_EQ(lines.count("Reboot required"), 0U);
}

TEST(IdentityText, SaysThatTheGuestHasRunSince) {
    auto identity = identity_of_web();
    identity["Stale"] = true;
    const auto lines = lines_of_page(identity_text({path_of_web, "web", "qemu", identity}, {}, looked_at));
    EXPECT_NE(lines.at("Observed").find("0 s ago; it may be another by now"), std::string::npos);
}

TEST(IdentityText, IsSilentOnWhatNobodyHasLookedAt) {
    const auto lines = lines_of_page(identity_text({path_of_web, "web", "qemu", identity_not_known()}, {}, looked_at));
    EXPECT_EQ(lines.at("State"), "unknown");
    EXPECT_EQ(lines.at("Guarantee"), "none");
    for (const char* name : {"Consistent", "Fingerprint", "Source", "Observed", "Duplicates", "Overrides"})
        EXPECT_EQ(lines.count(name), 0U) << name;
}

TEST(IdentityText, ShowsTheIdWhereItWasAskedFor) {
    auto identity = identity_of_web();
    identity["Id"] = "fedcba9876543210fedcba9876543210";
    const auto lines = lines_of_page(identity_text({path_of_web, "web", "qemu", identity}, {}, looked_at));
    EXPECT_EQ(lines.at("Machine-id"), "fedcba9876543210fedcba9876543210");
}

TEST(IdentityText, OfThisHostHasItsFilesToo) {
    auto identity = identity_of_web();
    identity.update({{"Subject", "host"}, {"EtcId", "aa"}, {"DbusId", "bb"}, {"RebootRequired", true}});
    const auto lines = lines_of_page(identity_text({host_id_path, host_name, "", identity}, {}, looked_at));
    EXPECT_EQ(lines.at("Name"), "this host");
    EXPECT_EQ(lines.at("Id for systemd"), "aa");
    EXPECT_EQ(lines.at("Id for D-Bus"), "bb");
    EXPECT_EQ(lines.at("Reboot required"), "yes");
    EXPECT_EQ(lines.count("Hypervisor"), 0U);
}

TEST(IdentityLine, EndsWithWhoHasTheSame) {
    EXPECT_EQ(identity_line(identity_of_web(), three_labels()),
              "valid, fingerprint 0123456789ab, verified, the same as of db on qemu, this host");
}

TEST(IdentityLine, IsTheStateWhereThereIsNoId) {
    EXPECT_EQ(identity_line({{"State", "empty"}, {"Fingerprint", ""}, {"Guarantee", "none"}}, {}), "empty");
}

TEST(IdentityRow, IsShortForPeople) {
    const auto row =
        identity_row({path_of_web, "web", "qemu", identity_of_web()}, three_labels(), looked_at + 3'600'000'000);
    const auto columns = identity_columns({"HYPERVISOR", "hypervisor", Column::Fit::only_json});
    ASSERT_EQ(row.size(), columns.size());
    std::map<std::string, std::string> texts;
    for (std::size_t i = 0; i < row.size(); i++) texts[columns[i].heading] = row[i].text;
    EXPECT_EQ(texts["NAME"], "web");
    EXPECT_EQ(texts["STATE"], "valid");
    EXPECT_EQ(texts["FINGERPRINT"], "0123456789ab");
    EXPECT_EQ(texts["GUARANTEE"], "verified");
    EXPECT_EQ(texts["OBSERVED"], "1 h 0 min ago");
    EXPECT_EQ(texts["DUPLICATES"], "db on qemu, this host");
}

TEST(IdentityRow, IsCompleteForPrograms) {
    const auto text = printed_table(identity_columns({"HYPERVISOR", "hypervisor"}),
                                    identity_row({path_of_web, "web", "qemu", identity_of_web()}, {}, looked_at), true);
    const Json expected = {{"name", "web"},
                           {"hypervisor", "qemu"},
                           {"subject", "vm"},
                           {"state", "valid"},
                           {"fingerprint", fingerprint_of_web},
                           {"guarantee", "verified"},
                           {"observed_usec", looked_at},
                           {"duplicates", Json::array({path_of_db, host_id_path})},
                           {"path", path_of_web}};
    EXPECT_EQ(Json::parse(text), Json::array({expected}));
}

TEST(IdentityRow, StandsForOneThatHasJustBegunToBe) {
    const auto row = identity_row({path_of_web, "web", "qemu", Json()}, {}, looked_at);
    EXPECT_EQ(row.front().text, "web");
    for (std::size_t i = 2; i + 1 < row.size(); i++) EXPECT_EQ(row[i].text, "") << i;
}

TEST(Audit, GroupsMachinesByTheirFingerprint) {
    const Json group = Json::array({fingerprint_of_web, Json::array({path_of_web, path_of_twin})});
    EXPECT_EQ(printed_table(group_columns(), group_row(group, three_labels()), false),
              "FINGERPRINT  MACHINES\n0123456789ab web, db on xen\n");
}

TEST(Audit, SaysWhoCouldNotBeReadAndWhy) {
    const Json unread = Json::array({Json::array({"machine web runs", Json::array({path_of_web})}),
                                     Json::array({"no Linux\nat all", Json::array({path_of_twin})})});
    EXPECT_EQ(unread_text(unread, three_labels()),
              "Not read:\n  web: machine web runs\n  db on xen: no Linux\n    at all\n");
    EXPECT_EQ(unread_text(Json::array(), {}), "");
}

TEST(Audit, GivesProgramsPathsAndNames) {
    const Json result = {
        {"groups", Json::array({Json::array({fingerprint_of_web, Json::array({path_of_web, path_of_db})})})},
        {"unread", Json::array({Json::array({"it runs", Json::array({path_of_twin})})})}};
    const auto json = audit_json(result);
    ASSERT_EQ(json["groups"].size(), 1U);
    EXPECT_EQ(json["groups"][0]["fingerprint"], fingerprint_of_web);
    EXPECT_EQ(json["groups"][0]["objects"], Json::array({path_of_web, path_of_db}));
    ASSERT_EQ(json["unread"].size(), 1U);
    EXPECT_EQ(json["unread"][0]["reason"], "it runs");
    EXPECT_EQ(json["unread"][0]["objects"], Json::array({path_of_twin}));
    EXPECT_EQ(audit_json(Json::object()).dump(), R"({"groups":[],"unread":[]})");
}

TEST(ConsequencesText, HasALineForEach) {
    EXPECT_EQ(consequences_text({{"dhcp", "another address"}, {"cached", "reboot"}}),
              "With another machine-id of this host:\n    dhcp: another address\n  cached: reboot\n");
}

TEST(CloneText, TellsTheFingerprintOfTheCopy) {
    EXPECT_EQ(clone_text("web2", "", fingerprint_of_web), "web2: machine-id with fingerprint 0123456789ab");
    EXPECT_EQ(clone_text("web2", "keep", fingerprint_of_web), "web2: machine-id with fingerprint 0123456789ab");
}

TEST(CloneText, SaysWhyThereIsNoFingerprint) {
    EXPECT_EQ(clone_text("web2", "seal", ""), "web2: makes a machine-id of its own at its first boot");
    EXPECT_EQ(clone_text("web2", "keep", ""), "web2: machine-id not known");
}

}  // namespace virtbusctl
