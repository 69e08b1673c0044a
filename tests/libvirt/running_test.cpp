// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt_test.h"

namespace virtbus::test {

namespace {

class Running : public LibvirtTest {};
VIRTBUS_BOTH_WAYS(Running);

TEST_P(Running, StartsAndPowersOff) {
    const auto uuid = create("web");
    port().start(uuid, {});
    EXPECT_EQ(read(uuid).state, MachineState::running);
    EXPECT_EQ(read(uuid).state_reason, "booted");
    EXPECT_TRUE(events().wait_happened(uuid, {"started", "booted"}));
    port().power_off(uuid, false);
    EXPECT_EQ(read(uuid).state, MachineState::shut_off);
    EXPECT_EQ(read(uuid).state_reason, "destroyed");
    EXPECT_TRUE(events().wait_happened(uuid, {"stopped", "destroyed"}));
}

TEST_P(Running, PausesAndResumes) {
    const auto uuid = create("web");
    port().start(uuid, {});
    port().pause(uuid);
    EXPECT_EQ(read(uuid).state, MachineState::paused);
    EXPECT_EQ(read(uuid).state_reason, "user");
    EXPECT_TRUE(events().wait_happened(uuid, {"suspended", "paused"}));
    port().resume(uuid);
    EXPECT_EQ(read(uuid).state, MachineState::running);
    EXPECT_EQ(read(uuid).state_reason, "unpaused");
    EXPECT_TRUE(events().wait_happened(uuid, {"resumed", "unpaused"}));
}

TEST_P(Running, ShutsDownAndReboots) {
    const auto uuid = create("web");
    port().start(uuid, {});
    port().reboot(uuid, GuestMode::automatic);
    port().reset(uuid);
    EXPECT_EQ(read(uuid).state, MachineState::running);
    port().shutdown(uuid, GuestMode::automatic);
    EXPECT_EQ(read(uuid).state, MachineState::shut_off);
    EXPECT_TRUE(events().wait_happened(uuid, {"stopped", "shutdown"}));
}

TEST_P(Running, SavesAndRestores) {
    const auto uuid = create("web");
    port().start(uuid, {});
    port().save(uuid);
    EXPECT_TRUE(read(uuid).saved);
    EXPECT_EQ(read(uuid).state_reason, "saved");
    port().start(uuid, {});
    EXPECT_EQ(read(uuid).state, MachineState::running);  // the test driver knows no "restored"
    EXPECT_FALSE(read(uuid).saved);
}

TEST_P(Running, DiscardsSavedMemoryWhenTold) {
    const auto uuid = create("web");
    port().start(uuid, {});
    port().save(uuid);
    port().start(uuid, {.discard_saved = true});
    EXPECT_EQ(read(uuid).state_reason, "booted");
    EXPECT_FALSE(read(uuid).saved);
}

TEST_P(Running, RefusesWhatDoesNotFitTheState) {
    const auto uuid = create("web");
    EXPECT_REFUSED(invalid_state, port().power_off(uuid, false));
    EXPECT_REFUSED(invalid_state, port().shutdown(uuid, GuestMode::automatic));
    EXPECT_REFUSED(invalid_state, port().reboot(uuid, GuestMode::automatic));
    EXPECT_REFUSED(invalid_state, port().pause(uuid));
    EXPECT_REFUSED(invalid_state, port().resume(uuid));
    EXPECT_REFUSED(invalid_state, port().save(uuid));
    port().start(uuid, {});
    EXPECT_REFUSED(invalid_state, port().start(uuid, {}));
    EXPECT_REFUSED(invalid_state, port().resume(uuid));
    port().pause(uuid);
    EXPECT_REFUSED(invalid_state, port().pause(uuid));
}

TEST_P(Running, SaysWhichMachineAnErrorIsAbout) {
    const auto uuid = create("web");
    const auto outcome = outcome_of([&] { port().pause(uuid); });
    EXPECT_TRUE(refuses(outcome, Code::invalid_state, "Cannot pause web: ")) << outcome;
}

TEST_P(Running, SaysWhatTheDriverCannot) {
    const auto uuid = create("web");
    EXPECT_REFUSED(not_supported, port().start(uuid, {.paused = true}));
    port().start(uuid, {});
    EXPECT_REFUSED(not_supported, port().abort_job(uuid));
    EXPECT_REFUSED(not_supported, port().open_console(uuid, false));
    EXPECT_REFUSED(not_supported, port().shutdown(uuid, GuestMode::agent));
    EXPECT_EQ(port().job_progress(uuid), std::nullopt);
}

TEST_P(Running, KnowsNoMachineUnderAnUnknownUuid) {
    const auto uuid = Uuid::random();
    EXPECT_REFUSED(no_such_machine, port().start(uuid, {}));
    EXPECT_REFUSED(no_such_machine, port().shutdown(uuid, GuestMode::automatic));
    EXPECT_REFUSED(no_such_machine, port().reboot(uuid, GuestMode::automatic));
    EXPECT_REFUSED(no_such_machine, port().power_off(uuid, false));
    EXPECT_REFUSED(no_such_machine, port().reset(uuid));
    EXPECT_REFUSED(no_such_machine, port().pause(uuid));
    EXPECT_REFUSED(no_such_machine, port().resume(uuid));
    EXPECT_REFUSED(no_such_machine, port().save(uuid));
    EXPECT_REFUSED(no_such_machine, port().abort_job(uuid));
    EXPECT_REFUSED(no_such_machine, port().job_progress(uuid));
    EXPECT_REFUSED(no_such_machine, port().open_console(uuid, false));
}

}  // namespace

}  // namespace virtbus::test
