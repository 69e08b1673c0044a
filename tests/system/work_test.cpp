// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbusd does through its helpers, now that it can do none of it itself; and what of it a restart leaves behind.
#include "../hypervisors/containers_test.h"
#include "commands.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>

namespace virtbus::test {

namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* images = "/var/lib/libvirt/images";

/// For ContainersTest, which connects at once.
struct Started {
    Started() {
        write_configuration();
        output_of({"systemctl", "restart", "virtbus.service"});
    }
};

class WorkTest : private Started, public ContainersTest {
protected:
    WorkTest() { actor.hypervisor(qemu)->GetDefaultPool({}); }

    static std::string id_of_host() {
        std::ifstream file("/etc/machine-id");
        std::string id;
        file >> id;
        return id;
    }

    static std::vector<std::string> temporaries() {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(images))
            if (const auto name = entry.path().filename().string(); name.rfind(".virtbus", 0) == 0)
                found.push_back(name);
        return found;
    }

    /// Units that ended otherwise than they should.
    static std::string failed_units() { return output_of({"systemctl", "--failed", "--no-legend", "--plain"}); }
};

TEST_F(WorkTest, ImagesAreMadeClonedAndConverted) {
    output_of({"virtbusctl", "-H", "qemu", "image", "create", "one.qcow2", "--size", "16M"});
    output_of({"virtbusctl", "-H", "qemu", "image", "clone", "one.qcow2", "two.qcow2", "--linked"});
    output_of({"virtbusctl", "-H", "qemu", "image", "clone", "one.qcow2", "three.qcow2"});
    output_of({"virtbusctl", "-H", "qemu", "image", "convert", "three.qcow2", "raw"});
    output_of({"virtbusctl", "-H", "qemu", "image", "check", "two.qcow2"});
    EXPECT_THAT(output_of({"qemu-img", "info", "-f", "raw", std::string(images) + "/three.qcow2"}),
                HasSubstr("16 MiB"));
    EXPECT_THAT(output_of({"qemu-img", "info", std::string(images) + "/two.qcow2"}), HasSubstr("one.qcow2"));
    for (const auto* name : {"two.qcow2", "one.qcow2", "three.qcow2"})
        output_of({"virtbusctl", "-H", "qemu", "image", "delete", name});
    EXPECT_THAT(temporaries(), IsEmpty());
    EXPECT_EQ(failed_units(), "");
}

TEST_F(WorkTest, WhatOthersPutIntoAPoolIsSeen) {
    write_file(std::string(images) + "/foreign.raw", std::string(4'096, 'x'));
    const auto is_there = [&] {
        const auto objects = observer.manager()->GetManagedObjects();
        return std::any_of(objects.begin(), objects.end(),
                           [](const auto& object) { return object.first.find("foreign") != std::string::npos; });
    };
    EXPECT_TRUE(wait_until(is_there));
    fs::remove(std::string(images) + "/foreign.raw");
    EXPECT_TRUE(wait_until([&] { return !is_there(); }));
}

TEST_F(WorkTest, AContainersRootMayBeWhereOnlyRootSeesIt) {
    ASSERT_EQ(fs::status("/var/lib/machines").permissions(), fs::perms::owner_all);
    const auto name = new_name();
    auto spec = container_spec(name);
    const auto root = "/var/lib/machines/" + name;
    fs::rename("/var/lib/libvirt/filesystems/" + name, root);
    spec["root"] = root;
    const auto path = create(lxc, spec);
    machine(path)->Start({});
    EXPECT_EQ(state(path), "running");
    spec["name"] = new_name();
    spec["root"] = std::string("/var/lib/machines/..");
    EXPECT_EQ(failure_of([&] { create(lxc, spec); }).name, "org.freedesktop.DBus.Error.InvalidArgs");
}

TEST_F(WorkTest, ThisHostsMachineIdIsReadAndMade) {
    const auto host = actor.host_machine_id();
    EXPECT_EQ(host->Get("etc"), id_of_host());
    fs::remove("/var/lib/dbus/machine-id");
    host->Ensure("", {});
    std::ifstream file("/var/lib/dbus/machine-id");
    std::string id;
    file >> id;
    EXPECT_EQ(id, id_of_host());
    host->LinkDbus({});
    EXPECT_TRUE(fs::is_symlink("/var/lib/dbus/machine-id"));
    EXPECT_EQ(failed_units(), "");
}

TEST_F(WorkTest, ACommandRunsInAContainerAsInItsOwn) {
    const auto path = create_ready(new_name());
    const auto ended = shell(path, "id -u; hostname; exit 7");
    EXPECT_EQ(ended.state, "done") << ended.error;
    EXPECT_EQ(ended.exit_code, 7U);
    EXPECT_THAT(ended.output, HasSubstr("0\n"));
    const auto init = process({"/bin/sh", "/init"});
    const auto job = begin(path, {"sleep", "4711"});
    pid_t command = 0;
    ASSERT_TRUE(actor.wait_until([&] { return (command = process({"sleep", "4711"})) != 0; }));
    for (const auto* key : {"CapBnd", "CapEff", "NoNewPrivs", "Seccomp"})
        EXPECT_EQ(status(command, key), status(init, key)) << key;
    actor.job(job)->Cancel({});
    EXPECT_EQ(finish(job), "cancelled");
    EXPECT_TRUE(actor.wait_until([&] { return process({"sleep", "4711"}) == 0; }));
    EXPECT_EQ(failed_units(), "");
}

TEST_F(WorkTest, AContainersMachineIdIsGivenAndRead) {
    const std::string id = "0123456789abcdef0123456789abcdef";
    const auto name = new_name();
    const auto path = create(lxc, container_spec(name));
    const auto identity = actor.machine_id(path);
    const auto job = identity->Assign(id, {});
    EXPECT_EQ(finish(job), "done") << actor.job(job)->Error().get<1>();
    EXPECT_EQ(output_of({"cat", "/var/lib/libvirt/filesystems/" + name + "/etc/machine-id"}), id);
    EXPECT_EQ(identity->GetId(), id);
    EXPECT_EQ(failed_units(), "");
}

TEST_F(WorkTest, ADiskIsLookedIntoInTheAppliance) {
    output_of({"virtbusctl", "-H", "qemu", "image", "create", "empty.qcow2", "--size", "16M"});
    auto spec = vm_spec();
    spec["disks"] = std::vector<VariantMap>{{{"pool", "default"}, {"volume", "empty.qcow2"}}};
    const auto path = create(qemu, spec);
    actor.patience = std::chrono::seconds(180);  // the appliance is made first, and runs without KVM
    const auto job = actor.machine_id(path)->Refresh({});
    EXPECT_EQ(finish(job), "failed");
    EXPECT_EQ(actor.job(job)->Error().get<0>(), "org.virtbus1.Error.UnsupportedGuest")
        << actor.job(job)->Error().get<1>();
    EXPECT_THAT(journal_of("virtbus-guest-helper@*"), Not(HasSubstr("ended early")));
    EXPECT_EQ(failed_units(), "");
}

TEST_F(WorkTest, ItStopsWithin5SecondsWhileAJobRuns) {
    const auto path = create_ready(new_name());
    begin(path, {"sleep", "4712"});
    ASSERT_TRUE(actor.wait_until([&] { return process({"sleep", "4712"}) != 0; }));
    const auto begun = std::chrono::steady_clock::now();
    output_of({"systemctl", "stop", "virtbus.service"});
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
    EXPECT_EQ(unit_property("virtbus.service", "Result"), "success");
    EXPECT_TRUE(wait_until([&] { return process({"sleep", "4712"}) == 0; })) << "nobody wants it any more";
    output_of({"systemctl", "start", "virtbus.service"});
}

TEST_F(WorkTest, A100RestartsLeaveAGuestAloneAndNothingHalfDone) {
    const auto path = create(qemu, vm_spec());
    machine(path)->Start({});
    const auto pid = output_of({"pidof", "qemu-system-x86_64"});
    output_of({"virtbusctl", "-H", "qemu", "image", "create", "busy.qcow2", "--size", "64M"});
    for (int i = 0; i < 100; ++i) {
        // A job that nobody waits for: the restart comes in between.
        if (i % 10 == 0)
            static_cast<void>(
                run_command({"busctl", "call", "org.virtbus1", "/org/virtbus1/hypervisor/qemu/pool/default",
                             "org.virtbus1.Pool", "CreateImage", "sta{sv}", "half-" + std::to_string(i), "67108864",
                             "2", "format", "s", "raw", "preallocation", "s", "full"}));
        output_of({"systemctl", "restart", "virtbus.service"});
    }
    EXPECT_EQ(output_of({"pidof", "qemu-system-x86_64"}), pid);
    const auto uuid = path.substr(path.rfind('/') + 1);
    EXPECT_TRUE(actor.wait_until([&] { return actor.hypervisor(qemu)->Connected(); }));
    EXPECT_TRUE(actor.wait_until([&] { return actor.manager()->GetManagedObjects().contains(path); })) << uuid;
    EXPECT_EQ(state(path), "running");
    EXPECT_TRUE(wait_until([] { return temporaries().empty(); }));
    EXPECT_EQ(actor.manager()->JobCount(), 0U);
    EXPECT_EQ(failed_units(), "");
}

}  // namespace

}  // namespace virtbus::test
