// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt_test.h"

namespace virtbus::test {

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

class Settings : public LibvirtTest {};
VIRTBUS_BOTH_WAYS(Settings);

TEST_P(Settings, Rename) {
    const auto uuid = create("web");
    create("db");
    port().rename(uuid, "www");
    EXPECT_EQ(read(uuid).name, "www");
    port().rename(uuid, "www");
    EXPECT_REFUSED(already_exists, port().rename(uuid, "db"));
    EXPECT_TRUE(events().wait_happened(uuid, {"defined", "renamed"}));
    port().start(uuid, {});
    EXPECT_REFUSED(invalid_state, port().rename(uuid, "web"));
}

TEST_P(Settings, Autostart) {
    const auto uuid = create("web");
    port().set_autostart(uuid, true);
    EXPECT_TRUE(read(uuid).autostart);
    port().set_autostart(uuid, false);
    EXPECT_FALSE(read(uuid).autostart);
}

TEST_P(Settings, MemoryOfAMachineThatIsOffWithItsMaximum) {
    const auto uuid = create("web");
    const auto expect = [&](const MemoryChange& change, std::uint64_t current, std::uint64_t maximum) {
        port().set_memory(uuid, change);
        EXPECT_EQ(read(uuid).memory, current);
        EXPECT_EQ(read(uuid).maximum_memory, maximum);
    };
    expect({256 * mib, {}}, 256 * mib, 256 * mib);
    expect({128 * mib, 512 * mib}, 128 * mib, 512 * mib);
    expect({16 * mib, 32 * mib}, 16 * mib, 32 * mib);
    expect({8 * mib, {}}, 8 * mib, 8 * mib);
    expect({8 * mib + 1, {}}, 8 * mib + 1'024, 8 * mib + 1'024);
}

TEST_P(Settings, MemoryOfARunningMachineInItsDefinitionToo) {
    const auto uuid = create("web");
    port().start(uuid, {});
    port().set_memory(uuid, {32 * mib, {}});
    EXPECT_EQ(read(uuid).memory, 32 * mib);
    EXPECT_EQ(read(uuid).maximum_memory, 64 * mib);
    EXPECT_REFUSED(invalid_args, port().set_memory(uuid, {128 * mib, {}}));
    EXPECT_REFUSED(invalid_state, port().set_memory(uuid, {32 * mib, 128 * mib}));
    port().power_off(uuid, false);
    EXPECT_EQ(read(uuid).memory, 32 * mib);
}

TEST_P(Settings, VcpusOfAMachineThatIsOffWithTheirMaximum) {
    const auto uuid = create("web");
    const auto expect = [&](const VcpuChange& change, std::uint32_t current, std::uint32_t maximum) {
        port().set_vcpus(uuid, change);
        EXPECT_EQ(read(uuid).vcpus, current);
        EXPECT_EQ(read(uuid).maximum_vcpus, maximum);
    };
    expect({8, {}}, 8, 8);
    expect({2, 4}, 2, 4);
    expect({1, 2}, 1, 2);
    expect({3, {}}, 3, 3);
    expect({1, {}}, 1, 1);
}

TEST_P(Settings, VcpusOfARunningMachineInItsDefinitionToo) {
    const auto uuid = create("web");
    port().set_vcpus(uuid, {1, 4});
    port().start(uuid, {});
    port().set_vcpus(uuid, {3, {}});
    EXPECT_EQ(read(uuid).vcpus, 3U);
    EXPECT_REFUSED(invalid_args, port().set_vcpus(uuid, {5, {}}));
    EXPECT_REFUSED(invalid_state, port().set_vcpus(uuid, {3, 8}));
    port().power_off(uuid, false);
    EXPECT_EQ(read(uuid).vcpus, 3U);
    EXPECT_EQ(read(uuid).maximum_vcpus, 4U);
}

TEST_P(Settings, TitleAndDescription) {
    const auto uuid = create("web");
    port().set_title(uuid, "a <title> & ü");
    port().set_description(uuid, "two\nlines");
    EXPECT_EQ(read(uuid).title, "a <title> & ü");
    EXPECT_EQ(read(uuid).description, "two\nlines");
    EXPECT_TRUE(events().wait_touched(uuid));
    port().set_title(uuid, "");
    port().set_description(uuid, "");
    EXPECT_EQ(read(uuid).title, "");
    EXPECT_EQ(read(uuid).description, "");
    port().set_title(uuid, "");
}

TEST_P(Settings, TitleOfARunningMachineLasts) {
    const auto uuid = create("web");
    port().start(uuid, {});
    port().set_title(uuid, "title");
    EXPECT_EQ(read(uuid).title, "title");
    port().power_off(uuid, false);
    EXPECT_EQ(read(uuid).title, "title");
}

TEST_P(Settings, TagsKeepTheOwner) {
    auto wanted = spec("web");
    wanted.owner = 1'000;
    wanted.tags = {"old"};
    const auto uuid = port().create(wanted);
    port().set_tags(uuid, {"a", "b"});
    EXPECT_EQ(read(uuid).tags, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(read(uuid).owner, 1'000U);
    EXPECT_TRUE(events().wait_touched(uuid));
    port().set_tags(uuid, {});
    EXPECT_TRUE(read(uuid).tags.empty());
    EXPECT_EQ(read(uuid).owner, 1'000U);
}

TEST_P(Settings, TagsOfAMachineThatHadNone) {
    const auto uuid = create("web");
    port().set_tags(uuid, {});
    port().start(uuid, {});
    port().set_tags(uuid, {"a"});
    EXPECT_EQ(read(uuid).tags, std::vector<std::string>{"a"});
    port().power_off(uuid, false);
    EXPECT_EQ(read(uuid).tags, std::vector<std::string>{"a"});
    port().set_tags(uuid, {});
    EXPECT_TRUE(read(uuid).tags.empty());
}

TEST_P(Settings, OfAnUnknownMachine) {
    const auto uuid = Uuid::random();
    EXPECT_REFUSED(no_such_machine, port().rename(uuid, "x"));
    EXPECT_REFUSED(no_such_machine, port().set_autostart(uuid, true));
    EXPECT_REFUSED(no_such_machine, port().set_memory(uuid, {mib, {}}));
    EXPECT_REFUSED(no_such_machine, port().set_vcpus(uuid, {1, {}}));
    EXPECT_REFUSED(no_such_machine, port().set_title(uuid, ""));
    EXPECT_REFUSED(no_such_machine, port().set_description(uuid, ""));
    EXPECT_REFUSED(no_such_machine, port().set_tags(uuid, {}));
}

}  // namespace

}  // namespace virtbus::test
