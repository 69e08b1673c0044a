// SPDX-License-Identifier: LGPL-2.1-or-later
// What callers send to pools and images: whatever is wrong is refused, naming it, before anything is done; and their
// descriptors are taken only as what they must be, and closed in any case.
#include "storage_fixture.h"
#include "support/temporary_directory.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>

namespace virtbus::test {
namespace {

class ImageArgumentsTest : public StorageBusTest {
protected:
    Failure create(const VariantMap& options, const std::string& name = "new", std::uint64_t size = gib) {
        return failure_of([&] { pool(default_path)->CreateImage(name, size, options); });
    }
    Failure clone(const VariantMap& options, const std::string& name = "new") {
        return failure_of([&] { image(base_path)->Clone(name, options); });
    }
    Failure import_image(const sdbus::UnixFd& source, const VariantMap& options = {}, const std::string& name = "new",
                         const std::string& format = "raw") {
        return failure_of([&] { pool(default_path)->ImportImage(name, source, format, options); });
    }
    Failure export_to(const sdbus::UnixFd& target, const VariantMap& options = {}) {
        return failure_of([&] { image(base_path)->Export(target, options); });
    }
    static sdbus::UnixFd open(const std::string& path, int flags) {
        return {::open(path.c_str(), flags | O_CLOEXEC), sdbus::adopt_fd};
    }
    /// A file of its own, open as `flags` say.
    sdbus::UnixFd file(int flags) { return open((directory.path / "file").string(), flags); }
    static sdbus::Variant path(const std::string& text) { return sdbus::Variant(sdbus::ObjectPath(text)); }

    /// Nothing was done.
    ~ImageArgumentsTest() override {
        if (!server || !expect_nothing_done) return;
        EXPECT_TRUE(client.manager()->ListJobs().empty());
    }

    TemporaryDirectory directory;
    bool expect_nothing_done = true;
    const std::vector<std::string> no_names{"",    ".",    "..",         ".hidden",  ".virtbus-1-x",
                                            "a/b", "../x", "two\nlines", "\x1b[31m", std::string(256, 'x')};
};

TEST_F(ImageArgumentsTest, CreateImageSaysWhatIsWrong) {
    serve();
    for (const auto& name : no_names) expect_invalid(create({}, name), "name");
    expect_invalid(create({}, "new", 0), "size");
    expect_invalid(create({}, "new", UINT64_MAX), "size");
    expect_invalid(create({}, "new", (std::uint64_t{1} << 50) + 1), "size");
    expect_invalid(create({{"format", sdbus::Variant("vmdk")}}), "format");
    expect_invalid(create({{"format", sdbus::Variant(1)}}), "format");
    expect_invalid(create({{"preallocation", sdbus::Variant("falloc")}}), "preallocation");
    expect_invalid(create({{"preallocation", sdbus::Variant(true)}}), "preallocation");
    expect_invalid(create({{"preallocation", sdbus::Variant("metadata")}, {"format", sdbus::Variant("raw")}}),
                   "preallocation");
    expect_invalid(create({{"backing", path(base_path)}, {"format", sdbus::Variant("raw")}}), "backing");
    expect_invalid(create({{"backing", sdbus::Variant(base_path)}}), "backing");
    expect_invalid(create({{"typo", sdbus::Variant(true)}}), "typo");
}

TEST_F(ImageArgumentsTest, CreateImageTakesOnlyAnImageOfTheSameHypervisorAsBacking) {
    second->storage().add(make_pool("default"));
    second->storage().add(make_image("default", "base"));
    serve();
    for (const auto& wrong : {std::string("/"), default_path, web_path, first_path, base_path + "/x",
                              std::string("/org/freedesktop/DBus"), default_path + "/image"})
        expect_invalid(create({{"backing", path(wrong)}}), "backing");
    expect_invalid(create({{"backing", path(bus::image_path("second", "default", "base"))}}), "backing");
    expect_error(create({{"backing", path(image_path("nothing"))}}), "NoSuchImage");
    expect_error(create({{"backing", path(disk_path)}}), "InUse", "machine web");
}

TEST_F(ImageArgumentsTest, CloneSaysWhatIsWrong) {
    serve();
    for (const auto& name : no_names) expect_invalid(clone({}, name), "name");
    expect_invalid(clone({{"linked", sdbus::Variant("yes")}}), "linked");
    expect_invalid(clone({{"linked", sdbus::Variant(true)}, {"format", sdbus::Variant("raw")}}), "format");
    expect_invalid(clone({{"format", sdbus::Variant("luks")}}), "format");
    expect_invalid(clone({{"preallocation", sdbus::Variant("all")}}), "preallocation");
    expect_invalid(clone({{"pool", sdbus::Variant("fast")}}), "pool");
    for (const auto& wrong : {std::string("/"), base_path, web_path, std::string(bus::pool_path("second", "fast"))})
        expect_invalid(clone({{"pool", path(wrong)}}), "pool");
    expect_error(clone({{"pool", path(bus::pool_path("first", "nowhere"))}}), "NoSuchPool");
    expect_error(clone({}, "overlay"), "AlreadyExists");
    expect_invalid(clone({{"typo", sdbus::Variant(true)}}), "typo");
}

TEST_F(ImageArgumentsTest, TheOthersSayWhatIsWrong) {
    serve();
    const auto overlay = image(overlay_path);
    const VariantMap typo{{"typo", sdbus::Variant(true)}};
    expect_invalid(failure_of([&] { overlay->Convert("vmdk", {}); }), "format");
    expect_invalid(failure_of([&] { overlay->Convert("", {}); }), "format");
    expect_invalid(failure_of([&] {
                       overlay->Convert("raw", {{"preallocation", sdbus::Variant("metadata")}});
                   }),
                   "preallocation");
    expect_invalid(failure_of([&] { overlay->Convert("raw", typo); }), "typo");
    expect_invalid(failure_of([&] { overlay->Resize(0, {}); }), "size");
    expect_invalid(failure_of([&] { overlay->Resize(UINT64_MAX, {}); }), "size");
    expect_invalid(failure_of([&] { overlay->Resize(gib / 2, {}); }), "size");
    expect_invalid(failure_of([&] { overlay->Resize(gib / 2, {{"shrink", sdbus::Variant("yes")}}); }), "shrink");
    expect_invalid(failure_of([&] { overlay->Resize(2 * gib, typo); }), "typo");
    expect_invalid(failure_of([&] { overlay->Flatten(typo); }), "typo");
    expect_invalid(failure_of([&] { overlay->Rebase(base_path, typo); }), "typo");
    expect_invalid(failure_of([&] { overlay->Rebase(sdbus::ObjectPath("/"), {}); }), "backing");
    expect_invalid(failure_of([&] { overlay->Rebase(default_path, {}); }), "backing");
    expect_invalid(failure_of([&] { overlay->Rebase(overlay_path, {}); }), "backing");
    expect_invalid(failure_of([&] { image(base_path)->Rebase(overlay_path, {}); }), "backing");
    expect_error(failure_of([&] { overlay->Rebase(image_path("nothing"), {}); }), "NoSuchImage");
    expect_invalid(failure_of([&] { overlay->Wipe(typo); }), "typo");
    expect_invalid(failure_of([&] { overlay->Check(typo); }), "typo");
    expect_invalid(failure_of([&] { overlay->Delete(typo); }), "typo");
    expect_invalid(failure_of([&] { overlay->Delete({{"force", sdbus::Variant(1)}}); }), "force");
}

TEST_F(ImageArgumentsTest, ImportSaysWhatIsWrong) {
    serve();
    const auto source = file(O_RDWR | O_CREAT);
    for (const auto& name : no_names) expect_invalid(import_image(source, {}, name), "name");
    expect_invalid(import_image(source, {}, "new", "vmdk"), "format");
    expect_invalid(import_image(source, {}, "new", ""), "format");
    expect_invalid(import_image(source, {{"size", sdbus::Variant(1)}}), "size");
    for (const auto& digest : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g')})
        expect_invalid(import_image(source, {{"sha256", sdbus::Variant(digest)}}), "sha256");
    expect_invalid(import_image(source, {{"typo", sdbus::Variant(true)}}), "typo");
    expect_error(import_image(source, {}, "base"), "AlreadyExists");
}

TEST_F(ImageArgumentsTest, ADescriptorToReadFromIsAFileAPipeOrAStreamOpenForThat) {
    serve();
    file(O_RDWR | O_CREAT);
    expect_invalid(import_image(open(directory.path, O_RDONLY | O_DIRECTORY)), "source");
    expect_invalid(import_image(open(directory.path / "file", O_PATH)), "source");
    expect_invalid(import_image(open(directory.path, O_PATH)), "source");
    expect_invalid(import_image(open("/dev/zero", O_RDONLY)), "source");
    expect_invalid(import_image(file(O_WRONLY)), "source");
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const sdbus::UnixFd reading(ends[0], sdbus::adopt_fd);
    expect_invalid(import_image(sdbus::UnixFd(ends[1], sdbus::adopt_fd)), "source");
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
    const sdbus::UnixFd other(ends[1], sdbus::adopt_fd);
    expect_invalid(import_image(sdbus::UnixFd(ends[0], sdbus::adopt_fd)), "source");
}

TEST_F(ImageArgumentsTest, ADescriptorToWriteToIsAFileAPipeOrAStreamOpenForThat) {
    serve();
    file(O_RDWR | O_CREAT);
    expect_invalid(export_to(open(directory.path, O_RDONLY | O_DIRECTORY)), "target");
    expect_invalid(export_to(open(directory.path / "file", O_PATH)), "target");
    expect_invalid(export_to(open("/dev/null", O_WRONLY)), "target");
    expect_invalid(export_to(file(O_RDONLY)), "target");
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const sdbus::UnixFd writing(ends[1], sdbus::adopt_fd);
    expect_invalid(export_to(sdbus::UnixFd(ends[0], sdbus::adopt_fd)), "target");
    expect_invalid(export_to(file(O_WRONLY), {{"format", sdbus::Variant("vmdk")}}), "format");
    expect_invalid(export_to(file(O_WRONLY), {{"typo", sdbus::Variant(true)}}), "typo");
}

TEST_F(ImageArgumentsTest, FilesPipesAndStreamsAreTaken) {
    serve();
    expect_nothing_done = false;
    int number = 0;
    const auto expect_taken = [&](const sdbus::UnixFd& source) {
        const auto name = "imported-" + std::to_string(++number);
        const auto failure = import_image(source, {}, name);
        ASSERT_EQ(failure.name, "") << failure;
        ASSERT_TRUE(client.wait_for("InterfacesAdded", image_path(name)));
    };
    expect_taken(file(O_RDONLY | O_CREAT));
    expect_taken(file(O_RDWR));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const sdbus::UnixFd writing(ends[1], sdbus::adopt_fd);
    expect_taken(sdbus::UnixFd(ends[0], sdbus::adopt_fd));
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const sdbus::UnixFd other(ends[1], sdbus::adopt_fd);
    expect_taken(sdbus::UnixFd(ends[0], sdbus::adopt_fd));
    EXPECT_EQ(import_image(file(O_RDONLY), {{"size", sdbus::Variant(std::uint64_t{1'000})},
                                            {"sha256", sdbus::Variant(std::string(64, '0'))}})
                  .name,
              "");
}

TEST_F(ImageArgumentsTest, NoDescriptorStaysOpen) {
    serve();
    expect_nothing_done = false;
    file(O_RDWR | O_CREAT);
    // The server is in this process: whoever still holds the file is seen.
    const auto holders = [&] {
        std::size_t count = 0;
        std::error_code gone;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
            if (std::filesystem::read_symlink(entry.path(), gone) == directory.path / "file") ++count;
        return count;
    };
    for (int i = 0; i < 10; ++i) {
        import_image(file(O_RDONLY), {{"typo", sdbus::Variant(true)}});
        import_image(file(O_WRONLY));
        import_image(file(O_PATH));
        import_image(file(O_RDONLY), {}, "base");
        export_to(file(O_RDONLY));
        const std::string name = "imported-" + std::to_string(i);
        EXPECT_EQ(import_image(file(O_RDONLY), {}, name).name, "");
        const std::string job = image(base_path)->Export(file(O_WRONLY), {});
        await_end(job);
        ASSERT_TRUE(client.wait_for("InterfacesAdded", image_path(name)));
    }
    EXPECT_TRUE(await_there([&] { return holders() == 0; })) << holders();
}

}  // namespace
}  // namespace virtbus::test
