// SPDX-License-Identifier: LGPL-2.1-or-later
// Containers whose first process libvirt has missed: see late_monitor.cpp.
#include "containers_test.h"

#include <fstream>
#include <functional>

namespace virtbus::test {

class FirstProcessTest : public ContainersTest {
protected:
    static constexpr const char* times = "/run/late-monitor";

    void TearDown() override {
        fs::remove(times);
        ContainersTest::TearDown();
    }

    /// At the next starts, so many times.
    static void let_libvirt_miss(std::size_t starts) { std::ofstream(times) << std::string(starts, 'x'); }
    static std::uintmax_t left_to_miss() { return fs::file_size(times); }

    /// Makes a container run while libvirt misses the first start; whether it can be entered then. On a busy machine
    /// libvirt may miss the second as well, by itself, but hardly three times.
    bool is_mended(const std::function<std::string()>& start) {
        for (int i = 0; i < 3; ++i) {
            let_libvirt_miss(1);
            const auto path = start();
            EXPECT_EQ(left_to_miss(), 0U);
            EXPECT_EQ(state(path), "running");
            if (run(path, {"true"}).state == "done") return true;
            machine(path)->PowerOff({});
        }
        return false;
    }
};

TEST_F(FirstProcessTest, WhatLibvirtHasMissedIsStartedOnceMore) {
    const auto path = create(lxc, container_spec(new_name()));
    EXPECT_TRUE(is_mended([&] {
        machine(path)->Start({});
        return path;
    }));
}

TEST_F(FirstProcessTest, SoIsWhatIsStartedAsItIsMade) {
    EXPECT_TRUE(is_mended([&] {
        auto spec = container_spec(new_name());
        spec["start"] = true;
        return create(lxc, spec);
    }));
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
