// SPDX-License-Identifier: LGPL-2.1-or-later
// The mirror of pools and images reads again what may have changed, and tells every difference once, in order.
#include "model/storage.h"

#include "unit/storage_fixture.h"

#include <asio/post.hpp>

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

class StorageTest : public StorageFixture {};

TEST_F(StorageTest, TellsAllPoolsAndImagesWhenItConnects) {
    put("web.qcow2");
    truth().add(make_pool("fast"));
    truth().add(make_image("fast", "db.qcow2"));
    start();
    await_line("resynced");
    await_quiet();
    EXPECT_THAT(told.lines, ElementsAre("pool added default", "added default/web.qcow2", "pool changed default",
                                        "pool added fast", "added fast/db.qcow2", "pool changed fast"));
    EXPECT_THAT(names(storage().pools()), ElementsAre("default", "fast"));
    EXPECT_EQ(storage().images("default").size(), 1U);
    EXPECT_EQ(storage().image_at("/pools/fast/db.qcow2")->name, "db.qcow2");
    EXPECT_EQ(truth().refreshes(), 0) << "libvirt knows what it has";
}

TEST_F(StorageTest, HasNothingOfWhatIsNotThere) {
    connect();
    EXPECT_EQ(storage().find_pool("fast"), nullptr);
    EXPECT_EQ(storage().find_image("default", "web.qcow2"), nullptr);
    EXPECT_EQ(storage().find_image("fast", "web.qcow2"), nullptr);
    EXPECT_EQ(storage().image_at("/pools/default/web.qcow2"), nullptr);
    EXPECT_EQ(storage().image_at(""), nullptr);
    EXPECT_TRUE(storage().images("fast").empty());
}

TEST_F(StorageTest, TellsAnImageThatCame) {
    connect();
    put("web.qcow2");
    fake->touch_pool("default");
    await_told("added default/web.qcow2");
    await_quiet();
    EXPECT_THAT(told.lines, ElementsAre("added default/web.qcow2", "pool changed default")) << "it has one more now";
}

TEST_F(StorageTest, TellsAnImageThatChanged) {
    put("web.qcow2");
    connect();
    change("web.qcow2", [](Image& image) { image.allocation += 512; });
    fake->touch_pool("default");
    await_quiet();
    EXPECT_THAT(told.lines, ElementsAre("changed default/web.qcow2"));
    EXPECT_EQ(mirrored_image("web.qcow2").allocation, 200'704U + 512U);
}

TEST_F(StorageTest, TellsAnImageThatWent) {
    put("web.qcow2");
    connect();
    truth().erase("default", "web.qcow2");
    fake->touch_pool("default");
    await_quiet();
    EXPECT_THAT(told.lines, ElementsAre("removed default/web.qcow2", "pool changed default"));
    EXPECT_EQ(storage().image_at("/pools/default/web.qcow2"), nullptr);
}

TEST_F(StorageTest, TellsWhatWentBeforeWhatCame) {
    put("old.qcow2");
    connect();
    truth().erase("default", "old.qcow2");
    put("new.qcow2");
    read();
    EXPECT_THAT(told.lines, ElementsAre("removed default/old.qcow2", "added default/new.qcow2"));
}

TEST_F(StorageTest, TellsNothingWhenNothingHasChanged) {
    put("web.qcow2");
    connect();
    read();
    EXPECT_THAT(told.lines, IsEmpty());
}

TEST_F(StorageTest, TellsAPoolThatCameChangedAndWent) {
    connect();
    truth().add(make_pool("fast"));
    fake->touch_pool("fast");
    await_told("pool added fast");
    change_pool("fast", [](Pool& pool) { pool.autostart = true; });
    fake->touch_pool("fast");
    await_told("pool changed fast");
    EXPECT_TRUE(storage().find_pool("fast")->autostart);
    truth().delete_pool("fast");
    fake->touch_pool("fast");
    await_told("pool removed fast");
    EXPECT_EQ(storage().find_pool("fast"), nullptr);
}

TEST_F(StorageTest, TellsTheImagesOfAPoolThatIsGoneBeforeThePool) {
    put("web.qcow2");
    connect();
    truth().delete_pool("default");
    read();
    EXPECT_EQ(count("removed default/web.qcow2"), 1U);
    EXPECT_EQ(told.lines.back(), "pool removed default");
}

TEST_F(StorageTest, AnEventReadsOnlyItsPool) {
    truth().add(make_pool("fast"));
    connect();
    const auto before = truth().listings("fast");
    fake->touch_pool("default");
    await_quiet();
    EXPECT_EQ(truth().listings("default"), 2);
    EXPECT_EQ(truth().listings("fast"), before);
}

TEST_F(StorageTest, ReadsOnceMoreHoweverManyEventsComeDuringAReading) {
    connect();
    truth().block();
    fake->touch_pool("default");
    await_listing();
    for (int i = 0; i < 50; ++i) fake->touch_pool("default");
    settle(loop);
    truth().release();
    await_quiet();
    EXPECT_EQ(truth().listings("default"), 3) << "the first, the one that was under way, and one for all others";
}

TEST_F(StorageTest, SeesWhatChangesDuringAReading) {
    connect();
    truth().block();
    fake->touch_pool("default");
    await_listing();
    put("web.qcow2");
    fake->touch_pool("default");
    settle(loop);
    truth().release();
    await_told("added default/web.qcow2");
}

TEST_F(StorageTest, LibvirtLooksAgainOnceForSeveralWhoWait) {
    connect();
    truth().block();
    fake->touch_pool("default");
    await_listing();
    std::vector<std::shared_ptr<Started>> waiters;
    for (int i = 0; i < 20; ++i) waiters.push_back(begin(loop, storage().refreshed("default", i % 2 == 0)));
    settle(loop);
    truth().release();
    ASSERT_TRUE(turn_until(loop, [&] {
        return std::all_of(waiters.begin(), waiters.end(), [](const auto& waiter) { return waiter->done; });
    }));
    EXPECT_EQ(truth().refreshes(), 1);
    EXPECT_EQ(truth().listings("default"), 3);
}

// libvirt may have looked at a file, and we then at the one that took its place.
TEST_F(StorageTest, AnImageThatChangedWhileLibvirtLookedIsReadAgain) {
    using std::chrono::nanoseconds;
    const auto now = nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
    const std::int64_t long_ago = 1'000'000'000;
    const auto based = [](std::string name, std::int64_t changed) {
        auto image = make_image("default", name);
        image.backing_file = "/pools/default/base";
        image.stamp = {7, 200'704, 392, changed};
        return image;
    };
    connect();
    truth().add(based("young", now));
    truth().add(based("old", long_ago));
    run(loop, storage().refreshed("default", true));
    for (const auto* name : {"young", "old"}) change(name, [](Image& image) { image.backing_file = ""; });
    run(loop, storage().refreshed("default", true));
    EXPECT_EQ(mirrored_image("young").backing_file, "");
    EXPECT_EQ(mirrored_image("old").backing_file, "/pools/default/base") << "what has its stamp is not read again";
}

// A lane that is full for a moment must not hide an image until the next reconciliation.
TEST_F(StorageTest, APoolThatCouldNotBeReadIsReadAgainByItself) {
    connect();
    put("web.qcow2");
    truth().fail(Error(Code::busy, "too many calls"));
    fake->touch_pool("default");
    await_told("added default/web.qcow2");
}

// Such as while it copies a volume there. What has come to the directory is told once.
TEST_F(StorageTest, LibvirtLooksAgainAtAPoolWhereItCouldNot) {
    connect();
    change_pool("default", [](Pool& pool) { pool.autostart = true; });
    truth().fail(Error(Code::failed, "pool 'default' has asynchronous jobs running"));
    storage().look_again("default");
    await_told("pool changed default");
    EXPECT_EQ(truth().refreshes(), 0);
    EXPECT_TRUE(turn_until(loop, [&] { return truth().refreshes() == 1; }));
}

TEST_F(StorageTest, LibvirtLooksAgainAtAPoolThatHasChangedWhileItWasAway) {
    connect();
    fake->close("the server has ended");
    await_state(ConnectionState::disconnected);
    storage().look_again("default");
    await_quiet();
    reconnect();
    EXPECT_TRUE(turn_until(loop, [&] { return truth().refreshes() == 1; }));
}

TEST_F(StorageTest, ADefectInOneReadingDoesNotEndAllOthers) {
    connect();
    truth().fail_strangely();
    const auto refreshed = begin(loop, storage().refreshed("default", false));
    EXPECT_TRUE(turn_until(loop, [&] { return refreshed->done; })) << "who waits is told";
    put("web.qcow2");
    storage().touch("default");
    EXPECT_TRUE(turn_until(loop, [&] { return count("added default/web.qcow2") == 1; }));
}

TEST_F(StorageTest, OnePoolThatCannotBeReadDoesNotSpoilTheOthers) {
    truth().add(make_pool("fast"));
    connect();
    truth().add(make_image("fast", "db.qcow2"));
    truth().fail(Error(Code::failed, "broken"));
    storage().touch("default");
    storage().touch("fast");
    await_told("added fast/db.qcow2");
}

TEST_F(StorageTest, AfterAReconnectTellsWhatCameChangedAndWent) {
    put("web.qcow2");
    put("db.qcow2");
    truth().add(make_pool("fast"));
    connect();
    fake->close("the server has ended");
    await_state(ConnectionState::disconnected);
    EXPECT_EQ(storage().images("default").size(), 2U) << "what was known stays";
    truth().erase("default", "web.qcow2");
    change("db.qcow2", [](Image& image) { image.virtual_size *= 2; });
    put("new.qcow2");
    truth().delete_pool("fast");
    reconnect();
    await_told("added default/new.qcow2");
    await_quiet();
    EXPECT_THAT(told.lines, Contains("removed default/web.qcow2"));
    EXPECT_THAT(told.lines, Contains("changed default/db.qcow2"));
    EXPECT_THAT(told.lines, Contains("pool removed fast"));
}

TEST_F(StorageTest, APoolThatStopsLosesItsImages) {
    put("web.qcow2");
    connect();
    truth().stop_pool("default");
    read();
    EXPECT_THAT(told.lines, ElementsAre("pool changed default", "removed default/web.qcow2", "pool changed default"));
    EXPECT_EQ(storage().find_pool("default")->state, PoolState::inactive);
    EXPECT_TRUE(storage().images("default").empty());
}

TEST_F(StorageTest, TextThatIsNotUtf8IsCleaned) {
    put("web.qcow2", [](Image& image) { image.backing_file = "/pools/\xff"; });
    connect();
    EXPECT_EQ(mirrored_image("web.qcow2").backing_file, "/pools/\uFFFD");
    read();
    EXPECT_THAT(told.lines, IsEmpty()) << "the same again is no difference";
}

TEST_F(StorageTest, AFileWhoseNameIsNotUtf8IsTheSameImageAtEveryReading) {
    put("caf\xe9.qcow2");
    connect();
    EXPECT_EQ(storage().images("default").size(), 1U);
    read();
    EXPECT_THAT(told.lines, IsEmpty()) << "the same again is no difference";
}

TEST_F(StorageTest, OthersGoOnWhileTenThousandImagesAreShown) {
    connect();
    for (int i = 0; i < 10'000; ++i) put(fmt::format("{}.qcow2", i));
    const auto refreshed = begin(loop, storage().refreshed("default", false));
    std::size_t turns = 0;
    ASSERT_TRUE(turn_until(loop, [&] {
        const auto shown = storage().images("default").size();
        if (shown > 0 && shown < 10'000) asio::post(loop, [&turns] { ++turns; });
        return refreshed->done;
    }));
    EXPECT_EQ(storage().images("default").size(), 10'000U);
    EXPECT_GE(turns, 100U) << "whatever comes in between waits for a slice, not for all";
    EXPECT_EQ(told.lines.size(), 10'001U) << "each image once, and the pool once";
}

TEST_F(StorageTest, OthersGoOnWhileTenThousandImagesGo) {
    for (int i = 0; i < 10'000; ++i) put(fmt::format("{}.qcow2", i));
    connect();
    truth().stop_pool("default");
    const auto refreshed = begin(loop, storage().refreshed("default", false));
    std::size_t turns = 0;
    ASSERT_TRUE(turn_until(loop, [&] {
        const auto left = storage().images("default").size();
        if (left > 0 && left < 10'000) ++turns;
        return refreshed->done;
    }));
    EXPECT_GE(turns, 100U);
    EXPECT_TRUE(storage().images("default").empty());
}

TEST_F(StorageTest, WhatIsAskedWhileImagesAreShownIsAnsweredByALaterReading) {
    connect();
    for (int i = 0; i < 1'000; ++i) put(fmt::format("{}.qcow2", i));
    storage().touch("default");
    ASSERT_TRUE(turn_until(loop, [&] { return storage().images("default").size() > 100; }));
    truth().erase("default", "7.qcow2");
    read();
    EXPECT_EQ(storage().images("default").size(), 999U);
}

}  // namespace
}  // namespace virtbus::test
