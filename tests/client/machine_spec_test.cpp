// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_spec.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "failure.h"

namespace virtbusctl {

TEST(MachineSpec, LeavesOutWhatIsNotGiven) {
    MachineOptions options;
    options.name = "web";
    EXPECT_EQ(to_json(machine_spec(options)), (Json{{"name", "web"}}));
}

TEST(MachineSpec, GivesEachValueTheTypeOfTheApi) {
    MachineOptions options;
    options.name = "web";
    options.memory = "512M";
    options.vcpus = "2";
    options.tags = {"prod"};
    options.no_serial = true;
    options.paused = true;
    const auto spec = machine_spec(options);
    EXPECT_EQ(spec.at("memory").peekValueType(), "t");
    EXPECT_EQ(spec.at("vcpus").peekValueType(), "u");
    EXPECT_EQ(spec.at("tags").peekValueType(), "as");
    EXPECT_FALSE(spec.at("serial").get<bool>());
    EXPECT_TRUE(spec.at("start").get<bool>()) << "paused means started";
}

TEST(MachineSpec, NamesAContainersRootAndInit) {
    MachineOptions options;
    options.name = "box";
    options.root = "/var/lib/machines/../machines/box";
    options.init = {"/bin/init", "--log"};
    EXPECT_EQ(to_json(machine_spec(options)),
              (Json{{"init", {"/bin/init", "--log"}}, {"name", "box"}, {"root", "/var/lib/machines/box"}}));
}

TEST(MachineSpec, RefusesNoCpus) {
    MachineOptions options;
    options.vcpus = "0";
    EXPECT_THROW((void)machine_spec(options), UsageError);
}

TEST(MachineSpec, TakesNoneForNoInterfaces) {
    MachineOptions options;
    options.name = "web";
    options.interfaces = {"none"};
    EXPECT_EQ(machine_spec(options).at("interfaces").peekValueType(), "aa{sv}");
    EXPECT_EQ(to_json(machine_spec(options))["interfaces"], Json::array());
}

TEST(ParseDisk, ReadsPoolAndVolume) {
    EXPECT_EQ(to_json(parse_disk("default/web=1.qcow2,readonly")),
              to_json(parse_disk("pool=default,volume=web=1.qcow2,readonly")));
    EXPECT_EQ(to_json(parse_disk("pool=default,volume=web,readonly")),
              (Json{{"pool", "default"}, {"readonly", true}, {"volume", "web"}}));
}

TEST(ParseDisk, ReadsAnImageAsItIsNamedElsewhere) {
    EXPECT_EQ(to_json(parse_disk("default/web.qcow2")), (Json{{"pool", "default"}, {"volume", "web.qcow2"}}));
    EXPECT_EQ(to_json(parse_disk("default/a,,b,bus=scsi")),
              (Json{{"bus", "scsi"}, {"pool", "default"}, {"volume", "a,b"}}));
    EXPECT_THROW((void)parse_disk("/tmp/web.qcow2"), UsageError);
    EXPECT_THROW((void)parse_disk("web.qcow2"), UsageError);
}

TEST(ParseDisk, TakesARelativeFileFromTheWorkingDirectory) {
    const auto expected = std::filesystem::current_path() / "web.raw";
    EXPECT_EQ(text_at(to_json(parse_disk("file=./web.raw,format=raw")), "file"), expected);
}

TEST(ParseDisk, WantsOneSource) {
    EXPECT_THROW((void)parse_disk("format=raw"), UsageError);
    EXPECT_THROW((void)parse_disk("file=/a,volume=b"), UsageError);
}

TEST(ParseInterface, InfersTheTypeFromItsKey) {
    EXPECT_EQ(text_at(to_json(parse_interface("network=default")), "type"), "network");
    EXPECT_EQ(text_at(to_json(parse_interface("bridge=br0")), "type"), "bridge");
    EXPECT_EQ(text_at(to_json(parse_interface("type=user")), "type"), "user");
}

}  // namespace virtbusctl
