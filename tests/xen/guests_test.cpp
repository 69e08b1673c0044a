// SPDX-License-Identifier: LGPL-2.1-or-later
// Xen's guests: what each kind is said to be, and its life; what a mirror of Xen has to survive.
#include "xen_test.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

namespace virtbus::test {

using testing::Contains;
using testing::Not;

class XenGuestTest : public XenTest, public testing::WithParamInterface<GuestKind> {};

INSTANTIATE_TEST_SUITE_P(Xen, XenGuestTest, testing::Values(pv, pvh, hvm),
                         [](const auto& parameter) { return parameter.param.name; });

TEST_P(XenGuestTest, ItIsWhatItIsAndLives) {
    const auto path = define(GetParam());
    EXPECT_EQ(get<std::string>(path, "Kind"), "vm");
    EXPECT_EQ(get<std::string>(path, "Virtualization"), GetParam().virtualization);
    EXPECT_EQ(get<std::string>(path, "Acceleration"), "xen");
    live(path, rebooted);
}

using XenGuestsTest = XenTest;

TEST_F(XenGuestsTest, TheOsTypeDecidesAndNeverTheMachine) {
    const auto virtualization = [&](const std::string& os_type) {
        return get<std::string>(define_type(os_type), "Virtualization");
    };
    EXPECT_EQ(virtualization("<type>xen</type>"), "para");
    EXPECT_EQ(virtualization("<type>linux</type>"), "para");
    EXPECT_EQ(virtualization("<type arch='x86_64' machine='xenpvh'>xen</type>"), "para");
    EXPECT_EQ(virtualization("<type>xenpvh</type>"), "hybrid");
    EXPECT_EQ(virtualization("<type>hvm</type>"), "full");
    EXPECT_EQ(virtualization("<type arch='x86_64' machine='pc'>hvm</type>"), "full");
    EXPECT_EQ(virtualization("<type arch='x86_64' machine='xenpvh'>hvm</type>"), "full");
}

TEST_F(XenGuestsTest, ARebootIsToldAsAStartBeforeTheEndAndTheMachineRuns) {
    const auto path = define(pv);
    start_ready(path);
    forget();
    machine(path)->Reboot({});
    ASSERT_TRUE(happened(path, "stopped", "shutdown"));
    const auto told = events(path);
    const auto started = std::find(told.begin(), told.end(), "started booted");
    const auto stopped = std::find(told.begin(), told.end(), "stopped shutdown");
    EXPECT_LT(started, stopped) << testing::PrintToString(told);
    EXPECT_EQ(state(path), "running");
    EXPECT_TRUE(says_ready(path));
    EXPECT_EQ(state(path), "running");
}

TEST_F(XenGuestsTest, WhatIsToldAfterTheEndBringsNothingBack) {
    const auto path = define(hvm);
    start_ready(path);
    forget();
    Console console(machine(path)->OpenConsole({}));
    console.write("poweroff -f\n");
    // Xen tells of an HVM guest's end two seconds late; libvirt knows before, and lets it be deleted.
    EXPECT_TRUE(actor.wait_until([&] { return failure_of([&] { machine(path)->Delete({}); }).name.empty(); }));
    EXPECT_TRUE(told_by_manager(path, "undefined", "removed"));
    EXPECT_TRUE(told_by_manager(path, "stopped", "shutdown"));
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path));
    observer.flush();
    EXPECT_EQ(observer.count("InterfacesRemoved"), 1U);
    EXPECT_EQ(observer.count("InterfacesAdded"), 0U);
    EXPECT_THAT(actor.manager()->GetManagedObjects(), Not(Contains(testing::Key(sdbus::ObjectPath(path)))));
}

TEST_F(XenGuestsTest, WhatXlEndsIsSeen) {
    const auto path = define(pv);
    start_ready(path);
    forget();
    host("xl destroy " + name_of(path));
    EXPECT_TRUE(announced<std::string>(path, "State", "shut-off"));
    EXPECT_TRUE(happened(path, "stopped", "destroyed"));
    start_ready(path);
}

TEST_F(XenGuestsTest, TheyAreTheSameWhenLibvirtdComesBack) {
    const auto path = define(pv);
    const auto off = define(hvm);
    start_ready(path);
    forget();
    host("systemctl restart libvirtd");
    ASSERT_TRUE(observer.wait_for("Resynced", hypervisor_path));
    EXPECT_TRUE(hypervisor()->Connected());
    EXPECT_EQ(observer.count("InterfacesRemoved"), 0U);
    EXPECT_EQ(state(path), "running");
    EXPECT_EQ(state(off), "shut-off");
    machine(path)->Pause({});
    EXPECT_EQ(state(path), "paused");
    machine(path)->PowerOff({});
    EXPECT_EQ(state(path), "shut-off");
    EXPECT_EQ(get<std::string>(path, "StateReason"), "destroyed");
}

TEST_F(XenGuestsTest, ItIsSavedAndGoesOnWhereItWas) {
    const auto path = define(pv);
    start_ready(path);
    {
        Console console(machine(path)->OpenConsole({}));
        console.write("kept=unforgotten\necho set-$((1 + 1))\n");
        ASSERT_TRUE(console.wait_for("set-2", actor.patience));
    }
    forget();
    EXPECT_EQ(finish(machine(path)->Save({})), "done");
    EXPECT_EQ(state(path), "shut-off");
    EXPECT_TRUE(machine(path)->Saved());
    EXPECT_TRUE(happened(path, "stopped", "saved"));
    EXPECT_EQ(finish(machine(path)->Start({})), "done");
    EXPECT_EQ(state(path), "running");
    EXPECT_FALSE(machine(path)->Saved());
    Console console(machine(path)->OpenConsole({{"force", true}}));
    console.write("\necho still-$kept\n");
    EXPECT_TRUE(console.wait_for("still-unforgotten", actor.patience));
}

}  // namespace virtbus::test
