// SPDX-License-Identifier: LGPL-2.1-or-later
// Machines and the images that are their disks: neither gets in the other's way.
#include "storage_fixture.h"
#include "support/temporary_directory.h"

namespace virtbus::test {
namespace {

class ImageMachinesTest : public StorageBusTest {
protected:
    ImageMachinesTest() {
        first->edit(database, [](Machine& machine) { machine.disks[0].file = "/pools/default/overlay"; });
    }

    static VariantMap machine(const VariantMap& disk, bool start = false) {
        return {{"name", sdbus::Variant("new")},
                {"start", sdbus::Variant(start)},
                {"disks", sdbus::Variant(std::vector<VariantMap>{disk})}};
    }
    static VariantMap volume(const std::string& pool, const std::string& name) {
        return {{"pool", sdbus::Variant(pool)}, {"volume", sdbus::Variant(name)}};
    }
    Failure create(const VariantMap& spec) {
        return failure_of([&] { client.hypervisor(first_path)->CreateMachine(spec); });
    }
};

TEST_F(ImageMachinesTest, AMachineDoesNotStartWhileAJobWorksOnItsImage) {
    serve();
    server->tool().block();
    const std::string job = image(overlay_path)->Flatten({});
    await_tool();
    expect_error(failure_of([&] { client.machine(database_path)->Start({}); }), "InUse", "(flatten) is working on it");
    EXPECT_EQ(first->calls(PortCall::start), 0U);
    server->tool().release();
    await_end(job);
    client.machine(database_path)->Start({});
    EXPECT_EQ(client.machine(database_path)->State(), "running");
}

TEST_F(ImageMachinesTest, AMachineIsNotMadeToRunWhileAJobWorksOnItsImage) {
    serve();
    server->tool().block();
    const std::string job = image(overlay_path)->Flatten({});
    await_tool();
    expect_error(create(machine(volume("default", "overlay"), true)), "InUse", "(flatten)");
    EXPECT_EQ(first->calls(PortCall::create), 0U);
    EXPECT_EQ(create(machine(volume("default", "overlay"))).name, "") << "to define it is another matter";
}

TEST_F(ImageMachinesTest, AMachineDoesNotStartOnAnImageThatWasConvertedWhileItWasDefined) {
    truth().add(make_image("default", "new"));
    serve();
    server->tool().block();
    const std::string job = image(image_path("new"))->Convert("raw", {});
    await_tool();
    const std::string path = client.hypervisor(first_path)->CreateMachine(machine(volume("default", "new")));
    server->tool().release();
    await_end(job);
    ASSERT_EQ(image(image_path("new"))->Format(), "raw");
    ASSERT_EQ(client.machine(path)->Disks().at(0).at("format").get<std::string>(), "qcow2");
    expect_error(failure_of([&] { client.machine(path)->Start({}); }), "UnsafeImage", "image default/new: it is raw");
    EXPECT_EQ(first->calls(PortCall::start), 0U);
}

TEST_F(ImageMachinesTest, AJobDoesNotBeginWhileAMachineStarts) {
    serve();
    first->block(PortCall::start);
    const auto start = begin(database_path, "Start", VariantMap());
    ASSERT_TRUE(await_there([&] { return first->hanging(PortCall::start) == 1; }));
    expect_error(failure_of([&] { image(overlay_path)->Wipe({}); }), "InUse", "the start of machine db");
    first->release(PortCall::start);
    ASSERT_TRUE(await(start));
    expect_error(failure_of([&] { image(overlay_path)->Wipe({}); }), "InUse", "machine db is running");
}

TEST_F(ImageMachinesTest, AJobDoesNotBeginWhileAMachineIsRestored) {
    first->edit(database, [](Machine& machine) { machine.saved = true; });
    serve();
    first->block(PortCall::start);
    const std::string job = client.machine(database_path)->Start({});
    ASSERT_TRUE(await_there([&] { return first->hanging(PortCall::start) == 1; }));
    expect_error(failure_of([&] { image(overlay_path)->Wipe({}); }), "InUse", "the start of machine db");
    first->release(PortCall::start);
    await_end(job);
}

TEST_F(ImageMachinesTest, AMachineDoesNotWriteToWhatOthersAreBasedOn) {
    first->edit(database, [](Machine& machine) { machine.disks[0].file = "/pools/default/base"; });
    serve();
    expect_error(failure_of([&] { client.machine(database_path)->Start({}); }), "InUse",
                 "default/overlay is based on it");
    first->edit(database, [](Machine& machine) { machine.disks[0].readonly = true; });
    first->touch(database);
    ASSERT_TRUE(client.wait_for("PropertiesChanged", database_path));
    EXPECT_EQ(failure_of([&] { client.machine(database_path)->Start({}); }).name, "");
}

TEST_F(ImageMachinesTest, AMachineDoesNotStartOnAnUnsafeImage) {
    auto base = *truth().image("default", "base");
    base.backing_file = "/etc/shadow";
    truth().add(base);
    serve();
    expect_error(failure_of([&] { client.machine(database_path)->Start({}); }), "UnsafeImage", "/etc/shadow");
    EXPECT_EQ(first->calls(PortCall::start), 0U);
}

TEST_F(ImageMachinesTest, ANewMachineHasItsImageInTheImagesFormat) {
    auto raw = make_image("default", "raw.img");
    raw.format = "raw";
    truth().add(raw);
    serve();
    const std::string path = client.hypervisor(first_path)->CreateMachine(machine(volume("default", "raw.img")));
    const auto disks = client.machine(path)->Disks();
    ASSERT_EQ(disks.size(), 1U);
    EXPECT_EQ(disks[0].at("format").get<std::string>(), "raw");
    EXPECT_EQ(disks[0].at("pool").get<std::string>(), "default");
    EXPECT_EQ(disks[0].at("volume").get<std::string>(), "raw.img");
    EXPECT_THAT(image(image_path("raw.img"))->UsedBy(), testing::ElementsAre(path));
}

TEST_F(ImageMachinesTest, ANewMachineDoesNotTakeARawImageForAnythingElse) {
    auto raw = make_image("default", "raw.img");
    raw.format = "raw";
    truth().add(raw);
    serve();
    auto disk = volume("default", "raw.img");
    disk["format"] = sdbus::Variant("qcow2");
    expect_invalid(create(machine(disk)), "disks[0].format");
    expect_invalid(
        create(machine({{"file", sdbus::Variant("/pools/default/raw.img")}, {"format", sdbus::Variant("qcow2")}})),
        "disks[0].format");
    EXPECT_EQ(first->calls(PortCall::create), 0U);
}

TEST_F(ImageMachinesTest, ANewMachineTakesARawImageForWhatItIsHoweverItsPathIsWritten) {
    const TemporaryDirectory files;
    std::filesystem::create_directory(files.path / "pool");
    std::filesystem::create_symlink(files.path / "pool", files.path / "link");
    auto place = *truth().read_pool("fast");
    place.path = (files.path / "link").string();
    truth().add(place);
    auto raw = make_image("fast", "raw.img");
    raw.format = "raw";
    raw.path = place.path + "/raw.img";
    truth().add(raw);
    serve();
    const auto disk = [&](const std::string& directory, const std::string& format) {
        return machine({{"file", sdbus::Variant((files.path / directory).string() + "/raw.img")},
                        {"format", sdbus::Variant(format)}});
    };
    for (const auto* directory : {"link", "link/", "pool", "link/."})
        expect_invalid(create(disk(directory, "qcow2")), "disks[0].format");
    EXPECT_EQ(first->calls(PortCall::create), 0U);
    const std::string path = client.hypervisor(first_path)->CreateMachine(disk("pool/", "raw"));
    EXPECT_EQ(client.machine(path)->Disks().at(0).at("file").get<std::string>(), raw.path);
    EXPECT_THAT(image(bus::image_path("first", "fast", "raw.img"))->UsedBy(), testing::ElementsAre(path));
}

TEST_F(ImageMachinesTest, ANewMachineHasNoFileOfAPoolThatIsStopped) {
    serve();
    pool(default_path)->Stop({});
    const VariantMap disk{{"file", sdbus::Variant("/pools/default//raw.img")}, {"format", sdbus::Variant("raw")}};
    expect_error(create(machine(disk)), "InvalidState", "pool default is inactive: Start it first");
}

TEST_F(ImageMachinesTest, ANewMachineHasWhatIsInNoPoolOnlyAsRaw) {
    const TemporaryDirectory files;
    serve(bus::BusType::session, AllowedFiles({files.path}));
    const auto disk = [&](const std::string& format) {
        return machine({{"file", sdbus::Variant((files.path / "x").string())}, {"format", sdbus::Variant(format)}});
    };
    const auto refused = create(disk("qcow2"));
    expect_invalid(refused, "disks[0].file");
    EXPECT_THAT(refused.message, testing::HasSubstr("CreatePool"));
    EXPECT_EQ(create(disk("raw")).name, "");
}

TEST_F(ImageMachinesTest, ANewMachineHasOnlyImagesThatAreThere) {
    serve();
    expect_error(create(machine(volume("nowhere", "x"))), "NoSuchPool", "there is no pool nowhere");
    expect_error(create(machine(volume("default", "nothing"))), "NoSuchImage",
                 "there is no image nothing in pool default");
    expect_invalid(create(machine({{"pool", sdbus::Variant("default")}})), "disks[0]");
    EXPECT_EQ(first->calls(PortCall::create), 0U);
}

TEST_F(ImageMachinesTest, ANewMachineCanHaveAnImageThatCameAMomentAgo) {
    serve();
    truth().add(make_image("default", "new"));
    EXPECT_EQ(create(machine(volume("default", "new"))).name, "");
}

TEST_F(ImageMachinesTest, ARunningMachinesImageGrows) {
    serve();
    const std::string job = image(disk_path)->Resize(2 * gib, {});
    await_end(job);
    EXPECT_EQ(first->calls(PortCall::resize_disk), 1U);
    EXPECT_EQ(image(disk_path)->VirtualSize(), 2 * gib);
}

}  // namespace
}  // namespace virtbus::test
