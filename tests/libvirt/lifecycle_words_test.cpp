// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/lifecycle_words.h"

#include <gtest/gtest.h>
#include <libvirt/libvirt.h>

#include <climits>

namespace virtbus::test {

namespace {

TEST(LifecycleWords, NameEachStateOfLibvirt) {
    EXPECT_EQ(state_from(VIR_DOMAIN_NOSTATE), MachineState::unknown);
    EXPECT_EQ(state_from(VIR_DOMAIN_RUNNING), MachineState::running);
    EXPECT_EQ(state_from(VIR_DOMAIN_BLOCKED), MachineState::blocked);
    EXPECT_EQ(state_from(VIR_DOMAIN_PAUSED), MachineState::paused);
    EXPECT_EQ(state_from(VIR_DOMAIN_SHUTDOWN), MachineState::shutting_down);
    EXPECT_EQ(state_from(VIR_DOMAIN_SHUTOFF), MachineState::shut_off);
    EXPECT_EQ(state_from(VIR_DOMAIN_CRASHED), MachineState::crashed);
    EXPECT_EQ(state_from(VIR_DOMAIN_PMSUSPENDED), MachineState::suspended);
}

TEST(LifecycleWords, NameReasonsByTheirState) {
    EXPECT_EQ(state_reason(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED), "booted");
    EXPECT_EQ(state_reason(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY_FAILED), "postcopy-failed");
    EXPECT_EQ(state_reason(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR), "io-error");
    EXPECT_EQ(state_reason(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP), "starting-up");
    EXPECT_EQ(state_reason(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED), "postcopy-failed");
    EXPECT_EQ(state_reason(VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_USER), "user");
    EXPECT_EQ(state_reason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED), "destroyed");
    EXPECT_EQ(state_reason(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DAEMON), "daemon");
    EXPECT_EQ(state_reason(VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED), "panicked");
}

TEST(LifecycleWords, TellAPauseByHandFromOneForAJob) {
    EXPECT_FALSE(may_have_new_job(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER));
    EXPECT_FALSE(may_have_new_job(VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED));
    for (const int reason : {VIR_DOMAIN_PAUSED_UNKNOWN, VIR_DOMAIN_PAUSED_MIGRATION, VIR_DOMAIN_PAUSED_SAVE,
                             VIR_DOMAIN_PAUSED_DUMP, VIR_DOMAIN_PAUSED_SNAPSHOT})
        EXPECT_TRUE(may_have_new_job(VIR_DOMAIN_PAUSED, reason)) << reason;
    for (const int reason : {VIR_DOMAIN_RUNNING_UNKNOWN, VIR_DOMAIN_RUNNING_BOOTED, VIR_DOMAIN_RUNNING_SAVE_CANCELED})
        EXPECT_TRUE(may_have_new_job(VIR_DOMAIN_RUNNING, reason)) << reason;
    EXPECT_TRUE(may_have_new_job(VIR_DOMAIN_PAUSED, 99)) << "newer than these";
}

TEST(LifecycleWords, NameEachEventWithItsDetail) {
    const auto expect = [](int event, int detail, const LifecycleEvent& words) {
        EXPECT_EQ(lifecycle_event(event, detail), words) << event << "/" << detail;
    };
    expect(VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_FROM_SNAPSHOT, {"defined", "from-snapshot"});
    expect(VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED, {"undefined", "renamed"});
    expect(VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_WAKEUP, {"started", "wakeup"});
    expect(VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR, {"suspended", "api-error"});
    expect(VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR, {"suspended", "io-error"});
    expect(VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED, {"suspended", "postcopy-failed"});
    expect(VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED, {"resumed", "postcopy-failed"});
    expect(VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT, {"stopped", "from-snapshot"});
    expect(VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_HOST, {"shutdown", "host"});
    expect(VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_DISK, {"pm-suspended", "disk"});
    expect(VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_CRASHLOADED, {"crashed", "crashloaded"});
    EXPECT_EQ(reboot_event(), (LifecycleEvent{"rebooted", ""}));
}

TEST(LifecycleWords, CallWhatIsNewerThanThemUnknown) {
    for (const int number : {-1, 9, 99, INT_MAX, INT_MIN}) {
        EXPECT_EQ(state_from(number), MachineState::unknown);
        EXPECT_EQ(state_reason(number, 0), "unknown");
        EXPECT_EQ(state_reason(VIR_DOMAIN_CRASHED, number), "unknown");
        EXPECT_EQ(lifecycle_event(number, 0), (LifecycleEvent{"unknown", "unknown"}));
        EXPECT_EQ(lifecycle_event(VIR_DOMAIN_EVENT_STARTED, number), (LifecycleEvent{"started", "unknown"}));
    }
}

}  // namespace

}  // namespace virtbus::test
