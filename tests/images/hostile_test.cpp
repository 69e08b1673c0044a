// SPDX-License-Identifier: LGPL-2.1-or-later
// Images that were made to read the host's files or to harm those who read them: refused on their way in, and of no
// use where somebody has put them into a pool by hand.
#include "images_test.h"

#include <fmt/format.h>

#include <functional>

namespace virtbus::test {

namespace {

/// Where the fields of a qcow2 header are; docs/interop/qcow2.txt of QEMU.
enum Offset : std::uint64_t {
    version_field = 4,
    backing_offset_field = 8,
    backing_length_field = 16,
    cluster_bits_field = 20,
    size_field = 24,
    l1_entries_field = 36,
    l1_offset_field = 40,
    refcount_clusters_field = 56,
    snapshots_field = 60,
    incompatible_field = 72,
    refcount_order_field = 96,
    header_length_field = 100
};

void make_qcow2(const Path& file, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"qemu-img", "create", "-q", "-f", "qcow2"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {file, "4M"});
    output_of(words);
}

struct Trick {
    std::string name;
    std::function<void(const Path&)> make;

    friend std::ostream& operator<<(std::ostream& stream, const Trick& trick) { return stream << trick.name; }
};

Trick patched(const std::string& name, std::uint64_t offset, std::uint64_t value, int bytes) {
    return {name, [=](const Path& file) {
                make_qcow2(file);
                patch(file, offset, big_endian(value, bytes));
            }};
}

Trick based_on(const std::string& name, const std::string& backing, const std::string& format = "raw") {
    return {name, [=](const Path& file) { make_qcow2(file, {"-u", "-b", backing, "-F", format}); }};
}

/// One that names a backing file, with everything in its header written by hand, and no format given.
void make_by_hand(const Path& file) {
    const std::string backing = "/etc/passwd";
    std::string bytes = "QFI\xfb" + big_endian(2, 4) + big_endian(72 + 8, 8) + big_endian(backing.size(), 4) +
                        big_endian(16, 4) + big_endian(4 * mebibyte, 8) + big_endian(0, 4) + big_endian(1, 4) +
                        big_endian(0x30000, 8) + big_endian(0x10000, 8) + big_endian(1, 4) + big_endian(0, 4) +
                        big_endian(0, 8) + big_endian(0, 8) + backing;
    bytes.resize(0x10000);
    bytes += big_endian(0x20000, 8);
    bytes.resize(0x20000);
    for (int i = 0; i < 4; ++i) bytes += big_endian(1, 2);
    bytes.resize(0x40000);
    write_file(file, bytes);
}

void make_with_data_file(const Path& file) {
    make_qcow2(file, {"-o", "data_file=" + (file.parent_path() / "victim").string() + ",data_file_raw=on"});
}

/// One that was whole, of which the end is missing.
void make_truncated(const Path& file, double part) {
    make_qcow2(file);
    output_of({"qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", file});
    const auto size = static_cast<double>(std::filesystem::file_size(file));
    std::filesystem::resize_file(file, static_cast<std::uint64_t>(size * part));
}

/// Its tables lie about its clusters.
void make_overlapping(const Path& file) {
    make_qcow2(file);
    output_of({"qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", file});
    const auto l1 = read_text(file).substr(l1_offset_field, 8);
    std::uint64_t at = 0;
    for (const char byte : l1) at = at << 8 | static_cast<unsigned char>(byte);
    patch(file, at, big_endian(std::uint64_t{1} << 63 | 0x10000, 8));  // the L2 table is said to be a refcount table
}

const std::vector<Trick>& tricks() {
    static const std::vector<Trick> all{
        based_on("BackingShadow", "/etc/shadow"),
        based_on("BackingPasswd", "/etc/passwd"),
        based_on("BackingRelative", "../../../../../etc/passwd"),
        based_on("BackingDevice", "/dev/zero"),
        based_on("BackingJson", R"(json:{"driver":"raw","file":{"driver":"file","filename":"/etc/passwd"}})"),
        based_on("BackingNetwork", "nbd://127.0.0.1:10809/x"),
        {"BackingByHand", make_by_hand},
        {"DataFile", make_with_data_file},
        patched("DataFileFlag", incompatible_field, 4, 8),
        patched("UnknownFeature", incompatible_field, std::uint64_t{1} << 40, 8),
        patched("MarkedCorrupt", incompatible_field, 2, 8),
        patched("ClusterBits63", cluster_bits_field, 63, 4),
        patched("ClusterBits0", cluster_bits_field, 0, 4),
        patched("Size2To60", size_field, std::uint64_t{1} << 60, 8),
        patched("L1Huge", l1_entries_field, 0x7fffffff, 4),
        patched("L1Beyond", l1_offset_field, std::uint64_t{1} << 40, 8),
        patched("RefcountTableHuge", refcount_clusters_field, 0xffffffff, 4),
        patched("RefcountOrder63", refcount_order_field, 63, 4),
        patched("ManySnapshots", snapshots_field, 0x0fffffff, 4),
        patched("HeaderLength", header_length_field, 0xfffffff8, 4),
        patched("Version9", version_field, 9, 4),
        {"TruncatedData", [](const Path& file) { make_truncated(file, 0.5); }},
        {"TruncatedTables", [](const Path& file) { make_truncated(file, 0.1); }},
        {"TruncatedHeader", [](const Path& file) { make_truncated(file, 0.00005); }},
        {"Overlapping", make_overlapping},
        {"Empty", [](const Path& file) { write_file(file, ""); }},
        {"Raw", [](const Path& file) { make_random(file, mebibyte); }},
    };
    return all;
}

/// Those that would read what is not theirs.
bool reaches_out(const std::string& name) { return name.rfind("Backing", 0) == 0 || name == "DataFile"; }

std::vector<Trick> those_that_reach_out() {
    std::vector<Trick> some;
    for (const auto& trick : tricks())
        if (reaches_out(trick.name)) some.push_back(trick);
    return some;
}

/// Without the header that is cut off within its first bytes: libvirt 9.0.0 cannot refresh a pool that has such a file,
/// and stops it.
std::vector<Trick> those_that_are_broken() {
    std::vector<Trick> some;
    for (const auto& trick : tricks())
        if (!reaches_out(trick.name) && trick.name != "Raw" && trick.name != "Empty" && trick.name != "TruncatedHeader")
            some.push_back(trick);
    return some;
}

std::string name_of(const testing::TestParamInfo<Trick>& info) { return info.param.name; }

}  // namespace

class HostileTest : public ImagesTest {
protected:
    /// Nothing but what was there before is in the pool.
    void expect_empty_pool() {
        EXPECT_EQ(names_in(directory()), std::vector<std::string>{});
        EXPECT_EQ(listed(), std::vector<std::string>{});
    }

    /// How a call fails, or the job that it began.
    template <typename Call>
    Failure outcome(Call call) {
        sdbus::ObjectPath job;
        const auto failure = failure_of([&] { job = call(); });
        return failure.name.empty() ? ended(job).failure : failure;
    }
};

class EveryTrickTest : public HostileTest, public testing::WithParamInterface<Trick> {};

TEST_P(EveryTrickTest, IsRefusedByImport) {
    const auto file = outside() / "hostile";
    GetParam().make(file);
    EXPECT_THAT(import("disk", file, "qcow2"), FailedWith(errors::unsafe_image));
    expect_empty_pool();
}

TEST_P(EveryTrickTest, IsRefusedByImportThroughAPipe) {
    const auto file = outside() / "hostile";
    GetParam().make(file);
    const std::string cat = "exec cat " + file.string() + " 2>/dev/null";
    FILE* stream = ::popen(cat.c_str(), "r");
    std::string job;
    {
        const sdbus::UnixFd fd(::fileno(stream));  // a copy, which must not keep the pipe open
        job = pool()->ImportImage("disk", fd, "qcow2", {});
    }
    EXPECT_THAT(ended(job), FailedWith(errors::unsafe_image));
    ::pclose(stream);
    expect_empty_pool();
}

INSTANTIATE_TEST_SUITE_P(Tricks, EveryTrickTest, testing::ValuesIn(tricks()), name_of);

class PlacedByHandTest : public HostileTest, public testing::WithParamInterface<Trick> {};

TEST_P(PlacedByHandTest, IsOfNoUse) {
    const auto made = outside() / "hostile";
    GetParam().make(made);
    write_file(outside() / "victim", std::string(4 * mebibyte, 's'));
    std::filesystem::rename(made, file_of("hostile"));
    ASSERT_TRUE(wait_until_listed("hostile")) << "libvirt does not list it, so it cannot be used";

    const auto cloned = outcome([&] { return image("hostile")->Clone("copy", {{"format", "raw"}}); });
    EXPECT_EQ(cloned.name, errors::unsafe_image) << "Clone: " << cloned;
    const auto linked = outcome([&] { return image("hostile")->Clone("copy", {{"linked", true}}); });
    EXPECT_EQ(linked.name, errors::unsafe_image) << "Clone, linked: " << linked;
    const auto exported = outcome([&] { return begin_export("hostile", outside() / "exported", {{"format", "raw"}}); });
    EXPECT_EQ(exported.name, errors::unsafe_image) << "Export: " << exported;
    EXPECT_EQ(std::filesystem::file_size(outside() / "exported"), 0U);
    const auto converted = outcome([&] { return image("hostile")->Convert("raw", {}); });
    EXPECT_EQ(converted.name, errors::unsafe_image) << "Convert: " << converted;
    const auto based = outcome([&] {
        return pool()->CreateImage("copy", 0, {{"backing", sdbus::ObjectPath(path_of("hostile"))}});
    });
    EXPECT_EQ(based.name, errors::unsafe_image) << "CreateImage: " << based;
    const auto machine = failure_of([&] { create_machine({"hostile"}, true); });
    EXPECT_EQ(machine.name, errors::unsafe_image) << "CreateMachine: " << machine;
    EXPECT_EQ(names_in(directory()), std::vector<std::string>{"hostile"});

    const auto removed = outcome([&] { return image("hostile")->Delete({}); });
    EXPECT_EQ(removed.name, "") << "Delete: " << removed;
}

INSTANTIATE_TEST_SUITE_P(Tricks, PlacedByHandTest, testing::ValuesIn(those_that_reach_out()), name_of);

/// These harm nobody but themselves; yet the others in the pool must not be harmed.
class BrokenByHandTest : public HostileTest, public testing::WithParamInterface<Trick> {};

TEST_P(BrokenByHandTest, HarmsNoOther) {
    ASSERT_THAT(create("sound", mebibyte), Succeeded());
    GetParam().make(outside() / "hostile");
    std::filesystem::rename(outside() / "hostile", file_of("hostile"));
    output_of({"qemu-img", "create", "-q", "-f", "qcow2", file_of("last"), "1M"});
    EXPECT_TRUE(wait_until_listed("last")) << "the pool cannot be refreshed any more";
    EXPECT_EQ(pool()->State(), "running");
    EXPECT_TRUE(is_listed("sound"));
    EXPECT_THAT(refresh(), Succeeded());
    if (is_listed("hostile") && image("hostile")->Format() == "qcow2") {
        const auto cloned = outcome([&] { return image("hostile")->Clone("copy", {{"format", "raw"}}); });
        EXPECT_EQ(std::filesystem::exists(file_of("copy")), cloned.name.empty()) << cloned;
    }
    EXPECT_EQ(temporaries_in(directory()), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Tricks, BrokenByHandTest, testing::ValuesIn(those_that_are_broken()), name_of);

TEST_F(HostileTest, OtherFormatsDoNotComeIn) {
    for (const std::string format : {"vmdk", "vdi", "luks", "", "QCOW2", "host_device"}) {
        make_random(outside() / "file", mebibyte);
        const auto failure = outcome([&] { return begin_import("disk", outside() / "file", format); });
        EXPECT_EQ(failure.name, errors::invalid_args) << format << ": " << failure;
    }
    expect_empty_pool();
}

/// Guests write what they like into a raw image.
TEST_F(HostileTest, RawStaysRaw) {
    const auto file = outside() / "guest";
    based_on("", "/etc/passwd").make(file);
    std::filesystem::resize_file(file, mebibyte);
    ASSERT_THAT(import("disk", file, "raw"), Succeeded());
    const auto expect_raw = [&](const std::string& name, const std::string& when) {
        EXPECT_EQ(image(name)->Format(), "raw") << name << " " << when;
        EXPECT_EQ(image(name)->VirtualSize(), mebibyte) << name << " " << when;
        EXPECT_EQ(image(name)->BackingFile(), "") << name << " " << when;
        EXPECT_EQ(image(name)->BackingImage(), "/") << name << " " << when;
    };
    expect_raw("disk", "at first");
    ASSERT_THAT(refresh(), Succeeded());
    expect_raw("disk", "refreshed");

    Daemon::instance().kill();
    come_up();
    expect_raw("disk", "after a kill");
    EXPECT_EQ(Daemon::instance().stop(), 0) << Daemon::instance().log();
    come_up();
    ASSERT_THAT(refresh(), Succeeded());
    expect_raw("disk", "after a restart");

    ASSERT_THAT(clone("disk", "copy"), Succeeded());
    expect_raw("copy", "at first");
    EXPECT_EQ(sha256_of(file_of("copy")), sha256_of(file));
    ASSERT_THAT(clone("disk", "converted", {{"format", "qcow2"}}), Succeeded());
    EXPECT_TRUE(is_same_content(file, "raw", file_of("converted"), "qcow2"));
    ASSERT_THAT(export_to("disk", outside() / "exported"), Succeeded());
    EXPECT_EQ(sha256_of(outside() / "exported"), sha256_of(file));

    const auto path = create_machine({"disk"}, true);
    EXPECT_NE(std::get<0>(machine(path)->GetXml({})).find("type='raw'"), std::string::npos);
}

}  // namespace virtbus::test
