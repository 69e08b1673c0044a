// SPDX-License-Identifier: LGPL-2.1-or-later
// A container's life, and a virtual machine's beside it: the same client code, and what makes no sense is absent.
#include "containers_test.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace virtbus::test {

using ContainerLifeTest = ContainersTest;

namespace {

std::string read_text(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What virtbusctl prints; it must end with `code`.
std::string virtbusctl(const std::string& arguments, int code = 0) {
    const auto command = "virtbusctl " + arguments + " 2>&1";
    FILE* output = ::popen(command.c_str(), "r");
    std::string text;
    for (int c = 0; (c = std::fgetc(output)) != EOF;) text += static_cast<char>(c);
    EXPECT_EQ(WEXITSTATUS(::pclose(output)), code) << command << ": " << text;
    return text;
}

}  // namespace

TEST_F(ContainerLifeTest, AContainerAndAMachineLiveByTheSameCalls) {
    const std::map<std::string, VariantMap> specs{{lxc, container_spec(new_name())}, {qemu, vm_spec()}};
    for (const auto& [hypervisor, spec] : specs) {
        const auto path = create(hypervisor, spec);
        const auto it = machine(path);
        const auto name = spec.at("name").get<std::string>();
        EXPECT_TRUE(observer.wait_for("InterfacesAdded", path));
        EXPECT_EQ(state(path), "shut-off");
        EXPECT_EQ(it->Start({}), "/");
        EXPECT_TRUE(announced<std::string>(path, "State", "running"));
        Console console(it->OpenConsole({}));
        EXPECT_TRUE(console.wait_for("ready"));
        console.write("echo answer-$((40 + 2))\n");
        EXPECT_TRUE(console.wait_for("answer-42"));
        it->Pause({});
        EXPECT_EQ(state(path), "paused");
        it->Resume({});
        EXPECT_EQ(state(path), "running");
        it->SetTitle("A " + name, {});
        it->SetTags({"b", "a"}, {});
        it->SetAutostart(true, {});
        EXPECT_EQ(observer.machine(path)->Title(), "A " + name);
        EXPECT_EQ(observer.machine(path)->Tags(), (std::vector<std::string>{"a", "b"}));
        EXPECT_TRUE(observer.machine(path)->Autostart());
        it->PowerOff({});
        EXPECT_TRUE(announced<std::string>(path, "State", "shut-off"));
        EXPECT_EQ(failure_of([&] { it->Pause({}); }).name, "org.virtbus1.Error.InvalidState");
        it->Delete({});
        EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path));
    }
}

TEST_F(ContainerLifeTest, WhatMakesNoSenseIsAbsent) {
    const auto container = create(lxc, container_spec(new_name()));
    const auto vm = create(qemu, vm_spec());
    EXPECT_EQ(observer.machine(container)->Kind(), "container");
    EXPECT_EQ(observer.machine(container)->Virtualization(), "container");
    EXPECT_EQ(observer.machine(container)->Acceleration(), "native");
    EXPECT_EQ(observer.machine(vm)->Kind(), "vm");

    const std::set<std::string> of_containers{"org.virtbus1.Container", "org.virtbus1.Machine",
                                              "org.virtbus1.MachineId"};
    const std::set<std::string> of_vms{"org.virtbus1.Machine", "org.virtbus1.MachineId", "org.virtbus1.VirtualMachine"};
    EXPECT_EQ(interfaces(container), of_containers);
    EXPECT_EQ(interfaces(vm), of_vms);
    const auto shown = observer.machine(container)->GetAll("org.virtbus1.Machine");
    for (const auto* property : {"Firmware", "Graphics", "Disks", "MachineType", "Agent", "Saved"})
        EXPECT_FALSE(shown.contains(property)) << property;
    EXPECT_TRUE(observer.machine(container)->SharesHostKernel());
    EXPECT_EQ(observer.machine(container)->Init(), std::vector<std::string>{"/init"});
    EXPECT_EQ(observer.machine(vm)->Firmware(), "bios");
    EXPECT_NE(failure_of([&] { observer.machine(vm)->Root(); }).name, "");

    EXPECT_EQ(failure_of([&] {
                  machine(container)->Start({{"paused", true}});
              }).name,
              "org.virtbus1.Error.NotSupported");
    const auto vcpus = failure_of([&] { machine(container)->SetVcpus(2, {}); });
    EXPECT_EQ(vcpus.name, "org.virtbus1.Error.NotSupported") << vcpus;
}

TEST_F(ContainerLifeTest, AKeyThatMakesNoSenseIsRefusedByName) {
    auto spec = container_spec(new_name());
    spec["firmware"] = std::string("efi");
    const auto firmware = failure_of([&] { create(lxc, spec); });
    EXPECT_EQ(firmware.name, "org.freedesktop.DBus.Error.InvalidArgs") << firmware;
    EXPECT_EQ(firmware.message.rfind("firmware: ", 0), 0U) << firmware;
    auto machine_spec = vm_spec();
    machine_spec["root"] = std::string("/var/lib/libvirt/filesystems");
    const auto root = failure_of([&] { create(qemu, machine_spec); });
    EXPECT_EQ(root.message.rfind("root: ", 0), 0U) << root;
}

TEST_F(ContainerLifeTest, ARootElsewhereIsRefused) {
    const fs::path roots = "/var/lib/libvirt/filesystems";
    auto spec = container_spec(new_name());
    const auto inside = fs::path(spec.at("root").get<std::string>()) / "etc";
    const auto link = roots / new_name();
    fs::create_symlink("/etc", link);
    for (const auto& root : {fs::path("/"), fs::path("/etc"), roots, inside, link, roots / "missing"}) {
        spec["root"] = root.string();
        const auto failure = failure_of([&] { create(lxc, spec); });
        EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.InvalidArgs") << root << ' ' << failure;
        EXPECT_EQ(failure.message.rfind("root: ", 0), 0U) << failure;
    }
}

TEST_F(ContainerLifeTest, ItStopsWhenItIsAsked) {
    const auto path = create_ready(new_name());
    const auto job = machine(path)->Shutdown({{"timeout_usec", std::uint64_t{60'000'000}}});
    EXPECT_EQ(finish(job), "done");
    EXPECT_EQ(actor.job(job)->Result().at("outcome").get<std::string>(), "shut-off");
    EXPECT_EQ(state(path), "shut-off");
}

TEST_F(ContainerLifeTest, ItRebootsWhenItIsAsked) {
    const auto name = new_name();
    const auto path = create_ready(name);
    machine(path)->Reboot({});
    // What it writes last may be lost with its console.
    const auto rebooted = fs::path("/var/lib/libvirt/filesystems") / name / "rebooted";
    EXPECT_TRUE(actor.wait_until([&] { return fs::exists(rebooted); }));
    // libvirt may miss its first process here, too, where nobody starts it once more: then that is told.
    const auto is_up = [&] {
        Ended ended;
        failure_of([&] { ended = run(path, {"true"}); });
        const bool answers = ended.state == "done" || ended.reason.find("libvirt has missed it") != std::string::npos;
        return answers && state(path) == "running";
    };
    EXPECT_TRUE(actor.wait_until(is_up));
}

TEST_F(ContainerLifeTest, ItsLimitsAreTheKernels) {
    const auto name = new_name();
    auto spec = container_spec(name);
    spec["vcpus"] = std::uint32_t{1};
    const auto path = create(lxc, spec);
    machine(path)->Start({});
    EXPECT_EQ(cgroup(name, "memory", "memory.limit_in_bytes"), "67108864\n");
    EXPECT_EQ(cgroup(name, "cpu", "cpu.cfs_quota_us"), "100000\n");
    EXPECT_EQ(observer.machine(path)->Memory(), std::uint64_t{64} << 20);
    machine(path)->SetMemory(std::uint64_t{32} << 20, {});
    EXPECT_TRUE(announced(path, "Memory", std::uint64_t{32} << 20));
    EXPECT_EQ(cgroup(name, "memory", "memory.limit_in_bytes"), "33554432\n");
}

TEST_F(ContainerLifeTest, ItsMachineIdIsThatOfItsRoot) {
    const auto name = new_name();
    const auto path = create(lxc, container_spec(name));
    const auto root = fs::path("/var/lib/libvirt/filesystems") / name;
    const auto hosts = read_text("/etc/machine-id");
    const auto first = std::string("0123456789abcdef0123456789abcdef");
    std::ofstream(root / "etc/machine-id") << first << '\n';
    std::ofstream(root / "etc/os-release") << "ID=box\nPRETTY_NAME=Box\n";
    const auto id = actor.machine_id(path);
    EXPECT_EQ(finish(id->Refresh({})), "done");
    EXPECT_EQ(id->State(), "valid");
    EXPECT_EQ(id->Source(), "files");
    EXPECT_EQ(id->GetId(), first);

    const auto second = std::string("fedcba9876543210fedcba9876543210");
    EXPECT_EQ(finish(id->Assign(second, {})), "done");
    EXPECT_EQ(read_text(root / "etc/machine-id"), second + "\n");
    EXPECT_EQ(finish(id->Regenerate({})), "done");
    const auto third = read_text(root / "etc/machine-id");
    EXPECT_EQ(third.size(), 33U);
    EXPECT_NE(third, second + "\n");
    EXPECT_EQ(id->GetId() + "\n", third);

    machine(path)->Start({});
    const auto running = failure_of([&] { id->Regenerate({}); });
    EXPECT_EQ(running.name, "org.virtbus1.Error.InvalidState") << running;
    EXPECT_EQ(read_text(root / "etc/machine-id"), third);
    EXPECT_EQ(read_text("/etc/machine-id"), hosts);
}

TEST_F(ContainerLifeTest, PeopleSeeTheDifference) {
    const auto name = new_name();
    const auto root = make_root(name);
    virtbusctl(fmt::format("-H lxc create {} --memory 64M --root {} --init /init --start", name, root.string()));
    const auto shown = virtbusctl("show " + name);
    for (const auto* text : {"container", "shared with the host", "/var/lib/libvirt/filesystems/", "/init"})
        EXPECT_NE(shown.find(text), std::string::npos) << text << " in\n" << shown;
    for (const auto* text : {"Firmware", "Guest agent", "Disks"})
        EXPECT_EQ(shown.find(text), std::string::npos) << shown;
    utsname host{};
    ::uname(&host);
    EXPECT_EQ(virtbusctl("run " + name + " -- uname -r"), std::string(host.release) + "\n");
    EXPECT_EQ(virtbusctl("run " + name + " -- sh -c 'echo out; echo err >&2; exit 7'", 7).size(), 8U);
    EXPECT_EQ(virtbusctl("run " + name + " -- sh -c 'kill -9 $$'", 128 + 9), "");
    EXPECT_EQ(virtbusctl("run " + name + " -- cat </etc/hostname"), read_text("/etc/hostname"));
    EXPECT_NE(virtbusctl("run " + name + " -- missing", 1).find("missing"), std::string::npos);
    virtbusctl("delete --force " + name);
}

}  // namespace virtbus::test
