// SPDX-License-Identifier: LGPL-2.1-or-later
// What may be done to an image that somebody uses, and what is refused before anything is written.
#include "images_test.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace virtbus::test {

class RulesTest : public ImagesTest {
protected:
    static constexpr std::uint64_t size = 16 * mebibyte;

    std::string capacity(const std::string& machine) {
        const auto text = output_of({"virsh", "-q", "domblkinfo", machine, "vda"});
        return text.substr(0, text.find('\n'));
    }

    /// An export that nobody reads: the job that holds the image until it is cancelled, and the pipe's reading end.
    std::pair<std::string, sdbus::UnixFd> hold(const std::string& name) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        sdbus::UnixFd reading(ends[0], sdbus::adopt_fd);
        const sdbus::UnixFd writing(ends[1], sdbus::adopt_fd);
        return {image(name)->Export(writing, {}), std::move(reading)};
    }
};

TEST_F(RulesTest, AnImageOfARunningMachineIsKept) {
    ASSERT_THAT(create("disk", size), Succeeded());
    ASSERT_THAT(create("other", size), Succeeded());
    const auto path = create_machine({"disk"}, true);
    const auto name = name_of_machine(path);
    EXPECT_EQ(image("disk")->UsedBy(), std::vector<sdbus::ObjectPath>{sdbus::ObjectPath(path)});
    const auto refused = Refused(errors::in_use, name);
    EXPECT_THAT(failure_of([&] { image("disk")->Delete({}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Delete({{"force", true}}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Resize(size / 2, {{"shrink", true}}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Convert("raw", {}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Clone("copy", {}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Clone("copy", {{"linked", true}}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Wipe({}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Check({}); }), refused);
    EXPECT_THAT(failure_of([&] { image("disk")->Rebase(path_of("other"), {}); }), refused);
    EXPECT_THAT(failure_of([&] { begin_export("disk", outside() / "exported"); }), refused);
    EXPECT_THAT(failure_of([&] {
                    pool()->CreateImage("overlay", 0, {{"backing", sdbus::ObjectPath(path_of("disk"))}});
                }),
                refused);
    EXPECT_THAT(failure_of([&] { pool()->Delete({}); }), Refused(errors::in_use, ""));

    machine(path)->PowerOff({});
    EXPECT_THAT(failure_of([&] { image("disk")->Convert("raw", {}); }), refused) << "its definition names the format";
    EXPECT_THAT(failure_of([&] { image("disk")->Delete({}); }), refused);
    EXPECT_THAT(clone("disk", "copy"), Succeeded());
    EXPECT_THAT(ended(image("disk")->Delete({{"force", true}})), Succeeded());
}

TEST_F(RulesTest, ARunningMachinesDiskGrows) {
    ASSERT_THAT(create("disk", size), Succeeded());
    ASSERT_THAT(create("plain", size, {{"format", "raw"}}), Succeeded());
    const auto path = create_machine({"disk", "plain"}, true);
    ASSERT_THAT(capacity(name_of_machine(path)), testing::HasSubstr(std::to_string(size)));
    ASSERT_THAT(ended(image("disk")->Resize(3 * size, {})), Succeeded());
    EXPECT_THAT(capacity(name_of_machine(path)), testing::HasSubstr(std::to_string(3 * size)));
    EXPECT_EQ(image("disk")->VirtualSize(), 3 * size);
    EXPECT_EQ(qemu_info(file_of("disk")).at("virtual-size"), 3 * size);
    ASSERT_THAT(ended(image("plain")->Resize(2 * size, {})), Succeeded());
    EXPECT_EQ(image("plain")->VirtualSize(), 2 * size);
    EXPECT_EQ(std::filesystem::file_size(file_of("plain")), 2 * size);
    EXPECT_EQ(machine(path)->State(), "running");
}

TEST_F(RulesTest, AnImageIsResized) {
    for (const std::string format : {"raw", "qcow2"}) {
        ASSERT_THAT(create(format, size, {{"format", format}}), Succeeded());
        ASSERT_THAT(ended(image(format)->Resize(2 * size + 1, {})), Succeeded());
        EXPECT_EQ(image(format)->VirtualSize(), 2 * size + 512) << format;
        EXPECT_EQ(image(format)->Format(), format);
        EXPECT_THAT(failure_of([&] { image(format)->Resize(size, {}); }), Refused(errors::invalid_args, "shrink"));
        ASSERT_THAT(ended(image(format)->Resize(size, {{"shrink", true}})), Succeeded());
        EXPECT_EQ(image(format)->VirtualSize(), size) << format;
        EXPECT_EQ(qemu_info(file_of(format)).at("virtual-size"), size) << format;
    }
}

TEST_F(RulesTest, AJobHoldsItsImage) {
    make_random(outside() / "disk", size);
    ASSERT_THAT(import("disk", outside() / "disk", "raw"), Succeeded());
    const auto path = create_machine({"disk"}, false);
    const auto [job, reading] = hold("disk");
    EXPECT_THAT(failure_of([&] { machine(path)->Start({}); }), Refused(errors::in_use, ""));
    EXPECT_EQ(machine(path)->State(), "shut-off");
    EXPECT_THAT(failure_of([&] { image("disk")->Delete({{"force", true}}); }), Refused(errors::in_use, ""));
    EXPECT_THAT(failure_of([&] { image("disk")->Wipe({}); }), Refused(errors::in_use, ""));
    EXPECT_THAT(failure_of([&] { pool()->Stop({}); }), Refused(errors::in_use, ""));
    EXPECT_THAT(clone("disk", "copy"), Succeeded()) << "two may read it";
    actor.job(job)->Cancel({});
    EXPECT_EQ(ended(job).state, "cancelled");
    machine(path)->Start({});
    EXPECT_EQ(machine(path)->State(), "running");
}

TEST_F(RulesTest, WhatThePoolCannotHoldIsRefusedBeforeAnythingIsWritten) {
    const auto available = pool()->Available();
    const auto beyond = available + gibibyte;
    for (const std::string format : {"raw", "qcow2"}) {
        const auto failure = failure_of([&] {
            pool()->CreateImage("disk", beyond, {{"format", format}, {"preallocation", "full"}});
        });
        EXPECT_THAT(failure, Refused(errors::no_space, ""));
    }
    EXPECT_EQ(names_in(directory()), std::vector<std::string>{});
    const auto sparse = create("disk", beyond);
    ASSERT_THAT(sparse, Succeeded());
    EXPECT_TRUE(sparse.result.contains("warning"));
    const auto small = create("small", mebibyte);
    EXPECT_FALSE(small.result.contains("warning"));
    EXPECT_THAT(failure_of([&] {
                    image("disk")->Clone("copy", {{"preallocation", "full"}});
                }),
                Refused(errors::no_space, ""));
    EXPECT_THAT(ended(image("disk")->Convert("raw", {{"preallocation", "full"}})), FailedWith(errors::no_space));
    EXPECT_EQ(names_in(directory()), (std::vector<std::string>{"disk", "small"}));
    EXPECT_EQ(qemu_info(file_of("disk")).at("format"), "qcow2");
}

TEST_F(RulesTest, NamesAreChecked) {
    ASSERT_THAT(create("disk", mebibyte), Succeeded());
    make_random(outside() / "file", mebibyte);
    for (const auto& name : {std::string(), std::string("a/b"), std::string("/etc/passwd"), std::string("../up"),
                             std::string("."), std::string(".."), std::string(".hidden"), std::string(".virtbus-1"),
                             std::string("line\nbreak"), std::string("\x7f"), std::string(256, 'x')}) {
        const auto refused = Refused(errors::invalid_args, "name");
        EXPECT_THAT(failure_of([&] { pool()->CreateImage(name, mebibyte, {}); }), refused) << name;
        EXPECT_THAT(failure_of([&] { begin_import(name, outside() / "file", "raw"); }), refused) << name;
        EXPECT_THAT(failure_of([&] { image("disk")->Clone(name, {}); }), refused) << name;
    }
    for (const auto& name : {std::string(255, 'x'), std::string("a b"), std::string("-rf"), std::string("bücher.raw"),
                             std::string("json:{}"), std::string("nbd:x"), std::string("a,b=c"), std::string("%s")}) {
        EXPECT_THAT(create(name, mebibyte), Succeeded()) << name;
        EXPECT_TRUE(is_listed(name)) << name;
        EXPECT_THAT(ended(image(name)->Resize(2 * mebibyte, {})), Succeeded()) << name;
        const auto copy = "copy of " + name.substr(0, 100);
        EXPECT_THAT(clone(name, copy, {{"linked", true}}), Succeeded()) << name;
        EXPECT_THAT(ended(image(copy)->Flatten({})), Succeeded()) << name;
        EXPECT_THAT(ended(image(name)->Delete({})), Succeeded()) << name;
    }
}

TEST_F(RulesTest, OptionsAreChecked) {
    ASSERT_THAT(create("disk", mebibyte), Succeeded());
    const auto refused = [&](const std::string& key, const VariantMap& options) {
        EXPECT_THAT(failure_of([&] { pool()->CreateImage("new", mebibyte, options); }),
                    Refused(errors::invalid_args, key));
    };
    refused("format", {{"format", "vmdk"}});
    refused("format", {{"format", std::uint32_t{7}}});
    refused("preallocation", {{"preallocation", "some"}});
    refused("preallocation", {{"preallocation", "metadata"}, {"format", "raw"}});
    refused("fromat", {{"fromat", "raw"}});
    refused("backing", {{"backing", sdbus::ObjectPath(path_of("disk"))}, {"format", "raw"}});
    EXPECT_THAT(failure_of([&] { pool()->CreateImage("new", 0, {}); }), Refused(errors::invalid_args, "size"));
    EXPECT_THAT(failure_of([&] { pool()->CreateImage("new", ~std::uint64_t{0}, {}); }),
                Refused(errors::invalid_args, "size"));
    EXPECT_THAT(failure_of([&] {
                    pool()->CreateImage("new", mebibyte, {{"backing", sdbus::ObjectPath(path_of("none"))}});
                }),
                Refused(errors::no_such_image, ""));
    EXPECT_THAT(failure_of([&] { pool()->CreateImage("disk", mebibyte, {}); }),
                Refused(errors::already_exists, "disk"));
    EXPECT_THAT(failure_of([&] { image("disk")->Convert("vmdk", {}); }), Refused(errors::invalid_args, "format"));
    EXPECT_EQ(names_in(directory()), std::vector<std::string>{"disk"});
}

TEST_F(RulesTest, ANameIsTakenOnceEvenAtTheSameTime) {
    const std::string interface = "org.virtbus1.Pool";
    std::vector<std::shared_ptr<Reply>> replies;
    for (int i = 0; i < 2; ++i) {
        auto& client = i == 0 ? actor : observer;
        replies.push_back(
            client.begin(pool_path(), interface, "CreateImage", std::string("disk"), 4 * mebibyte, VariantMap{}));
    }
    ASSERT_TRUE(actor.wait_until([&] { return replies[0]->count == 1; }));
    ASSERT_TRUE(observer.wait_until([&] { return replies[1]->count == 1; }));
    int won = 0;
    std::vector<std::string> lost;
    for (const auto& reply : replies)
        if (!reply->failure.name.empty()) lost.push_back(reply->failure.name);
    for (const auto& row : actor.manager()->ListJobs()) {
        if (row.get<2>() != path_of("disk")) continue;
        const auto end = ended(row.get<0>());
        if (end.state == "done")
            ++won;
        else
            lost.push_back(end.failure.name);
    }
    EXPECT_EQ(won, 1);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_TRUE(lost[0] == errors::already_exists || lost[0] == errors::in_use) << lost[0];
    EXPECT_EQ(names_in(directory()), std::vector<std::string>{"disk"});
    EXPECT_EQ(listed(), std::vector<std::string>{"disk"});
}

TEST_F(RulesTest, AnImageThatIsGoneSaysSo) {
    ASSERT_THAT(create("disk", mebibyte), Succeeded());
    const auto object = image("disk");
    ASSERT_THAT(ended(object->Delete({})), Succeeded());
    EXPECT_FALSE(std::filesystem::exists(file_of("disk")));
    EXPECT_FALSE(is_listed("disk"));
    const auto failure = failure_of([&] { object->Clone("copy", {}); });
    EXPECT_TRUE(failure.name == errors::no_such_image || failure.name == "org.freedesktop.DBus.Error.UnknownObject" ||
                failure.name == "org.freedesktop.DBus.Error.UnknownMethod")
        << failure;
}

}  // namespace virtbus::test
