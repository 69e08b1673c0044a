// SPDX-License-Identifier: LGPL-2.1-or-later
// Images come in and go out through files, pipes and sockets, byte for byte, and move no more than their data.
#include "images_test.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace virtbus::test {

namespace {

struct Channel {
    sdbus::UnixFd reading;
    sdbus::UnixFd writing;
};

Channel make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    return {sdbus::UnixFd(ends[0], sdbus::adopt_fd), sdbus::UnixFd(ends[1], sdbus::adopt_fd)};
}

Channel make_sockets() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("no socket");
    return {sdbus::UnixFd(ends[0], sdbus::adopt_fd), sdbus::UnixFd(ends[1], sdbus::adopt_fd)};
}

/// Copies all there is beside the test, and closes the target.
class Pump {
public:
    Pump(sdbus::UnixFd from, sdbus::UnixFd to)
        : thread_([from = std::move(from), to = std::move(to)] {
              std::vector<char> buffer(mebibyte);
              for (ssize_t size = 0; (size = ::read(from.get(), buffer.data(), buffer.size())) > 0;)
                  for (ssize_t done = 0; done < size;) {
                      const auto part = ::write(to.get(), buffer.data() + done, static_cast<std::size_t>(size - done));
                      if (part <= 0) return;
                      done += part;
                  }
          }) {}
    Pump(const Pump&) = delete;
    Pump& operator=(const Pump&) = delete;
    ~Pump() { thread_.join(); }

private:
    std::thread thread_;
};

}  // namespace

class TransferTest : public ImagesTest {
protected:
    static constexpr std::uint64_t size = 32 * mebibyte;

    /// A file of this format with data and holes.
    Path original(const std::string& format) {
        const auto raw = outside() / "original.raw";
        make_sparse(raw, size, 8 * mebibyte);
        if (format == "raw") return raw;
        const auto file = outside() / ("original." + format);
        output_of({"qemu-img", "convert", "-f", "raw", "-O", format, raw, file});
        return file;
    }

    /// Import of what is written into one end of a channel.
    Ended import_through(Channel channel, const Path& file, const std::string& format, const VariantMap& options) {
        std::string job;
        {
            const sdbus::UnixFd reading = std::move(channel.reading);
            job = pool()->ImportImage("disk", reading, format, options);
        }
        const Pump pump(opened(file, O_RDONLY), std::move(channel.writing));
        return ended(job);
    }
};

TEST_F(TransferTest, AReallyLargeSparseImageGoesAllTheWayRound) {
    constexpr std::uint64_t data = 24 * mebibyte;
    constexpr std::uint64_t most = data + 4 * mebibyte;
    const auto source = outside() / "source";
    make_sparse(source, 4 * gibibyte, data);
    const auto content = fingerprint(source);
    const auto timed = [&](const std::string& what, const std::function<Ended()>& work) {
        const auto start = Clock::now();
        ASSERT_THAT(work(), Succeeded()) << what;
        fmt::print("{} of 4 GiB with 24 MiB of data: {:.2f} s\n", what, seconds_since(start));
        EXPECT_LT(seconds_since(start), 60.0) << what;
    };

    timed("import", [&] { return import("disk", source, "raw"); });
    EXPECT_EQ(fingerprint(file_of("disk")), content);
    EXPECT_LT(bytes_on_disk(file_of("disk")), most);
    timed("clone", [&] { return clone("disk", "copy"); });
    EXPECT_EQ(fingerprint(file_of("copy")), content);
    EXPECT_LT(bytes_on_disk(file_of("copy")), most);
    timed("convert", [&] { return ended(image("copy")->Convert("qcow2", {})); });
    EXPECT_LT(bytes_on_disk(file_of("copy")), most);
    EXPECT_TRUE(is_sound(file_of("copy")));
    timed("export as raw", [&] { return export_to("copy", outside() / "raw", {{"format", "raw"}}); });
    EXPECT_EQ(fingerprint(outside() / "raw"), content);
    EXPECT_LT(bytes_on_disk(outside() / "raw"), most);
    timed("export as it is", [&] { return export_to("copy", outside() / "qcow2"); });
    EXPECT_EQ(fingerprint(outside() / "qcow2"), fingerprint(file_of("copy")));
    timed("import of that", [&] { return import("again", outside() / "qcow2", "qcow2"); });
    EXPECT_TRUE(is_same_content(source, "raw", file_of("again"), "qcow2"));
    timed("convert back", [&] { return ended(image("again")->Convert("raw", {})); });
    EXPECT_EQ(fingerprint(file_of("again")), content);
    EXPECT_LT(bytes_on_disk(file_of("again")), most);
    EXPECT_EQ(image("again")->Allocation(), bytes_on_disk(file_of("again")));
}

TEST_F(TransferTest, AnImportIsWhatCameThroughAPipeOrASocket) {
    for (const std::string format : {"raw", "qcow2"}) {
        const auto file = original(format);
        const VariantMap promise{{"size", std::uint64_t{std::filesystem::file_size(file)}},
                                 {"sha256", sha256_of(file)}};
        for (const auto& options : {VariantMap(), promise})
            for (const bool is_pipe : {true, false}) {
                EXPECT_THAT(import_through(is_pipe ? make_pipe() : make_sockets(), file, format, options), Succeeded());
                EXPECT_EQ(sha256_of(file_of("disk")), sha256_of(file)) << format << (is_pipe ? " pipe" : " socket");
                EXPECT_EQ(image("disk")->Format(), format);
                ASSERT_THAT(ended(image("disk")->Delete({})), Succeeded());
            }
    }
}

TEST_F(TransferTest, AnImportThatIsNotWhatWasPromisedLeavesNothing) {
    for (const std::string format : {"raw", "qcow2"}) {
        const auto file = original(format);
        const std::uint64_t right = std::filesystem::file_size(file);
        const auto refused = FailedWith(errors::invalid_args);
        const std::string wrong(64, '7');
        for (const auto& options : {VariantMap{{"size", right + 1}}, VariantMap{{"size", right - 1}},
                                    VariantMap{{"sha256", wrong}}, VariantMap{{"size", right}, {"sha256", wrong}}}) {
            EXPECT_THAT(import("disk", file, format, options), refused);
            EXPECT_THAT(import_through(make_pipe(), file, format, options), refused);
            EXPECT_EQ(names_in(directory()), std::vector<std::string>{});
            EXPECT_EQ(listed(), std::vector<std::string>{});
        }
        EXPECT_THAT(import("disk", file, format, {{"size", right}, {"sha256", sha256_of(file)}}), Succeeded());
        EXPECT_LE(bytes_on_disk(file_of("disk")), 10 * mebibyte) << "holes stay holes when it is checked, too";
        ASSERT_THAT(ended(image("disk")->Delete({})), Succeeded());
    }
    EXPECT_THAT(failure_of([&] {
                    begin_import("disk", original("raw"), "raw", {{"sha256", "123"}});
                }),
                Refused(errors::invalid_args, "sha256"));
}

TEST_F(TransferTest, AnExportIsWhatComesOutOfAPipeOrASocket) {
    for (const std::string format : {"raw", "qcow2"}) {
        const auto file = original(format);
        ASSERT_THAT(import("disk", file, format), Succeeded());
        for (const bool is_pipe : {true, false}) {
            auto channel = is_pipe ? make_pipe() : make_sockets();
            Ended end;
            {
                const Pump pump(std::move(channel.reading),
                                opened(outside() / "exported", O_WRONLY | O_CREAT | O_TRUNC));
                std::string job;
                {
                    const sdbus::UnixFd writing = std::move(channel.writing);
                    job = image("disk")->Export(writing, {});
                }
                end = ended(job);
            }
            ASSERT_THAT(end, Succeeded());
            EXPECT_EQ(end.result.at("size").get<std::uint64_t>(), std::filesystem::file_size(file));
            EXPECT_EQ(sha256_of(outside() / "exported"), sha256_of(file)) << format << (is_pipe ? " pipe" : " socket");
        }
        ASSERT_THAT(ended(image("disk")->Delete({})), Succeeded());
    }
}

TEST_F(TransferTest, ADescriptorCountsFromWhereItStands) {
    const auto file = original("raw");
    const auto half = opened(file, O_RDONLY);
    ASSERT_EQ(::lseek(half.get(), size / 2, SEEK_SET), static_cast<off_t>(size / 2));
    ASSERT_THAT(ended(pool()->ImportImage("half", half, "raw", {{"size", size / 2}})), Succeeded());
    EXPECT_EQ(image("half")->VirtualSize(), size / 2);

    const auto target = opened(outside() / "target", O_RDWR | O_CREAT | O_TRUNC);
    ASSERT_EQ(::write(target.get(), "before", 6), 6);
    ASSERT_THAT(ended(image("half")->Export(target, {})), Succeeded());
    EXPECT_EQ(std::filesystem::file_size(outside() / "target"), size / 2 + 6);
    const auto exported = read_text(outside() / "target");
    EXPECT_EQ(exported.substr(0, 6), "before");
    EXPECT_TRUE(exported.substr(6) == read_text(file).substr(size / 2));
}

TEST_F(TransferTest, WhatIsNoSourceOrTargetIsRefused) {
    ASSERT_THAT(create("disk", mebibyte), Succeeded());
    const auto file = original("raw");
    const auto reading = opened(file, O_RDONLY);
    const auto writing = opened(outside() / "target", O_WRONLY | O_CREAT);
    const auto null = opened("/dev/null", O_RDWR);
    const auto folder = opened(outside(), O_RDONLY | O_DIRECTORY);
    const sdbus::UnixFd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), sdbus::adopt_fd);
    const auto refused = Refused(errors::invalid_args, "");
    for (const auto* fd : {&writing, &null, &folder, &datagrams})
        EXPECT_THAT(failure_of([&] { pool()->ImportImage("new", *fd, "raw", {}); }), refused);
    for (const auto* fd : {&reading, &null, &folder, &datagrams})
        EXPECT_THAT(failure_of([&] { image("disk")->Export(*fd, {}); }), refused);
    EXPECT_EQ(names_in(directory()), std::vector<std::string>{"disk"});
}

TEST_F(TransferTest, ATargetThatIsFullOrGoneFailsTheJob) {
    make_random(outside() / "file", 4 * mebibyte);
    ASSERT_THAT(import("disk", outside() / "file", "raw"), Succeeded());
    auto channel = make_pipe();
    channel.reading.reset();
    const auto end = ended(image("disk")->Export(channel.writing, {}));
    EXPECT_EQ(end.state, "failed") << end;
    EXPECT_THAT(export_to("disk", outside() / "exported"), Succeeded()) << "others go on";
}

}  // namespace virtbus::test
