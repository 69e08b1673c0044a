// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-id of a Debian that runs, by its own qemu-ga: read, changed, and there after the next boot. Runs inside
// scripts/sandbox.
#include "boot.h"
#include "images/images_test.h"

#include <fmt/format.h>

namespace virtbus::test {

namespace {

constexpr const char* old_running_id = "0a1b2c3d4e5f40718293a4b5c6d7e8f9";
constexpr const char* new_running_id = "5b1e7a90c2d34f6881a2b3c4d5e6f708";
constexpr std::chrono::minutes agent_patience{5};

}  // namespace

class RunningGuestTest : public ImagesTest {
protected:
    /// Starts the guest that is on `disk`, with its agent in place of the report that would power it off.
    void start_guest(const Disk& disk) {
        ASSERT_THAT(import("guest.raw", disk.image(), "raw"), Succeeded());
        const auto debian = debian_directory();
        // The port's number is that of its device among all of the guest's; udev would give it a name. logind is who
        // shuts down.
        const std::string agent =
            " systemd.unit=kernel-command-line.target systemd.wants=dbus.socket systemd.wants=systemd-logind.service "
            "systemd.run_success_action=none "
            "\"systemd.run=/bin/sh -c 'exec /usr/sbin/qemu-ga --path /dev/vport*p1'\"";
        const std::vector<VariantMap> disks{{{"pool", pool_name()}, {"volume", std::string("guest.raw")}}};
        path = hypervisor()->CreateMachine({{"name", std::string("running")},
                                            {"memory", 512 * mebibyte},
                                            {"acceleration", std::string("tcg")},
                                            {"interfaces", std::vector<VariantMap>{}},
                                            {"disks", disks},
                                            {"kernel", (debian / "vmlinuz").string()},
                                            {"initrd", (debian / "initrd.img").string()},
                                            {"cmdline", options_of(disk.read(Guest::boot_entry)) + agent},
                                            {"start", true}});
        const auto start = Clock::now();
        const auto is_connected = [&] { return machine(path)->Agent() == "connected"; };
        while (!is_connected() && Clock::now() - start < agent_patience) actor.wait_until(is_connected);
        ASSERT_TRUE(is_connected()) << "the guest's agent has not started";
        fmt::print("its agent is there after {:.0f} s\n", seconds_since(start));
    }
    std::unique_ptr<proxies::MachineId> identity() { return actor.machine_id(path); }

    void TearDown() override {
        if (!path.empty()) failure_of([&] { machine(path)->Delete({{"force", true}}); });
        ImagesTest::TearDown();
    }

    std::string path;
};

TEST_F(RunningGuestTest, ItIsReadAndChangedByItsAgentAndLastsOverABoot) {
    Disk disk(debian_directory() / "debian.qcow2");
    disk.write("/etc/machine-id", std::string(old_running_id) + "\n");
    ASSERT_NO_FATAL_FAILURE(start_guest(disk));

    ASSERT_THAT(ended(identity()->Refresh({})), Succeeded());
    EXPECT_EQ(identity()->GetId(), old_running_id);
    EXPECT_EQ(identity()->Source(), "agent");
    EXPECT_EQ(identity()->Guarantee(), "claimed");
    EXPECT_EQ(identity()->State(), "valid");
    EXPECT_EQ(identity()->DbusState(), "same");
    EXPECT_TRUE(identity()->Consistent());

    const auto assigned = ended(identity()->Assign(new_running_id, {{"expected", identity()->Fingerprint()}}));
    ASSERT_THAT(assigned, Succeeded()) << assigned;
    EXPECT_TRUE(assigned.result.at("reboot-required").get<bool>());
    EXPECT_EQ(assigned.result.at("fingerprint").get<std::string>(), identity()->Fingerprint());
    EXPECT_EQ(identity()->GetId(), new_running_id);
    EXPECT_EQ(identity()->Guarantee(), "claimed");

    ASSERT_THAT(ended(machine(path)->Shutdown({{"mode", std::string("agent")}})), Succeeded());
    EXPECT_EQ(identity()->Guarantee(), "claimed") << "what the agent said is no proof";
    ASSERT_THAT(ended(actor.manager()->AuditMachineIds({})), Succeeded());
    EXPECT_EQ(identity()->GetId(), new_running_id);
    EXPECT_EQ(identity()->Source(), "disk");
    EXPECT_EQ(identity()->Guarantee(), "verified");

    Disk after(file_of("guest.raw"));
    const auto report = Guest(after, machine(path)->Uuid()).boot();
    EXPECT_EQ(report.etc, new_running_id);
    EXPECT_EQ(report.dbus, new_running_id);
    EXPECT_EQ(report.journal, new_running_id);
    EXPECT_EQ(report.from, "") << "systemd made no other";
}

}  // namespace virtbus::test
