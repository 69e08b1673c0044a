// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may do what on the system bus, asked by a program that runs as somebody else.
#include "base/log.h"
#include "bus_fixture.h"

#include <iostream>

namespace virtbus::test {
namespace {

class AccessTest : public BusTest {
protected:
    AccessTest() : BusTest(PrivateBus::Policy::system) {}

    void SetUp() override {
        if (::geteuid() == 0) return;
        std::cerr << "\n*** ACCESS IS NOT TESTED: only root can become somebody else ***\n\n";
        GTEST_SKIP() << "needs root";
    }

    using BusTest::as_nobody;
    std::string as_nobody(const std::string& path, const std::string& method) {
        return as_nobody(path, "org.virtbus1.Machine", method, "{}");
    }

    const std::string manager = "org.virtbus1.Manager";
};

TEST_F(AccessTest, EverybodyMayRead) {
    serve(bus::BusType::system);
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"), "ok");
    EXPECT_EQ(as_nobody("/org/virtbus1", manager, "ListMachines", "{}"), "ok");
    EXPECT_EQ(as_nobody("/org/virtbus1", manager, "ListJobs"), "ok");
    EXPECT_EQ(as_nobody(web_path, "org.freedesktop.DBus.Properties", "GetAll", "org.virtbus1.Machine"), "ok");
}

TEST_F(AccessTest, OnlyRootMayDoTheRest) {
    serve(bus::BusType::system);
    const auto before = first->calls();
    for (const auto* method :
         {"Start", "Shutdown", "Reboot", "PowerOff", "Pause", "Resume", "Delete", "GetXml", "OpenConsole"})
        EXPECT_EQ(as_nobody(web_path, method), access_denied) << method;
    for (const auto* method : {"Reset", "Save"})
        EXPECT_EQ(as_nobody(web_path, "org.virtbus1.VirtualMachine", method, "{}"), access_denied) << method;
    EXPECT_EQ(as_nobody(first_path, "org.virtbus1.Hypervisor", "CreateMachine", "{}"), access_denied);
    EXPECT_EQ(as_nobody(first_path, "org.virtbus1.Hypervisor", "Reconnect", "{}"), access_denied);
    EXPECT_EQ(as_nobody(first_path, "org.virtbus1.Hypervisor", "GetCapabilitiesXml"), access_denied);
    EXPECT_EQ(as_nobody("/org/virtbus1", manager, "AddHypervisor", "lab", "qemu:///system", "{}"), access_denied);
    EXPECT_EQ(as_nobody("/org/virtbus1", manager, "RemoveHypervisor", "first", "{}"), access_denied);
    EXPECT_EQ(as_nobody("/org/virtbus1", manager, "Reload", "{}"), access_denied);
    EXPECT_EQ(first->calls(), before) << "refused before anything was done";
    client.machine(database_path)->Start({});
    EXPECT_EQ(client.machine(database_path)->State(), "running");
}

TEST_F(AccessTest, EverybodyMaySeePoolsAndImages) {
    first->storage().add(make_pool("default"));
    first->storage().add(make_image("default", "disk"));
    serve(bus::BusType::system);
    ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListImages({}).size() == 1; }));
    EXPECT_EQ(as_nobody("/org/virtbus1", manager, "ListImages", "{}"), "ok");
    EXPECT_EQ(as_nobody("/org/virtbus1", manager, "ListPools", "{}"), "ok");
    EXPECT_EQ(
        as_nobody(bus::pool_path("first", "default"), "org.freedesktop.DBus.Properties", "GetAll", "org.virtbus1.Pool"),
        "ok");
    EXPECT_EQ(as_nobody(bus::image_path("first", "default", "disk"), "org.freedesktop.DBus.Properties", "GetAll",
                        "org.virtbus1.Image"),
              "ok");
}

TEST_F(AccessTest, OnlyRootMayWorkOnPoolsAndImages) {
    first->storage().add(make_pool("default"));
    first->storage().add(make_image("default", "disk"));
    serve(bus::BusType::system);
    ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListImages({}).size() == 1; }));
    for (const auto* method : {"Start", "Stop", "Refresh", "Delete"})
        EXPECT_EQ(as_nobody(bus::pool_path("first", "default"), "org.virtbus1.Pool", method, "{}"), access_denied)
            << method;
    for (const auto* method : {"Flatten", "Wipe", "Check", "Delete"})
        EXPECT_EQ(as_nobody(bus::image_path("first", "default", "disk"), "org.virtbus1.Image", method, "{}"),
                  access_denied)
            << method;
    EXPECT_EQ(as_nobody(first_path, "org.virtbus1.Hypervisor", "GetDefaultPool", "{}"), access_denied);
    EXPECT_EQ(as_nobody(bus::image_path("first", "default", "disk"), "org.virtbus1.Image", "Delete", "{typo}"),
              access_denied)
        << "who may not call learns nothing from it";
    EXPECT_TRUE(client.manager()->ListJobs().empty());
    EXPECT_NE(first->storage().image("default", "disk"), std::nullopt);
}

TEST_F(AccessTest, OnlyRootMayCancelAJob) {
    serve(bus::BusType::system);
    first->block(PortCall::save);
    const std::string job = client.machine(web_path)->Save({});
    EXPECT_EQ(as_nobody(job, "org.virtbus1.Job", "Cancel", "{}"), access_denied);
    EXPECT_EQ(client.job(job)->State(), "running");
}

TEST_F(AccessTest, TheRightIsAskedForBeforeTheArgumentsAreLookedAt) {
    serve(bus::BusType::system);
    EXPECT_EQ(as_nobody(web_path, "org.virtbus1.Machine", "Start", "{typo}"), access_denied)
        << "who may not call learns nothing from it";
}

TEST_F(AccessTest, NobodyElseMayOwnTheName) {
    EXPECT_EQ(as_nobody("/org/freedesktop/DBus", "own", "org.virtbus1"), access_denied);
}

TEST_F(AccessTest, OnlyThePrivilegedMaySetTheLogLevel) {
    serve(bus::BusType::system);
    const auto before = log::level();
    EXPECT_EQ(as_nobody("/org/freedesktop/LogControl1", "set", "LogLevel", "debug"), access_denied);
    EXPECT_EQ(log::level(), before);
}

}  // namespace
}  // namespace virtbus::test
