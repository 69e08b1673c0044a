// SPDX-License-Identifier: LGPL-2.1-or-later
#include "output.h"

#include <gtest/gtest.h>

#include "machine_text.h"

namespace virtbusctl {

TEST(Table, PrintsColumnsForPeople) {
    Table table("machines", {{"NAME", "name"}, {"MEMORY", "memory", Column::Fit::right}});
    table.add({text_cell("web\x1b"), size_cell(1ULL << 30)});
    testing::internal::CaptureStdout();
    table.print({});
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "NAME    MEMORY\nweb\\x1b  1 GiB\n");
}

TEST(Table, PrintsValuesForPrograms) {
    Table table("machines", {{"NAME", "name"}, {"MEMORY", "memory", Column::Fit::right}});
    table.add({text_cell("web"), size_cell(1024)});
    testing::internal::CaptureStdout();
    table.print({.json = true, .legend = true});
    EXPECT_EQ(Json::parse(testing::internal::GetCapturedStdout()), Json::parse(R"([{"name":"web","memory":1024}])"));
}

TEST(Table, SaysThatThereIsNothing) {
    const Table table("machines", {{"NAME", "name"}});
    testing::internal::CaptureStdout();
    table.print({});
    table.print({.json = false, .legend = false});
    table.print({.json = true, .legend = false});
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "No machines.\n[]\n");
}

TEST(Block, AlignsNamesAndIndentsLines) {
    Block block;
    block.add("Name", "web");
    block.add("Title", "");
    block.add("Evidence", "one\ntwo");
    EXPECT_EQ(block.text(), "    Name: web\nEvidence: one\n          two\n");
}

TEST(JsonText, CannotDriveATerminal) { EXPECT_EQ(json_line("\u009b31m\x1b"), "\"\\u009b31m\\u001b\""); }

TEST(MachineText, ShowsDevicesAsLines) {
    const Json machine = {
        {"Name", "web"},
        {"State", "running"},
        {"StateReason", "booted"},
        {"Vcpus", 1U},
        {"MaximumVcpus", 4U},
        {"Disks",
         Json::array({{{"target", "vda"}, {"device", "disk"}, {"bus", "virtio"}, {"file", "/a"}, {"format", "raw"}},
                      {{"target", "sda"}, {"device", "cdrom"}, {"bus", "sata"}, {"readonly", true}}})},
        {"Interfaces", Json::array({{{"type", "network"}, {"network", "default"}, {"model", "virtio"}}})},
    };
    const auto text = machine_text(machine, "qemu");
    EXPECT_NE(text.find("State: running (booted)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("CPUs: 1 of 4\n"), std::string::npos) << text;
    EXPECT_NE(text.find("vda disk on virtio: /a, raw\n"), std::string::npos) << text;
    EXPECT_NE(text.find("sda cdrom on sata: empty, read-only\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Interfaces: network default, virtio\n"), std::string::npos) << text;
}

}  // namespace virtbusctl
