// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks for real: bridges of the host, dnsmasq that gives addresses away, and a guest that takes one. Runs inside
// run-host.
#include "support/machine_test.h"

#include <org.virtbus1.Network_proxy.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace virtbus::test {

using testing::ElementsAre;
using testing::HasSubstr;

namespace {

namespace fs = std::filesystem;

using NetworkProxy = proxies::Proxy<org::virtbus1::Network_proxy>;

constexpr const char* qemu = "/org/virtbus1/hypervisor/qemu";
constexpr const char* mac = "52:54:00:ab:00:01";

/// What a shell prints, errors too.
std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>&1").c_str(), "r"), ::pclose);
    std::string output;
    std::array<char, 4'096> buffer{};
    for (std::size_t size = 0; (size = ::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
        output.append(buffer.data(), size);
    return output;
}

bool has_device(const std::string& name) { return fs::exists("/sys/class/net/" + name); }

/// How many run on this host: it has its processes for itself.
int dnsmasqs() {
    int count = 0;
    for (const auto& process : fs::directory_iterator("/proc")) {
        std::ifstream file(process.path() / "comm");
        std::string name;
        if (file >> name && name == "dnsmasq") ++count;
    }
    return count;
}

}  // namespace

class NetworksTest : public MachineTest {
protected:
    NetworksTest() : MachineTest(environment("DBUS_SYSTEM_BUS_ADDRESS"), "qemu") {
        // The daemon connects beside its start.
        if (!actor.wait_until([&] { return hypervisor()->Connected(); }))
            throw std::runtime_error("not connected: " + hypervisor()->ConnectionError());
        actor.signals.clear();
    }
    void TearDown() override {
        MachineTest::TearDown();
        for (const auto& row : actor.manager()->ListNetworks({}))
            failure_of([&] { network(row.get<0>())->Delete({{"force", sdbus::Variant(true)}}); });
    }

    std::unique_ptr<NetworkProxy> network(const std::string& path) {
        return std::make_unique<NetworkProxy>(actor.connection(), "org.virtbus1", path);
    }
    std::string create_network(const VariantMap& spec) { return actor.hypervisor(qemu)->CreateNetwork(spec); }
    /// A NAT network "lab" that runs, 192.168.150.0/24 on bridge lab0.
    std::string create_lab() {
        return create_network({{"name", sdbus::Variant("lab")},
                               {"subnet", sdbus::Variant("192.168.150.0/24")},
                               {"bridge", sdbus::Variant("lab0")},
                               {"domain", sdbus::Variant("lab.example")},
                               {"start", sdbus::Variant(true)}});
    }
    /// A machine of the small guest on the network, which runs and is ready.
    std::string create_guest(const std::string& on) {
        const auto boot = environment("VIRTBUS_GUEST_DIR");
        const VariantMap interface {
            {"type", sdbus::Variant("network")}, {"network", sdbus::Variant(on)}, { "mac", sdbus::Variant(mac) }
        };
        return create({{"name", sdbus::Variant("web")},
                       {"memory", sdbus::Variant(std::uint64_t{128} << 20)},
                       {"kernel", sdbus::Variant(boot + "/vmlinuz")},
                       {"initrd", sdbus::Variant(boot + "/initrd.img")},
                       {"cmdline", sdbus::Variant(guest_command_line)},
                       {"interfaces", sdbus::Variant(std::vector<VariantMap>{interface})},
                       {"start", sdbus::Variant(true)}});
    }
    /// Lets the guest ask for an address, take it, and use it.
    void take_address(const std::string& guest) {
        Console console(actor.machine(guest)->OpenConsole({}));
        ASSERT_TRUE(console.wait_for("virtbus guest ready"));
        console.write(
            "printf '#!/bin/sh\\n[ \"$1\" != bound ] || ip addr add $ip/$mask dev eth0\\n' >/dhcp; "
            "chmod +x /dhcp; ip link set eth0 up; udhcpc -i eth0 -n -q -t 20 -s /dhcp -x hostname:web && "
            "ping -c 1 192.168.150.1 && echo address-$((40+2))\n");
        ASSERT_TRUE(console.wait_for("address-42"));
    }
    void expect_error(const Failure& failure, const std::string& name, const std::string& part) {
        EXPECT_EQ(failure.name, "org.virtbus1.Error." + name) << failure;
        EXPECT_THAT(failure.message, HasSubstr(part));
    }
};

TEST_F(NetworksTest, AreBridgesWithAServerAndLeaveNothing) {
    const auto lab = create_lab();
    EXPECT_TRUE(network(lab)->Active());
    EXPECT_TRUE(has_device("lab0"));
    EXPECT_GT(dnsmasqs(), 0);
    EXPECT_THAT(output_of("ip -4 addr show lab0"), HasSubstr("192.168.150.1/24"));
    EXPECT_THAT(output_of("virsh net-dumpxml lab"), HasSubstr("<range start='192.168.150.2' end='192.168.150.254'/>"));
    network(lab)->Stop({});
    EXPECT_FALSE(has_device("lab0"));
    ASSERT_TRUE(actor.wait_until([] { return dnsmasqs() == 0; }));
    network(lab)->Start({});
    EXPECT_TRUE(has_device("lab0"));
    network(lab)->Delete({});
    EXPECT_FALSE(has_device("lab0"));
    ASSERT_TRUE(actor.wait_until([] { return dnsmasqs() == 0; }));
    EXPECT_EQ(output_of("virsh net-list --all --name"), "\n");
    ASSERT_TRUE(observer.wait_for("InterfacesRemoved", lab));
}

TEST_F(NetworksTest, ShowWhatOthersDo) {
    const auto lab = create_lab();
    output_of("virsh net-destroy lab");
    ASSERT_TRUE(actor.wait_until([&] { return !network(lab)->Active(); }));
    ASSERT_TRUE(actor.wait_for("PropertiesChanged", "org.virtbus1.Network"));
    EXPECT_THAT(actor.find("PropertiesChanged", "org.virtbus1.Network")->changed_names(), ElementsAre("Active"));
    output_of("virsh net-undefine lab");
    ASSERT_TRUE(actor.wait_for("InterfacesRemoved", lab));
}

TEST_F(NetworksTest, GiveAddressesThatAreKnownByThoseWhoSeeThem) {
    const auto lab = create_lab();
    const auto guest = create_guest("lab");
    ASSERT_NO_FATAL_FAILURE(take_address(guest));

    // The server writes it down after the guest has it.
    ASSERT_TRUE(actor.wait_until([&] { return network(lab)->GetLeases().size() == 1; }));
    const auto leases = network(lab)->GetLeases();
    EXPECT_EQ(leases[0].get<0>(), mac);
    const auto address = leases[0].get<1>();
    EXPECT_THAT(address, testing::StartsWith("192.168.150."));
    EXPECT_EQ(leases[0].get<2>(), 24U);
    EXPECT_EQ(leases[0].get<3>(), "web");
    EXPECT_GT(leases[0].get<4>(), std::uint64_t{1'600'000'000} * 1'000'000);
    EXPECT_THAT(output_of("virsh net-dhcp-leases lab"), HasSubstr(address + "/24")) << "the second opinion";

    const auto found = actor.machine(guest)->GetAddresses({});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].at("address").get<std::string>(), address);
    EXPECT_EQ(found[0].at("mac").get<std::string>(), mac);
    EXPECT_EQ(found[0].at("prefix").get<std::uint32_t>(), 24U);
    // libvirt 9.0 cannot read the ARP table of newer kernels ("wrong nlmsg len"): as virsh, so virtbus.
    const auto arp = output_of("virsh domifaddr web --source arp");
    if (arp.find(address) == std::string::npos) std::cerr << "libvirt sees no ARP table here: " << arp;
    const std::string sources = arp.find(address) == std::string::npos ? "lease" : "lease, arp";
    EXPECT_EQ(fmt::format("{}", fmt::join(found[0].at("sources").get<std::vector<std::string>>(), ", ")), sources);
    EXPECT_EQ(observer.machine(guest)->Addresses().size(), 1U) << "everybody sees it from now on";

    EXPECT_THAT(output_of("virtbusctl -H qemu network leases lab"), HasSubstr(address));
    EXPECT_THAT(output_of("virtbusctl -H qemu show web"),
                HasSubstr(fmt::format("{}/24 on {} ({})", address, mac, sources)));

    expect_error(failure_of([&] { network(lab)->Stop({}); }), "InUse", "machine web");
    actor.machine(guest)->PowerOff({});
    EXPECT_TRUE(actor.machine(guest)->Addresses().empty());
    network(lab)->Stop({});
    EXPECT_FALSE(has_device("lab0"));
}

TEST_F(NetworksTest, AreNotTakenFromContainersThatAnotherHypervisorRuns) {
    const auto lab = create_lab();
    std::ofstream("/run/box.xml")
        << "<domain type='lxc'><name>box</name><memory>32768</memory>"
           "<os><type>exe</type><init>/bin/sleep</init><initarg>1000</initarg></os><devices>"
           "<filesystem><source dir='/'/><target dir='/'/></filesystem>"
           "<interface type='network'><source network='lab'/></interface><console type='pty'/>"
           "</devices></domain>";
    EXPECT_THAT(output_of("virsh -c lxc:///system create /run/box.xml"), HasSubstr("created"));
    expect_error(failure_of([&] { network(lab)->Stop({}); }), "InUse", "(1)");
    expect_error(failure_of([&] { network(lab)->Delete({}); }), "InUse", "network lab");
    EXPECT_TRUE(has_device("lab0"));
    network(lab)->Delete({{"force", sdbus::Variant(true)}});
    EXPECT_FALSE(has_device("lab0"));
    output_of("virsh -c lxc:///system destroy box");
}

TEST_F(NetworksTest, DoNotTakeWhatTheHostHas) {
    output_of("ip link add taken type bridge; ip addr add 10.55.0.1/24 dev taken; ip link set taken up");
    ASSERT_TRUE(has_device("taken"));
    expect_error(failure_of([&] {
                     create_network({{"name", sdbus::Variant("lab")},
                                     {"subnet", sdbus::Variant("10.55.0.0/24")},
                                     {"start", sdbus::Variant(true)}});
                 }),
                 "InUse", "taken");
    expect_error(failure_of([&] {
                     create_network({{"name", sdbus::Variant("lab")},
                                     {"subnet", sdbus::Variant("10.56.0.0/24")},
                                     {"bridge", sdbus::Variant("taken")},
                                     {"start", sdbus::Variant(true)}});
                 }),
                 "InUse", "taken");
    EXPECT_EQ(output_of("virsh net-list --all --name"), "\n") << "nothing stays of what could not be started";
    EXPECT_TRUE(actor.wait_until([&] { return actor.manager()->ListNetworks({}).empty(); }));
    EXPECT_THAT(output_of("ip -4 addr show taken"), HasSubstr("10.55.0.1/24"));
    output_of("ip link del taken");
}

TEST_F(NetworksTest, AreMadeByVirtbusctl) {
    EXPECT_EQ(output_of("virtbusctl network create lab --subnet 192.168.150.0/24 --forward isolated --start"), "lab\n");
    // It stands on both of libvirt's drivers here, and is one all the same.
    EXPECT_THAT(output_of("virtbusctl -H qemu network list"), HasSubstr("192.168.150.0/24"));
    EXPECT_TRUE(actor.wait_until([&] { return actor.manager()->ListNetworks({}).size() == 2; }));
    EXPECT_THAT(output_of("virtbusctl network show lab"),
                HasSubstr("192.168.150.1/24, DHCP from 192.168.150.2 to 192.168.150.254"));
    EXPECT_EQ(output_of("virtbusctl network stop lab"), "");
    EXPECT_THAT(output_of("virtbusctl network stop lab"), HasSubstr("not active"));
    EXPECT_EQ(output_of("virtbusctl network delete lab"), "");
    EXPECT_TRUE(actor.wait_until([&] { return actor.manager()->ListNetworks({}).empty(); }));
    EXPECT_EQ(output_of("virtbusctl network list"), "No networks.\n");
}

}  // namespace virtbus::test
