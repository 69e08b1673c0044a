// SPDX-License-Identifier: LGPL-2.1-or-later
// Containers whose first process libvirt has missed: see late_monitor.cpp.
#include "containers_test.h"

#include <fstream>

namespace virtbus::test {

class FirstProcessTest : public ContainersTest {
protected:
    static constexpr const char* times = "/run/late-monitor";

    /// At the next starts, so many times.
    static void let_libvirt_miss(std::size_t starts) { std::ofstream(times) << std::string(starts, 'x'); }
    static std::uintmax_t left_to_miss() { return fs::file_size(times); }
};

TEST_F(FirstProcessTest, WhatLibvirtHasMissedIsStartedOnceMore) {
    const auto path = create(lxc, container_spec(new_name()));
    let_libvirt_miss(1);
    machine(path)->Start({});
    EXPECT_EQ(left_to_miss(), 0U);
    EXPECT_EQ(state(path), "running");
    EXPECT_EQ(run(path, {"true"}).state, "done");
    machine(path)->Shutdown({});
    EXPECT_TRUE(announced<std::string>(path, "State", "shut-off"));
}

TEST_F(FirstProcessTest, SoIsWhatIsStartedAsItIsMade) {
    auto spec = container_spec(new_name());
    spec["start"] = true;
    let_libvirt_miss(1);
    const auto path = create(lxc, spec);
    EXPECT_EQ(left_to_miss(), 0U);
    EXPECT_EQ(run(path, {"true"}).state, "done");
}

TEST_F(FirstProcessTest, WhatItMissesTwiceRunsAndTheWayOutIsTold) {
    const auto path = create(lxc, container_spec(new_name()));
    let_libvirt_miss(2);
    machine(path)->Start({});
    EXPECT_EQ(left_to_miss(), 0U);
    EXPECT_EQ(state(path), "running");
    const auto refused = run(path, {"true"});
    EXPECT_EQ(refused.error, "org.virtbus1.Error.MachineBusy");
    EXPECT_NE(refused.reason.find("power it off, and start it again"), std::string::npos) << refused.reason;
    machine(path)->PowerOff({});
    machine(path)->Start({});
    EXPECT_EQ(run(path, {"true"}).state, "done");
}

}  // namespace virtbus::test
