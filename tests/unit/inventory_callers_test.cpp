// SPDX-License-Identifier: LGPL-2.1-or-later
// Who has changed a machine, or deleted it, goes on when the mirror has seen that, and no sooner.
#include "unit/hypervisor_fixture.h"

namespace virtbus::test {
namespace {

class InventoryCallersTest : public TwoMachinesTest {};

TEST_F(InventoryCallersTest, RefreshedReturnsWhenTheMirrorHasWhatTheCallerWrote) {
    connect();
    for (int i = 0; i < 100; ++i) {
        const auto title = std::to_string(i);
        fake->edit(web, [&](Machine& machine) { machine.title = title; });
        run(loop, inventory().refreshed(web));
        ASSERT_EQ(mirrored(web)->title, title);
    }
}

TEST_F(InventoryCallersTest, RefreshedIsNotServedByAReadingThatBeganBefore) {
    connect();
    fake->block(PortCall::read);
    fake->touch(web);
    await_hanging(PortCall::read);
    const auto refreshed = begin(loop, inventory().refreshed(web));
    settle(loop);
    fake->edit(web, [](Machine& machine) { machine.title = "written"; });
    fake->release(PortCall::read);
    ASSERT_TRUE(turn_until(loop, [&] { return refreshed->done; }));
    EXPECT_FALSE(refreshed->failure);
    EXPECT_EQ(fake->calls(PortCall::read), 2U);
    EXPECT_EQ(mirrored(web)->title, "written");
}

TEST_F(InventoryCallersTest, OneReadingServesAllWhoWait) {
    connect();
    fake->block(PortCall::read);
    fake->touch(database);
    await_hanging(PortCall::read);
    std::vector<std::shared_ptr<Started>> waiters;
    for (int i = 0; i < 20; ++i) waiters.push_back(begin(loop, inventory().refreshed(web)));
    settle(loop);
    fake->release(PortCall::read);
    ASSERT_TRUE(turn_until(loop, [&] {
        return std::all_of(waiters.begin(), waiters.end(), [](const auto& waiter) { return waiter->done; });
    }));
    EXPECT_EQ(fake->calls(PortCall::read), 2U);
}

TEST_F(InventoryCallersTest, RefreshedOfAMachineThatIsGoneReturnsWhenItIsGone) {
    connect();
    fake->erase(web);
    run(loop, inventory().refreshed(web));
    EXPECT_EQ(mirrored(web), nullptr);
    run(loop, inventory().refreshed(make_uuid(9)));
}

TEST_F(InventoryCallersTest, SettledReturnsWhenAnyReadingFindsItGone) {
    connect();
    fake->block(PortCall::list);
    fake->block(PortCall::read);
    inventory().relist(false);
    ASSERT_TRUE(turn_until(loop, [&] { return fake->hanging(PortCall::list) == 1; }));
    fake->erase(web);
    const auto settled = begin(loop, inventory().settled(web));
    fake->release(PortCall::list);
    ASSERT_TRUE(turn_until(loop, [&] { return settled->done; })) << "it waits for a reading of its own";
    EXPECT_FALSE(settled->failure);
    EXPECT_EQ(mirrored(web), nullptr);
    run(loop, inventory().settled(web));
    fake->release_all();
}

TEST_F(InventoryCallersTest, RefreshedThrowsWhatTheReadingThrew) {
    connect();
    fake->fail(PortCall::read, Error(Code::failed, "the domain cannot be read"));
    const auto outcome = outcome_of([&] { run(loop, inventory().refreshed(web)); });
    EXPECT_TRUE(refuses(outcome, Code::failed, "the domain cannot be read")) << outcome;
    EXPECT_NE(mirrored(web), nullptr) << "it is still there";
}

TEST_F(InventoryCallersTest, RefreshedWithoutAConnectionFailsAtOnce) {
    connect();
    fake->block(PortCall::connect);
    fake->close("keepalive");
    await_state(ConnectionState::disconnected);
    const auto outcome = outcome_of([&] { run(loop, inventory().refreshed(web)); });
    EXPECT_TRUE(refuses(outcome, Code::disconnected)) << outcome;
}

}  // namespace
}  // namespace virtbus::test
