// SPDX-License-Identifier: LGPL-2.1-or-later
// Those who wait until a pool has been read.
#include "unit/storage_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StorageCallersTest : public StorageFixture {};

TEST_F(StorageCallersTest, RefreshedReturnsWhenTheMirrorHasWhatTheCallerWrote) {
    put("web.qcow2");
    connect();
    for (std::uint64_t i = 1; i <= 50; ++i) {
        change("web.qcow2", [&](Image& image) { image.virtual_size = i; });
        read();
        ASSERT_EQ(mirrored_image("web.qcow2").virtual_size, i);
    }
}

TEST_F(StorageCallersTest, RefreshedIsNotServedByAReadingThatBeganBefore) {
    connect();
    truth().block();
    fake->touch_pool("default");
    await_listing();
    put("web.qcow2");
    const auto refreshed = begin(loop, storage().refreshed("default", false));
    settle(loop);
    truth().release();
    ASSERT_TRUE(turn_until(loop, [&] { return refreshed->done; }));
    EXPECT_FALSE(refreshed->failure);
    EXPECT_NE(storage().find_image("default", "web.qcow2"), nullptr);
}

/// Sees to it that pools cannot be read any more when one has gone.
class Failing final : public StorageObserver {
public:
    explicit Failing(FakeStorage& truth) : truth_(truth) {}
    void pool_added(const PoolPtr&) override {}
    void pool_changed(const PoolPtr&) override {}
    void pool_removed(const PoolPtr&) override {
        truth_.fail(Error(Code::failed, "it waits for a reading of its own"));
    }
    void image_added(const ImagePtr&) override {}
    void image_changed(const ImagePtr&) override {}
    void image_removed(const ImagePtr&) override {}
    void links_changed(const ImagePtr&) override {}

private:
    FakeStorage& truth_;
};

TEST_F(StorageCallersTest, SettledReturnsWhenAnyReadingFindsItGone) {
    connect();
    Failing failing(truth());
    storage().observe(&failing);
    truth().delete_pool("default");
    storage().relist();
    const auto settled = begin(loop, storage().settled("default"));
    ASSERT_TRUE(turn_until(loop, [&] { return settled->done; }));
    EXPECT_FALSE(settled->failure);
    EXPECT_EQ(storage().find_pool("default"), nullptr);
    run(loop, storage().settled("default"));
    storage().ignore(&failing);
}

TEST_F(StorageCallersTest, RefreshedFailsWithWhatTheReadingThrew) {
    put("web.qcow2");
    connect();
    truth().fail(Error(Code::failed, "the pool cannot be read"));
    const auto outcome = outcome_of([&] { read(); });
    EXPECT_TRUE(refuses(outcome, Code::failed, "the pool cannot be read")) << outcome;
    EXPECT_NE(storage().find_image("default", "web.qcow2"), nullptr) << "it is still there";
    EXPECT_FALSE(outcome_of([&] { read(); }).failed);
}

TEST_F(StorageCallersTest, RefreshedOfAPoolThatIsNotThereReturns) {
    connect();
    EXPECT_FALSE(outcome_of([&] { read("fast"); }).failed);
    EXPECT_THAT(told.lines, IsEmpty());
}

TEST_F(StorageCallersTest, RefreshedWithoutAConnectionFailsAtOnce) {
    connect();
    fake->block(PortCall::connect);
    fake->close("keepalive");
    await_state(ConnectionState::disconnected);
    const auto outcome = outcome_of([&] { read(); });
    EXPECT_TRUE(refuses(outcome, Code::disconnected)) << outcome;
}

}  // namespace
}  // namespace virtbus::test
