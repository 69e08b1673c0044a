// SPDX-License-Identifier: LGPL-2.1-or-later
// Pools on the bus: what they show, how they come and go, and what can be done with them.
#include "storage_fixture.h"
#include "support/temporary_directory.h"

#include <cstdlib>

namespace virtbus::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::Not;

class PoolsTest : public StorageBusTest {
protected:
    /// How many images the rows count.
    std::vector<std::string> listed(const VariantMap& filter) {
        std::vector<std::string> names;
        for (const auto& row : client.manager()->ListPools(filter)) names.push_back(row.get<1>());
        return names;
    }
};

TEST_F(PoolsTest, AreThereWithAllTheirProperties) {
    serve();
    const auto objects = client.manager()->GetManagedObjects();
    EXPECT_THAT(objects, Contains(Key(default_path)));
    EXPECT_THAT(objects, Contains(Key(fast_path)));
    const auto& properties = objects.at(default_path).at("org.virtbus1.Pool");
    EXPECT_EQ(properties.size(), 12U);
    EXPECT_EQ(properties.at("Name").get<std::string>(), "default");
    EXPECT_EQ(properties.at("Hypervisor").get<sdbus::ObjectPath>(), first_path);
    EXPECT_EQ(properties.at("Type").get<std::string>(), "dir");
    EXPECT_EQ(properties.at("State").get<std::string>(), "running");
    EXPECT_EQ(properties.at("Path").get<std::string>(), "/pools/default");
    EXPECT_EQ(properties.at("Capacity").get<std::uint64_t>(), 100 * gib);
    EXPECT_EQ(properties.at("Allocation").get<std::uint64_t>(), 40 * gib);
    EXPECT_EQ(properties.at("Available").get<std::uint64_t>(), 60 * gib);
    EXPECT_EQ(properties.at("Persistent").get<bool>(), true);
    EXPECT_EQ(properties.at("Autostart").get<bool>(), false);
    EXPECT_EQ(properties.at("ImageCount").get<std::uint32_t>(), 3U);
    EXPECT_THAT(client.hypervisor(first_path)->Pools(), ElementsAre(default_path, fast_path));
    EXPECT_THAT(client.hypervisor(second_path)->Pools(), IsEmpty());
}

TEST_F(PoolsTest, OfContainersAreNotShownWhateverHappensToThem) {
    HypervisorInfo containers;
    containers.driver = "lxc";
    second->set_info(containers);
    second->storage().add(make_pool("default"));
    serve();
    // libvirt's drivers share the pools of their host, and each tells of them.
    second->touch_pool("default");
    for (const auto* name : {"new", "newer"}) {
        truth().add(make_pool(name));
        first->touch_pool(name);
        ASSERT_TRUE(client.wait_for("InterfacesAdded", bus::pool_path("first", name)));
    }
    EXPECT_THAT(client.hypervisor(second_path)->Pools(), IsEmpty());
    EXPECT_EQ(second->storage().listings("default"), 0);
}

TEST_F(PoolsTest, AreAddedAndRemoved) {
    serve();
    truth().add(make_pool("new"));
    first->touch_pool("new");
    const std::string path = bus::pool_path("first", "new");
    ASSERT_TRUE(client.wait_for("InterfacesAdded", path));
    EXPECT_EQ(client.find("InterfacesAdded", path)->properties.size(), 12U);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", first_path));
    EXPECT_THAT(client.find("PropertiesChanged", first_path)->changed_names(), ElementsAre("Pools"));
    truth().delete_pool("new");
    first->touch_pool("new");
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", path));
    EXPECT_EQ(failure_of([&] { pool(path)->Name(); }).name, unknown_object);
}

TEST_F(PoolsTest, TellExactlyWhatChanged) {
    serve();
    auto changed = make_pool("default");
    changed.available -= 512;
    changed.allocation += 512;
    truth().add(changed);
    first->touch_pool("default");
    ASSERT_TRUE(client.wait_for("PropertiesChanged", default_path));
    EXPECT_THAT(client.find("PropertiesChanged", default_path)->changed_names(),
                ElementsAre("Allocation", "Available"));
    client.flush();
    EXPECT_EQ(client.signals.size(), 1U);
}

TEST_F(PoolsTest, TellHowManyImagesTheyHave) {
    serve();
    truth().add(make_image("default", "new"));
    first->touch_pool("default");
    ASSERT_TRUE(client.wait_for("PropertiesChanged", default_path));
    const auto& changed = *client.find("PropertiesChanged", default_path);
    EXPECT_THAT(changed.changed_names(), ElementsAre("ImageCount"));
    EXPECT_EQ(changed.changed.at("ImageCount").get<std::uint32_t>(), 4U);
}

TEST_F(PoolsTest, StopAndStart) {
    serve();
    pool(default_path)->Stop({});
    EXPECT_EQ(pool(default_path)->State(), "inactive");
    EXPECT_EQ(pool(default_path)->ImageCount(), 0U);
    client.flush();
    EXPECT_NE(client.find("InterfacesRemoved", disk_path), nullptr);
    expect_error(failure_of([&] { pool(default_path)->Stop({}); }), "InvalidState");
    expect_error(failure_of([&] { pool(default_path)->Refresh({}); }), "InvalidState");
    pool(default_path)->Start({});
    EXPECT_EQ(pool(default_path)->State(), "running");
    EXPECT_EQ(image(disk_path)->Format(), "qcow2");
    expect_error(failure_of([&] { pool(default_path)->Start({}); }), "InvalidState");
}

TEST_F(PoolsTest, AreDeletedWithoutTheirImages) {
    serve();
    pool(fast_path)->Delete({});
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", fast_path));
    EXPECT_THAT(client.manager()->GetManagedObjects(), Not(Contains(Key(fast_path))));
}

TEST_F(PoolsTest, AreNotDeletedWhileARunningMachineHasTheirImages) {
    serve();
    expect_error(failure_of([&] { pool(default_path)->Delete({}); }), "InUse", "machine web is running");
    EXPECT_EQ(pool(default_path)->State(), "running");
}

TEST_F(PoolsTest, AreNotStoppedOrDeletedWhileJobsWorkOnTheirImages) {
    serve();
    server->tool().block();
    const std::string job = pool(fast_path)->CreateImage("web", gib, {});
    await_tool();
    expect_error(failure_of([&] { pool(fast_path)->Stop({}); }), "InUse", "(create)");
    expect_error(failure_of([&] { pool(fast_path)->Delete({}); }), "InUse", "image fast/web");
    server->tool().release();
    await_end(job);
    pool(fast_path)->Delete({});
}

TEST_F(PoolsTest, StartByThemselvesIfTheyAreToldTo) {
    serve();
    pool(default_path)->SetAutostart(true, {});
    EXPECT_TRUE(pool(default_path)->Autostart());
    pool(default_path)->SetAutostart(false, {});
    EXPECT_FALSE(pool(default_path)->Autostart());
}

TEST_F(PoolsTest, AreRefreshedByAJob) {
    serve();
    truth().add(make_image("default", "new"));
    const std::string job = pool(default_path)->Refresh({});
    await_end(job);
    EXPECT_EQ(client.job(job)->Kind(), "refresh");
    EXPECT_EQ(client.job(job)->Subject(), default_path);
    EXPECT_EQ(image(image_path("new"))->Name(), "new");
}

TEST_F(PoolsTest, HaveTheirDirectoryWrittenInOneWay) {
    serve();
    const std::string path = client.hypervisor(first_path)->CreatePool("new", "/srv/.//images/./new", {});
    EXPECT_EQ(pool(path)->Path(), "/srv/images/new");
}

TEST_F(PoolsTest, HaveNoDirectoryTogether) {
    serve();
    const TemporaryDirectory root;
    std::filesystem::create_directory(root.path / "there");
    std::filesystem::create_directory_symlink("there", root.path / "link");
    client.hypervisor(first_path)->CreatePool("one", root.path / "there", {});
    for (const auto* name : {"there/", "link", "link/."})
        expect_error(failure_of([&] { client.hypervisor(first_path)->CreatePool("two", root.path / name, {}); }),
                     "AlreadyExists", "pool one has the directory");
}

TEST_F(PoolsTest, AreCreated) {
    serve();
    const std::string path = client.hypervisor(first_path)->CreatePool("my pool", "/srv/images", {});
    EXPECT_EQ(path, bus::pool_path("first", "my pool"));
    EXPECT_EQ(pool(path)->Path(), "/srv/images") << "it is there when the reply arrives";
    EXPECT_TRUE(pool(path)->Autostart());
    expect_error(failure_of([&] { client.hypervisor(first_path)->CreatePool("my pool", "/srv/other", {}); }),
                 "AlreadyExists");
    const std::string manual =
        client.hypervisor(first_path)->CreatePool("manual", "/srv/x", {{"autostart", sdbus::Variant(false)}});
    EXPECT_FALSE(pool(manual)->Autostart());
}

TEST_F(PoolsTest, AreCreatedOnlyAsTheyMayBe) {
    serve(bus::BusType::session, AllowedFiles({"/srv"}));
    const auto create = [&](const std::string& name, const std::string& path, const VariantMap& options = {}) {
        return failure_of([&] { client.hypervisor(first_path)->CreatePool(name, path, options); });
    };
    for (const std::string name : {"", "a/b", ".", "two\nlines", "\x1b"})
        expect_invalid(create(name, "/srv/x"), "name");
    expect_invalid(create(std::string(101, 'x'), "/srv/x"), "name");
    for (const auto* path : {"", "srv/x", "/etc", "/srv/../etc", "/srvx"}) expect_invalid(create("new", path), "path");
    expect_invalid(create("new", "/srv/x", {{"autostart", sdbus::Variant("yes")}}), "autostart");
    expect_invalid(create("new", "/srv/x", {{"typo", sdbus::Variant(true)}}), "typo");
    EXPECT_EQ(client.manager()->ListPools({}).size(), 2U);
}

TEST_F(PoolsTest, TheDefaultPoolIsTheOneOfThatName) {
    serve();
    EXPECT_EQ(client.hypervisor(first_path)->GetDefaultPool({}), default_path);
    pool(default_path)->Stop({});
    EXPECT_EQ(client.hypervisor(first_path)->GetDefaultPool({}), default_path);
    EXPECT_EQ(pool(default_path)->State(), "running") << "it is started";
}

TEST_F(PoolsTest, TheDefaultPoolIsMadeWhereThereIsNone) {
    serve();
    const std::string path = client.hypervisor(second_path)->GetDefaultPool({});
    EXPECT_EQ(path, bus::pool_path("second", "default"));
    EXPECT_EQ(pool(path)->Path(), "/var/lib/libvirt/images");
}

TEST_F(PoolsTest, TheDefaultPoolIsGivenToTwoWhoAskAtOnce) {
    serve();
    pool(default_path)->Stop({});
    for (const auto& hypervisor : {first_path, second_path}) {
        std::vector<std::shared_ptr<Reply>> replies;
        for (int i = 0; i < 4; ++i)
            replies.push_back(client.begin(hypervisor, "org.virtbus1.Hypervisor", "GetDefaultPool", VariantMap()));
        for (const auto& reply : replies) {
            ASSERT_TRUE(await(reply));
            EXPECT_EQ(reply->failure.name, "") << reply->failure;
        }
    }
}

TEST_F(PoolsTest, AreListedByHypervisorAndName) {
    second->storage().add(make_pool("alone"));
    serve();
    ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListPools({}).size() == 3; }));
    EXPECT_THAT(listed({}), ElementsAre("default", "fast", "alone"));
    EXPECT_THAT(listed({{"hypervisor", sdbus::Variant("second")}}), ElementsAre("alone"));
    const auto row = client.manager()->ListPools({}).at(0);
    EXPECT_EQ(row, (sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, std::uint64_t,
                                  std::uint64_t, std::uint32_t>{default_path, "default", "first", "dir", "running",
                                                                100 * gib, 60 * gib, 3}));
    expect_error(failure_of([&] {
                     client.manager()->ListPools({{"hypervisor", sdbus::Variant("third")}});
                 }),
                 "NoSuchHypervisor");
    expect_invalid(failure_of([&] { client.manager()->ListPools({{"typo", sdbus::Variant(1)}}); }), "typo");
    expect_invalid(failure_of([&] { client.manager()->ListPools({{"hypervisor", sdbus::Variant(1)}}); }), "hypervisor");
}

TEST_F(PoolsTest, TakeNoOptionsTheyDoNotKnow) {
    serve();
    const VariantMap typo{{"typo", sdbus::Variant(true)}};
    expect_invalid(failure_of([&] { pool(default_path)->Start(typo); }), "typo");
    expect_invalid(failure_of([&] { pool(default_path)->Stop(typo); }), "typo");
    expect_invalid(failure_of([&] { pool(default_path)->Delete(typo); }), "typo");
    expect_invalid(failure_of([&] { pool(default_path)->Refresh(typo); }), "typo");
    expect_invalid(failure_of([&] { pool(default_path)->SetAutostart(true, typo); }), "typo");
    expect_invalid(failure_of([&] { client.hypervisor(first_path)->GetDefaultPool(typo); }), "typo");
    EXPECT_EQ(pool(default_path)->State(), "running");
}

}  // namespace
}  // namespace virtbus::test
