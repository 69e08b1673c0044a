// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of guests share: small trees that look like a Debian, images of them, and e2fsprogs as the judge of
// what is in an image afterwards.
#pragma once

#include "helper/directory_files.h"
#include "model/guest_tool.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#define EXPECT_REFUSED(expected, piece_of_text, piece)                                                        \
    do {                                                                                                      \
        const auto piece_outcome = outcome_of([&] { piece; });                                                \
        EXPECT_TRUE(refuses(piece_outcome, Code::expected)) << #piece ": " << piece_outcome;                  \
        EXPECT_NE(piece_outcome.text.find(piece_of_text), std::string::npos) << #piece ": " << piece_outcome; \
    } while (false)

namespace virtbus::test {

inline const std::string old_id = "0123456789abcdef0123456789abcdef";
inline const std::string new_id = "fedcba9876543210fedcba9876543210";
inline const std::string third_id = "00112233445566778899aabbccddeeff";

inline const std::string etc_path = "/etc/machine-id";
inline const std::string dbus_path = "/var/lib/dbus/machine-id";

inline MachineId id_of(const std::string& text) { return MachineId::parse(text).value(); }

/// Runs a command; what it wrote on standard output. std::runtime_error if it fails.
std::string run(const std::vector<std::string>& words);

/// Waits, though not forever, until it holds.
bool wait_until(const std::function<bool()>& holds);

/// The tree of a system that libguestfs takes for a Debian with systemd, whose id is `old_id`.
class GuestTree {
public:
    GuestTree();

    /// Makes or replaces a file, and the directories above it.
    void write(const std::string& path, const std::string& content) const;
    void link(const std::string& target, const std::string& path) const;
    void remove(const std::string& path) const { std::filesystem::remove_all(at(path)); }
    [[nodiscard]] std::string read(const std::string& path) const;
    [[nodiscard]] bool exists(const std::string& path) const;
    [[nodiscard]] std::filesystem::path at(const std::string& path) const { return directory_.path / path.substr(1); }
    [[nodiscard]] std::string root() const { return directory_.path.string(); }

    /// An ext4 file system of it, in a new file. No block of it is reserved for root.
    void make_image(const std::string& image, std::uint64_t mebibytes = 24) const;

private:
    TemporaryDirectory directory_;
};

/// What is in an ext4 image, found without libguestfs. A journal that a killed QEMU left is replayed first, in a copy.
class ImageJudge {
public:
    ImageJudge(const std::string& image, const std::string& format);

    /// "" where there is none.
    [[nodiscard]] std::string read(const std::string& path) const;
    /// As debugfs(8) has it: type, mode, and where a short link leads to.
    [[nodiscard]] std::string stat(const std::string& path) const;

private:
    TemporaryDirectory directory_;
    std::string copy_;
};

/// The files below a tree, with patterns, and a fault that can be planned.
class TreeFiles : public DirectoryFiles {
public:
    explicit TreeFiles(const GuestTree& tree) : DirectoryFiles(tree.root()), tree_(tree) {}

    std::vector<std::string> match(const std::string& pattern) override;
    void write(const std::string& path, std::uint64_t offset, std::string_view bytes) override;
    void cut(const std::string& path, std::uint64_t size) override;
    void create(const std::string& path, std::string_view content, mode_t mode) override;
    void link(const std::string& target, const std::string& path) override;
    void rename(const std::string& from, const std::string& to) override;
    /// Not this host's disk, which others use too.
    void settle() override {}

    /// The change after this many fails: the disk is full.
    std::optional<int> fails_after;
    int changes = 0;

private:
    void count();

    const GuestTree& tree_;
};

IdentityChange assignment(const std::string& id);
IdentityChange sealing(bool uninitialized = false);

}  // namespace virtbus::test
