// SPDX-License-Identifier: LGPL-2.1-or-later
// Pools and images of libvirt's test driver, which others change too.
#include "libvirt_test.h"

#include <memory>

namespace virtbus::test {

namespace {

/// libvirt's own pool is "default-pool"; a test adds one at most, and it goes with the test.
class StorageOfLibvirt : public testing::Test {
protected:
    static void SetUpTestSuite() { libvirtd_ = std::make_unique<PrivateLibvirtd>(); }
    static void TearDownTestSuite() { libvirtd_.reset(); }
    ~StorageOfLibvirt() override {
        for (const auto& name : storage().list_pools())
            if (name != default_pool) storage().delete_pool(name);
        for (const auto& entry : images()) storage().delete_image(default_pool, entry.first);
    }

    [[nodiscard]] StoragePort& storage() { return port_->storage(); }
    ImageMap images(const ImageMap& known = {}) { return storage().list_images(default_pool, known); }
    static void virsh(const std::vector<std::string>& arguments) { libvirtd_->virsh(arguments); }
    static void create_volume(const std::string& name, const std::string& format) {
        virsh({"vol-create-as", default_pool, name, "1G", "--allocation", "512M", "--format", format});
    }
    bool hears(const std::string& pool) { return events_->wait_pool_touched(pool); }
    /// From now on only what comes is heard.
    void listen_anew() {
        events_ = std::make_shared<RecordedEvents>();
        port_ = LibvirtConnector(event_loop(), libvirtd_->uri()).connect(Lane::query, events_);
    }

    static constexpr const char* default_pool = "default-pool";
    std::shared_ptr<RecordedEvents> events_ = std::make_shared<RecordedEvents>();

private:
    static inline std::unique_ptr<PrivateLibvirtd> libvirtd_;
    std::unique_ptr<Port> port_ = LibvirtConnector(event_loop(), libvirtd_->uri()).connect(Lane::query, events_);
};

TEST_F(StorageOfLibvirt, ReadsAPool) {
    EXPECT_EQ(storage().list_pools(), std::vector<std::string>{default_pool});
    const auto pool = storage().read_pool(default_pool);
    ASSERT_TRUE(pool);
    EXPECT_EQ(pool->name, default_pool);
    EXPECT_EQ(pool->type, "dir");
    EXPECT_EQ(pool->state, PoolState::running);
    EXPECT_EQ(pool->path, "/default-pool");
    EXPECT_EQ(pool->capacity, std::uint64_t{100} << 30);
    EXPECT_EQ(pool->available, pool->capacity);
    EXPECT_EQ(pool->allocation, 0U);
    EXPECT_TRUE(pool->persistent);
    EXPECT_FALSE(pool->autostart);
    EXPECT_EQ(storage().read_pool("nowhere"), std::nullopt);
}

TEST_F(StorageOfLibvirt, ReadsImages) {
    EXPECT_TRUE(images().empty());
    create_volume("web.qcow2", "qcow2");
    create_volume("raw.img", "raw");
    const auto found = images();
    ASSERT_EQ(found.size(), 2U);
    const auto& image = *found.at("web.qcow2");
    EXPECT_EQ(image.pool, default_pool);
    EXPECT_EQ(image.name, "web.qcow2");
    EXPECT_EQ(image.path, "/default-pool/web.qcow2");
    EXPECT_EQ(image.format, "qcow2");
    EXPECT_EQ(image.virtual_size, std::uint64_t{1} << 30);
    EXPECT_EQ(image.allocation, std::uint64_t{512} << 20);
    EXPECT_EQ(image.backing_file, "");
    EXPECT_EQ(found.at("raw.img")->format, "raw");
}

TEST_F(StorageOfLibvirt, LeavesOutWhatIsNoImageYet) {
    create_volume(".virtbus-1-abcdef", "raw");
    EXPECT_TRUE(images().empty());
    storage().delete_image(default_pool, ".virtbus-1-abcdef");
}

TEST_F(StorageOfLibvirt, ReadsAgainWhatItCannotSee) {
    create_volume("web.qcow2", "qcow2");
    auto old = *images().at("web.qcow2");
    EXPECT_EQ(old.stamp, FileStamp{}) << "its file is not of this host";
    old.virtual_size = 7;
    const ImageMap known{{"web.qcow2", std::make_shared<const Image>(old)}};
    EXPECT_EQ(images(known).at("web.qcow2")->virtual_size, std::uint64_t{1} << 30);
}

TEST_F(StorageOfLibvirt, HasNoImagesOfAPoolThatIsGoneOrOff) {
    EXPECT_TRUE(storage().list_images("nowhere", {}).empty());
    storage().create_pool({"fast", "/fast", false});
    storage().stop_pool("fast");
    EXPECT_TRUE(storage().list_images("fast", {}).empty());
    EXPECT_EQ(storage().read_pool("fast")->state, PoolState::inactive);
}

TEST_F(StorageOfLibvirt, TellsWhatOthersDo) {
    virsh({"pool-define-as", "fast", "dir", "--target", "/fast"});
    EXPECT_TRUE(hears("fast"));
    EXPECT_EQ(storage().read_pool("fast")->state, PoolState::inactive);
    listen_anew();
    virsh({"pool-start", "fast"});
    EXPECT_TRUE(hears("fast"));
    EXPECT_EQ(storage().read_pool("fast")->state, PoolState::running);
    listen_anew();
    virsh({"pool-refresh", "fast"});
    EXPECT_TRUE(hears("fast"));
    listen_anew();
    virsh({"pool-destroy", "fast"});
    EXPECT_TRUE(hears("fast"));
    EXPECT_EQ(storage().read_pool("fast")->state, PoolState::inactive);
    listen_anew();
    virsh({"pool-undefine", "fast"});
    EXPECT_TRUE(hears("fast"));
    EXPECT_EQ(storage().read_pool("fast"), std::nullopt);
}

TEST_F(StorageOfLibvirt, CreatesAPool) {
    storage().create_pool({"fast & <good>", "/fast", true});
    const auto pool = storage().read_pool("fast & <good>");
    ASSERT_TRUE(pool);
    EXPECT_EQ(pool->type, "dir");
    EXPECT_EQ(pool->path, "/fast");
    EXPECT_EQ(pool->state, PoolState::running);
    EXPECT_TRUE(pool->autostart);
    EXPECT_TRUE(pool->persistent);
    EXPECT_TRUE(hears("fast & <good>"));
    EXPECT_REFUSED(already_exists, storage().create_pool({"fast & <good>", "/other", true}));
    EXPECT_EQ(storage().read_pool("fast & <good>")->path, "/fast");
}

TEST_F(StorageOfLibvirt, StartsStopsAndDeletesAPool) {
    storage().create_pool({"fast", "/fast", false});
    EXPECT_FALSE(storage().read_pool("fast")->autostart);
    storage().set_pool_autostart("fast", true);
    EXPECT_TRUE(storage().read_pool("fast")->autostart);
    storage().refresh_pool("fast");
    EXPECT_REFUSED(invalid_state, storage().start_pool("fast"));
    storage().stop_pool("fast");
    EXPECT_REFUSED(invalid_state, storage().stop_pool("fast"));
    storage().refresh_pool("fast");
    storage().start_pool("fast");
    storage().delete_pool("fast");
    EXPECT_EQ(storage().read_pool("fast"), std::nullopt);
}

TEST_F(StorageOfLibvirt, DeletesAPoolThatIsOffAndOneThatIsTransient) {
    storage().create_pool({"fast", "/fast", false});
    storage().stop_pool("fast");
    storage().delete_pool("fast");
    EXPECT_EQ(storage().read_pool("fast"), std::nullopt);
    virsh({"pool-create-as", "fast", "dir", "--target", "/fast"});
    EXPECT_FALSE(storage().read_pool("fast")->persistent);
    storage().delete_pool("fast");
    EXPECT_EQ(storage().read_pool("fast"), std::nullopt);
}

TEST_F(StorageOfLibvirt, DeletesAnImage) {
    create_volume("web.qcow2", "qcow2");
    storage().delete_image(default_pool, "web.qcow2");
    EXPECT_TRUE(images().empty());
    EXPECT_REFUSED(no_such_image, storage().delete_image(default_pool, "web.qcow2"));
}

TEST_F(StorageOfLibvirt, SaysWhichPoolIsNotThere) {
    EXPECT_REFUSED(no_such_pool, storage().start_pool("nowhere"));
    EXPECT_REFUSED(no_such_pool, storage().stop_pool("nowhere"));
    EXPECT_REFUSED(no_such_pool, storage().delete_pool("nowhere"));
    EXPECT_REFUSED(no_such_pool, storage().refresh_pool("nowhere"));
    EXPECT_REFUSED(no_such_pool, storage().set_pool_autostart("nowhere", true));
    EXPECT_REFUSED(no_such_pool, storage().delete_image("nowhere", "web.qcow2"));
}

TEST_F(StorageOfLibvirt, ATransientPoolStartsNeverByItself) {
    virsh({"pool-create-as", "fast", "dir", "--target", "/fast"});
    EXPECT_REFUSED(invalid_state, storage().set_pool_autostart("fast", true));
}

}  // namespace

}  // namespace virtbus::test
