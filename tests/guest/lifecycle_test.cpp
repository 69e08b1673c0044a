// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine's life with a real guest in it: each method, what it does, and what a second client is told.
#include "guest_test.h"

#include <algorithm>

namespace virtbus::test {

using LifecycleTest = GuestTest;

TEST_F(LifecycleTest, AMachineIsCreatedStartedAndBoots) {
    const auto path = create();
    EXPECT_TRUE(observer.wait_for("InterfacesAdded", path));
    EXPECT_TRUE(happened(path, "defined", "added"));
    EXPECT_EQ(state(path), "shut-off");

    EXPECT_EQ(machine(path)->Start({}), "/");
    EXPECT_EQ(state(path), "running");
    EXPECT_TRUE(announced<std::string>(path, "State", "running"));
    EXPECT_TRUE(happened(path, "started", "booted"));
    EXPECT_GT(get<std::uint64_t>(path, "StateSinceUSec"), 0U);

    EXPECT_TRUE(says_ready(path));
    Console console(machine(path)->OpenConsole({{"force", true}}));
    console.write("echo answer-$((40 + 2))\n");
    EXPECT_TRUE(console.wait_for("answer-42"));
}

TEST_F(LifecycleTest, WhatIsAnnouncedComesBeforeWhatHappened) {
    const auto path = create();
    forget();
    machine(path)->Start({});
    ASSERT_TRUE(happened(path, "started", "booted"));
    const auto index = [&](const auto& fits) {
        return std::find_if(observer.signals.begin(), observer.signals.end(), fits) - observer.signals.begin();
    };
    const auto changed = index([](const Signal& signal) {
        const auto state = signal.changed.find("State");
        return state != signal.changed.end() && state->second.get<std::string>() == "running";
    });
    const auto told = index([](const Signal& signal) {
        return signal.name == "Lifecycle" && signal.words == std::vector<std::string>{"started", "booted"};
    });
    EXPECT_LT(changed, told);
}

TEST_F(LifecycleTest, AGuestPausesAndResumes) {
    const auto path = create_ready();
    forget();
    machine(path)->Pause({});
    EXPECT_EQ(state(path), "paused");
    EXPECT_EQ(get<std::string>(path, "StateReason"), "user");
    EXPECT_TRUE(happened(path, "suspended", "paused"));
    machine(path)->Resume({});
    EXPECT_EQ(state(path), "running");
    EXPECT_TRUE(happened(path, "resumed", "unpaused"));
}

TEST_F(LifecycleTest, AGuestShutsDownWhenAsked) {
    const auto path = create_ready();
    forget();
    const auto job = machine(path)->Shutdown({{"timeout_usec", std::uint64_t{60'000'000}}});
    EXPECT_TRUE(announced<sdbus::ObjectPath>(path, "CurrentJob", job));
    EXPECT_EQ(finish(job), "done");
    EXPECT_EQ(outcome(job), "shut-off");
    EXPECT_EQ(state(path), "shut-off");
    EXPECT_EQ(get<std::string>(path, "StateReason"), "shutdown");
    EXPECT_TRUE(happened(path, "stopped", "shutdown"));
    EXPECT_TRUE(observer.wait_for("JobEnded", job));
    EXPECT_TRUE(announced<sdbus::ObjectPath>(path, "CurrentJob", "/"));
}

TEST_F(LifecycleTest, AGuestThatDoesNotReactIsPoweredOffWhenTold) {
    const auto path = create();
    machine(path)->Start({});  // a guest that still boots cannot react
    const auto job = machine(path)->Shutdown(
        {{"mode", "acpi"}, {"timeout_usec", std::uint64_t{1'000'000}}, {"on_timeout", "poweroff"}});
    EXPECT_EQ(finish(job), "done");
    EXPECT_EQ(outcome(job), "powered-off");
    EXPECT_EQ(state(path), "shut-off");
}

TEST_F(LifecycleTest, AGuestThatDoesNotReactFailsTheJobByDefault) {
    const auto path = create();
    machine(path)->Start({});
    const auto job = machine(path)->Shutdown({{"mode", "acpi"}, {"timeout_usec", std::uint64_t{1'000'000}}});
    EXPECT_EQ(finish(job), "failed");
    EXPECT_EQ(actor.job(job)->Error().get<0>(), "org.virtbus1.Error.Timeout");
    EXPECT_EQ(state(path), "running");
}

TEST_F(LifecycleTest, APausedGuestIsNotAskedToShutDown) {
    const auto path = create();
    machine(path)->Start({{"paused", true}});
    const auto failure = failure_of([&] { machine(path)->Shutdown({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
}

TEST_F(LifecycleTest, TheGuestAgentIsMissedByName) {
    const auto path = create_ready();
    const auto job = machine(path)->Shutdown({{"mode", "agent"}, {"timeout_usec", std::uint64_t{5'000'000}}});
    EXPECT_EQ(finish(job), "failed");
    EXPECT_EQ(actor.job(job)->Error().get<0>(), "org.virtbus1.Error.AgentUnresponsive");
}

TEST_F(LifecycleTest, AGuestReboots) {
    const auto path = create_ready();
    forget();
    EXPECT_TRUE(says_ready(path, [&] { machine(path)->Reboot({}); }));
    EXPECT_TRUE(happened(path, "rebooted", ""));
    EXPECT_EQ(state(path), "running");
}

TEST_F(LifecycleTest, AGuestIsReset) {
    const auto path = create_ready();
    forget();
    EXPECT_TRUE(says_ready(path, [&] { machine(path)->Reset({}); }));
    EXPECT_TRUE(happened(path, "rebooted", ""));
}

TEST_F(LifecycleTest, AGuestIsPoweredOff) {
    const auto path = create();
    machine(path)->Start({});
    forget();
    machine(path)->PowerOff({});
    EXPECT_EQ(state(path), "shut-off");
    EXPECT_EQ(get<std::string>(path, "StateReason"), "destroyed");
    EXPECT_TRUE(happened(path, "stopped", "destroyed"));
    const auto failure = failure_of([&] { machine(path)->PowerOff({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
}

TEST_F(LifecycleTest, AGuestIsSavedAndGoesOnWhereItWas) {
    const auto path = create_ready();
    {
        Console console(machine(path)->OpenConsole({}));
        console.write("kept=unforgotten\necho set-$((1 + 1))\n");
        ASSERT_TRUE(console.wait_for("set-2"));
    }
    forget();
    const auto saving = machine(path)->Save({});
    EXPECT_EQ(finish(saving), "done");
    EXPECT_EQ(state(path), "shut-off");
    EXPECT_TRUE(machine(path)->Saved());
    EXPECT_TRUE(happened(path, "stopped", "saved"));

    const auto failure = failure_of([&] { machine(path)->Delete({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;

    const auto restoring = machine(path)->Start({});
    ASSERT_NE(restoring, "/");
    EXPECT_EQ(finish(restoring), "done");
    EXPECT_EQ(state(path), "running");
    EXPECT_FALSE(machine(path)->Saved());
    Console console(machine(path)->OpenConsole({}));
    console.write("echo still-$kept\n");
    EXPECT_TRUE(console.wait_for("still-unforgotten"));
}

TEST_F(LifecycleTest, AMachineIsDeletedOnlyByForceWhileItRuns) {
    const auto path = create();
    machine(path)->Start({});
    const auto failure = failure_of([&] { machine(path)->Delete({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
    EXPECT_EQ(state(path), "running");
    forget();
    machine(path)->Delete({{"force", true}});
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", path));
    // The machine's own object has left by then.
    EXPECT_TRUE(told_by_manager(path, "undefined", "removed"));
    const auto gone = failure_of([&] { machine(path)->Start({}); });
    EXPECT_EQ(gone.name, "org.freedesktop.DBus.Error.UnknownObject") << gone;
}

TEST_F(LifecycleTest, TheConsoleHasOneReaderUnlessForced) {
    const auto path = create_ready();
    Console first(machine(path)->OpenConsole({}));
    const auto failure = failure_of([&] { machine(path)->OpenConsole({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.MachineBusy") << failure;
    Console second(machine(path)->OpenConsole({{"force", true}}));
    second.write("echo mine-$((2 + 3))\n");
    EXPECT_TRUE(second.wait_for("mine-5"));
}

TEST_F(LifecycleTest, AConsoleThatWasClosedCanBeOpenedAtOnce) {
    const auto path = create();
    machine(path)->Start({});
    for (int i = 0; i < 50; ++i) ASSERT_NO_THROW(Console(machine(path)->OpenConsole({}))) << "opening " << i;
}

TEST_F(LifecycleTest, AConsoleNeedsARunningMachine) {
    const auto path = create();
    const auto failure = failure_of([&] { machine(path)->OpenConsole({}); });
    EXPECT_EQ(failure.name, "org.virtbus1.Error.InvalidState") << failure;
}

TEST_F(LifecycleTest, ADeadEmulatorIsSeen) {
    const auto path = create();
    machine(path)->Start({});
    forget();
    const auto uuid = get<std::string>(path, "Uuid");
    // The emulator's command line names the machine's UUID. The brackets keep pkill from finding its own shell.
    ASSERT_EQ(std::system(("pkill -KILL -f '[q]emu.*" + uuid + "'").c_str()), 0);
    EXPECT_TRUE(announced<std::string>(path, "State", "shut-off"));
    EXPECT_TRUE(happened(path, "stopped", "failed") || happened(path, "stopped", "crashed"));
}

}  // namespace virtbus::test
