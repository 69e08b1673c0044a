// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of image work share: a directory for images, the tool in front of the real helper program, and
// qemu-img as the judge of what came out.
#pragma once

#include "helper/helper_tool.h"
#include "support/errors.h"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#define EXPECT_FAILS(expected, piece)                                                        \
    do {                                                                                     \
        const auto piece_outcome = outcome_of([&] { piece; });                               \
        EXPECT_TRUE(refuses(piece_outcome, Code::expected)) << #piece ": " << piece_outcome; \
    } while (false)

namespace virtbus::test {

constexpr std::uint64_t mebibyte = 1 << 20;

/// The path of virtbus-helper, which VIRTBUS_HELPER gives.
std::string helper_program();

/// Runs a command; what it wrote on standard output. std::runtime_error if it fails.
std::string run(std::vector<std::string> words);

/// Waits, though not forever, until it holds.
bool wait_until(const std::function<bool()>& holds);

/// The processes that this one has started, and those it has inherited from them.
std::vector<pid_t> children();
/// Ends with the test: a process that holds an image open, as a running machine does.
class ImageUser {
public:
    explicit ImageUser(const std::string& path, bool read_only = false);
    ImageUser(const ImageUser&) = delete;
    ImageUser& operator=(const ImageUser&) = delete;
    ~ImageUser();

private:
    pid_t pid_ = -1;
};

class HelperTest : public testing::Test {
protected:
    HelperTest();
    ~HelperTest() override;
    /// Every helper was waited for, and none left a temporary file.
    void TearDown() override;

    [[nodiscard]] std::string path(const std::string& name) const { return (directory_ / name).string(); }
    [[nodiscard]] ImageFile image(const std::string& name, const std::string& format = "qcow2") const {
        return {.path = path(name), .format = format};
    }
    [[nodiscard]] NewFile target(const std::string& name, const std::string& format = "qcow2",
                                 Preallocation preallocation = Preallocation::off) const;
    [[nodiscard]] NewFile replacement(const std::string& name, const std::string& format = "qcow2") const;

    /// A raw file of `size`, of which the first `data` bytes are written, and never 0.
    std::string make_raw(const std::string& name, std::uint64_t size, std::uint64_t data) const;
    /// A qcow2 image with the same in it.
    std::string make_qcow2(const std::string& name, std::uint64_t size, std::uint64_t data) const;
    /// Writes `pattern` over a part of an image.
    void write(const ImageFile& image, std::uint64_t offset, std::uint64_t size, int pattern) const;
    /// Writes bytes into a file.
    void patch(const std::string& name, std::uint64_t offset, const std::string& bytes) const;

    [[nodiscard]] nlohmann::json info(const std::string& name, const std::string& format = "qcow2") const;
    /// Bytes that the file takes on the disk.
    [[nodiscard]] std::uint64_t allocated(const std::string& name) const;
    [[nodiscard]] std::string checksum(const std::string& name) const;
    [[nodiscard]] bool have_equal_content(const ImageFile& one, const ImageFile& other) const;
    [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
    [[nodiscard]] std::vector<std::string> temporaries() const;

    HelperTool tool_;
    std::filesystem::path directory_;
    Transfer transfer_;
};

}  // namespace virtbus::test
