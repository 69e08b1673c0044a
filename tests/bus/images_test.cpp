// SPDX-License-Identifier: LGPL-2.1-or-later
// Images on the bus: what they show, how they come and go, what they are linked with, and what the jobs on them give.
#include "storage_fixture.h"

#include <fmt/format.h>

#include <set>

namespace virtbus::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Key;
using testing::Not;
using testing::UnorderedElementsAre;

class ImagesTest : public StorageBusTest {
protected:
    std::vector<std::string> listed(const VariantMap& filter) {
        std::vector<std::string> names;
        for (const auto& row : client.manager()->ListImages(filter)) names.push_back(row.get<1>());
        return names;
    }
    void edit(const std::string& name, const std::function<void(Image&)>& change) {
        auto image = *truth().image("default", name);
        change(image);
        truth().add(image);
        first->touch_pool("default");
    }
};

TEST_F(ImagesTest, AreThereWithAllTheirProperties) {
    serve();
    const auto objects = client.manager()->GetManagedObjects();
    ASSERT_THAT(objects, AllOf(Contains(Key(base_path)), Contains(Key(overlay_path)), Contains(Key(disk_path))));
    const auto& properties = objects.at(overlay_path).at("org.virtbus1.Image");
    EXPECT_EQ(properties.size(), 13U);
    EXPECT_EQ(properties.at("Name").get<std::string>(), "overlay");
    EXPECT_EQ(properties.at("Pool").get<sdbus::ObjectPath>(), default_path);
    EXPECT_EQ(properties.at("Path").get<std::string>(), "/pools/default/overlay");
    EXPECT_EQ(properties.at("Format").get<std::string>(), "qcow2");
    EXPECT_EQ(properties.at("VirtualSize").get<std::uint64_t>(), gib);
    EXPECT_EQ(properties.at("Allocation").get<std::uint64_t>(), 200'704U);
    EXPECT_EQ(properties.at("Preallocated").get<std::string>(), "off");
    EXPECT_EQ(properties.at("Encrypted").get<bool>(), false);
    EXPECT_EQ(properties.at("ModifiedUSec").get<std::uint64_t>(), 0U);
    EXPECT_EQ(properties.at("BackingImage").get<sdbus::ObjectPath>(), base_path);
    EXPECT_EQ(properties.at("BackingFile").get<std::string>(), "/pools/default/base");
    EXPECT_THAT(properties.at("BackingChain").get<std::vector<sdbus::ObjectPath>>(), ElementsAre(base_path));
    EXPECT_TRUE(properties.at("UsedBy").get<std::vector<sdbus::ObjectPath>>().empty());
    EXPECT_EQ(image(base_path)->BackingImage(), "/");
    EXPECT_THAT(image(base_path)->UsedBy(), ElementsAre(overlay_path));
    EXPECT_THAT(image(disk_path)->UsedBy(), ElementsAre(web_path));
}

TEST_F(ImagesTest, AreAddedAndRemoved) {
    serve();
    truth().add(make_image("default", "new one (2).img"));
    first->touch_pool("default");
    const auto path = image_path("new one (2).img");
    ASSERT_TRUE(client.wait_for("InterfacesAdded", path));
    EXPECT_EQ(client.find("InterfacesAdded", path)->properties.size(), 13U);
    EXPECT_EQ(image(path)->Name(), "new one (2).img");
    truth().erase("default", "new one (2).img");
    first->touch_pool("default");
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", path));
    EXPECT_THAT(client.find("InterfacesRemoved", path)->words, Contains("org.virtbus1.Image"));
    EXPECT_EQ(failure_of([&] { image(path)->Name(); }).name, unknown_object);
}

TEST_F(ImagesTest, AThousandComeInOneCall) {
    for (int i = 0; i < 1'000; ++i) truth().add(make_image("fast", fmt::format("{}.qcow2", i)));
    serve();
    ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListImages({}).size() == 1'003; }));
    const auto objects = client.manager()->GetManagedObjects();
    EXPECT_EQ(objects.size(), 1'011U);
    EXPECT_EQ(pool(fast_path)->ImageCount(), 1'000U);
}

struct ImagePropertyCase {
    std::vector<std::string> properties;
    std::function<void(Image&)> change;
};

TEST_F(ImagesTest, TellExactlyWhatChanged) {
    const std::vector<ImagePropertyCase> cases{
        {{"Format"}, [](Image& image) { image.format = "vmdk"; }},
        {{"VirtualSize"}, [](Image& image) { image.virtual_size *= 2; }},
        {{"Allocation"}, [](Image& image) { image.allocation += 512; }},
        {{"Encrypted"}, [](Image& image) { image.encrypted = true; }},
        {{"ModifiedUSec"}, [](Image& image) { image.modified = 7; }},
        {{"Allocation", "Preallocated"}, [](Image& image) { image.allocation = image.virtual_size; }},
    };
    serve();
    for (const auto& each : cases) {
        client.signals.clear();
        edit("overlay", each.change);
        ASSERT_TRUE(client.wait_for("PropertiesChanged", overlay_path)) << each.properties.front();
        EXPECT_EQ(client.find("PropertiesChanged", overlay_path)->changed_names(), each.properties);
    }
    client.signals.clear();
    first->touch_pool("default");
    client.manager()->ListImages({});
    client.flush();
    EXPECT_TRUE(client.signals.empty()) << "nothing more is said when nothing more has changed";
}

TEST_F(ImagesTest, TellWhatTheyAreBasedOn) {
    truth().add(make_image("default", "other"));
    serve();
    edit("overlay", [](Image& image) { image.backing_file = "/pools/default/other"; });
    ASSERT_TRUE(client.wait_for("PropertiesChanged", image_path("other")));
    ASSERT_TRUE(client.wait_for("PropertiesChanged", base_path));
    std::set<std::string> names;
    for (const auto& signal : client.signals)
        if (signal.path == overlay_path)
            for (const auto& name : signal.changed_names()) names.insert(name);
    EXPECT_THAT(names, ElementsAre("BackingChain", "BackingFile", "BackingImage"));
    const auto used_by = [&](const std::string& path) {
        return client.find("PropertiesChanged", path)->changed.at("UsedBy").get<std::vector<sdbus::ObjectPath>>();
    };
    EXPECT_THAT(used_by(image_path("other")), ElementsAre(overlay_path));
    EXPECT_TRUE(used_by(base_path).empty());
}

TEST_F(ImagesTest, TellWhichMachinesUseThem) {
    serve();
    first->edit(database, [](Machine& machine) { machine.disks[0].file = "/pools/default/web.qcow2"; });
    first->touch(database);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", disk_path));
    const auto& changed = client.find("PropertiesChanged", disk_path)->changed;
    ASSERT_TRUE(changed.contains("UsedBy"));
    EXPECT_THAT(changed.at("UsedBy").get<std::vector<sdbus::ObjectPath>>(),
                UnorderedElementsAre(web_path, database_path));
    client.signals.clear();
    first->erase(web);
    first->touch(web);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", disk_path));
    EXPECT_THAT(image(disk_path)->UsedBy(), ElementsAre(database_path));
}

TEST_F(ImagesTest, AreCreatedByAJobThatGivesTheirPath) {
    serve();
    const std::string job = pool(default_path)->CreateImage("new", gib, {});
    EXPECT_EQ(client.job(job)->Kind(), "create");
    EXPECT_EQ(client.job(job)->Subject(), image_path("new"));
    await_end(job);
    const auto result = client.job(job)->Result();
    EXPECT_EQ(result.at("image").get<sdbus::ObjectPath>(), image_path("new"));
    EXPECT_NE(client.find("InterfacesAdded", image_path("new")), nullptr) << "it is there when the job has ended";
    EXPECT_EQ(image(image_path("new"))->VirtualSize(), gib);
    expect_error(failure_of([&] { pool(default_path)->CreateImage("new", gib, {}); }), "AlreadyExists");
}

TEST_F(ImagesTest, AreCreatedAsTheOptionsSay) {
    serve();
    await_end(
        pool(default_path)
            ->CreateImage("full", gib, {{"format", sdbus::Variant("raw")}, {"preallocation", sdbus::Variant("full")}}));
    EXPECT_EQ(server->tool().target().format, "raw");
    EXPECT_EQ(server->tool().target().preallocation, Preallocation::full);
    await_end(pool(default_path)->CreateImage("top", 0, {{"backing", sdbus::Variant(sdbus::ObjectPath(base_path))}}));
    EXPECT_EQ(image(image_path("top"))->BackingImage(), base_path);
    const std::string job = pool(default_path)->CreateImage("huge", 70 * gib, {});
    await_end(job);
    EXPECT_THAT(client.job(job)->Result(), Contains(Key("warning")));
}

TEST_F(ImagesTest, EveryMethodIsAJobOfItsKind) {
    serve();
    const auto expect_done = [&](const std::string& job, const std::string& kind, const std::string& subject) {
        ASSERT_NO_FATAL_FAILURE(await_end(job));
        EXPECT_EQ(client.job(job)->Kind(), kind);
        EXPECT_EQ(client.job(job)->Subject(), subject);
    };
    expect_done(image(base_path)->Clone("copy", {}), "clone", base_path);
    const auto copy = image_path("copy");
    expect_done(image(copy)->Check({}), "check", copy);
    expect_done(image(copy)->Rebase(base_path, {}), "rebase", copy);
    EXPECT_EQ(image(copy)->BackingImage(), base_path);
    expect_done(image(copy)->Flatten({}), "flatten", copy);
    expect_done(image(copy)->Convert("raw", {}), "convert", copy);
    EXPECT_EQ(image(copy)->Format(), "raw");
    expect_done(image(copy)->Resize(2 * gib, {}), "resize", copy);
    EXPECT_EQ(image(copy)->VirtualSize(), 2 * gib);
    expect_done(image(copy)->Resize(gib, {{"shrink", sdbus::Variant(true)}}), "resize", copy);
    expect_done(image(copy)->Wipe({}), "wipe", copy);
    const sdbus::UnixFd target(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), sdbus::adopt_fd);
    const std::string job = image(copy)->Export(target, {});
    expect_done(job, "export", copy);
    EXPECT_EQ(client.job(job)->Result().at("size").get<std::uint64_t>(), 1'000U);
    expect_done(image(copy)->Delete({}), "delete", copy);
    EXPECT_EQ(failure_of([&] { image(copy)->Name(); }).name, unknown_object);
}

TEST_F(ImagesTest, CheckGivesWhatItFound) {
    serve();
    const std::string job = image(base_path)->Check({});
    await_end(job);
    const auto result = client.job(job)->Result();
    EXPECT_TRUE(result.at("consistent").get<bool>());
    EXPECT_EQ(result.at("leaks").get<std::uint64_t>(), 3U);
    EXPECT_EQ(result.at("corruptions").get<std::uint64_t>(), 0U);
    EXPECT_EQ(result.at("errors").get<std::uint64_t>(), 0U);
}

TEST_F(ImagesTest, ACloneCanBeLinkedAndLieElsewhere) {
    serve();
    await_end(image(base_path)->Clone("linked", {{"linked", sdbus::Variant(true)}}));
    EXPECT_EQ(image(image_path("linked"))->BackingImage(), base_path);
    const std::string job = image(base_path)->Clone(
        "copy", {{"pool", sdbus::Variant(sdbus::ObjectPath(fast_path))}, {"format", sdbus::Variant("raw")}});
    await_end(job);
    const auto copy = bus::image_path("first", "fast", "copy");
    EXPECT_EQ(client.job(job)->Result().at("image").get<sdbus::ObjectPath>(), copy);
    EXPECT_EQ(image(copy)->Format(), "raw");
}

TEST_F(ImagesTest, SayWhoStandsInTheWay) {
    serve();
    expect_error(failure_of([&] { image(disk_path)->Wipe({}); }), "InUse", "machine web is running");
    expect_error(failure_of([&] { image(base_path)->Delete({}); }), "InUse", "image default/overlay is based on it");
    expect_error(failure_of([&] { image(base_path)->Flatten({}); }), "InvalidState");
    edit("base", [](Image& image) { image.backing_file = "/etc/shadow"; });
    ASSERT_TRUE(client.wait_for("PropertiesChanged", base_path));
    expect_error(failure_of([&] { image(overlay_path)->Clone("copy", {}); }), "UnsafeImage", "/etc/shadow");
    EXPECT_TRUE(client.manager()->ListJobs().empty());
}

TEST_F(ImagesTest, CanBeCancelledWhileTheyAreMade) {
    serve();
    server->tool().block();
    const std::string job = pool(default_path)->CreateImage("new", gib, {});
    await_tool();
    ASSERT_TRUE(client.wait_until([&] { return client.job(job)->Progress() == 0.5; }));
    client.job(job)->Cancel({});
    await_end(job, "cancelled");
    EXPECT_EQ(failure_of([&] { image(image_path("new"))->Name(); }).name, unknown_object);
}

TEST_F(ImagesTest, AreListedByHypervisorPoolAndName) {
    second->storage().add(make_pool("alone"));
    second->storage().add(make_image("alone", "a"));
    truth().add(make_image("fast", "a"));
    auto raw = make_image("fast", "b");
    raw.format = "raw";
    truth().add(raw);
    serve();
    ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListImages({}).size() == 6; }));
    EXPECT_THAT(listed({}), ElementsAre("base", "overlay", "web.qcow2", "a", "b", "a"));
    EXPECT_THAT(listed({{"hypervisor", sdbus::Variant("second")}}), ElementsAre("a"));
    EXPECT_THAT(listed({{"pool", sdbus::Variant("fast")}}), ElementsAre("a", "b"));
    EXPECT_THAT(listed({{"format", sdbus::Variant("raw")}}), ElementsAre("b"));
    EXPECT_THAT(listed({{"pool", sdbus::Variant("default")}, {"format", sdbus::Variant("raw")}}), ElementsAre());
    const auto row = client.manager()->ListImages({}).at(0);
    EXPECT_EQ(row, (sdbus::Struct<sdbus::ObjectPath, std::string, std::string, std::string, std::string, std::uint64_t,
                                  std::uint64_t, std::uint32_t>{base_path, "base", "default", "first", "qcow2", gib,
                                                                200'704, 1}));
}

TEST_F(ImagesTest, AreListedOnlyWhereThereIsSuchAPlace) {
    serve();
    const auto list = [&](const VariantMap& filter) {
        return failure_of([&] { client.manager()->ListImages(filter); });
    };
    expect_error(list({{"pool", sdbus::Variant("nowhere")}}), "NoSuchPool");
    expect_error(list({{"pool", sdbus::Variant("default")}, {"hypervisor", sdbus::Variant("second")}}), "NoSuchPool");
    expect_error(list({{"hypervisor", sdbus::Variant("third")}}), "NoSuchHypervisor");
    expect_invalid(list({{"typo", sdbus::Variant(1)}}), "typo");
    for (const auto* key : {"pool", "hypervisor", "format"}) expect_invalid(list({{key, sdbus::Variant(1)}}), key);
}

TEST_F(ImagesTest, ReadingNeedsNoHypervisor) {
    serve();
    const auto listings = truth().listings("default");
    truth().fail(Error(Code::failed, "not to be asked"), -1);
    client.manager()->GetManagedObjects();
    EXPECT_EQ(listed({}).size(), 3U);
    EXPECT_EQ(image(overlay_path)->BackingImage(), base_path);
    EXPECT_EQ(truth().listings("default"), listings);
}

TEST_F(ImagesTest, AServerStopsWhileTheyAreMade) {
    serve();
    server->tool().block();
    const std::string job = pool(default_path)->CreateImage("new", gib, {});
    const auto clone = client.begin(base_path, "org.virtbus1.Image", "Clone", std::string("copy"), VariantMap());
    ASSERT_TRUE(await_there([&] { return server->tool().hanging() == 2; }));
    server->begin_to_stop();
    EXPECT_TRUE(await_there([&] { return server->tool().hanging() == 0; })) << "it cancels them";
    server.reset();
    EXPECT_EQ(truth().image("default", "new"), std::nullopt);
}

}  // namespace
}  // namespace virtbus::test
