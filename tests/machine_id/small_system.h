// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of machine-id files share: small root trees with dbus-uuidgen in them, so that it can be run in a
// chroot as the judge; and what can be said of the two files before and after.
#pragma once

#include "model/identity_files.h"

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace virtbus::test {

inline const std::string id_a = "0123456789abcdef0123456789abcdef";
inline const std::string id_b = "fedcba9876543210fedcba9876543210";
inline constexpr ::uid_t nobody = 65534;

/// How a program, or a piece of code in a process of its own, ended.
struct Ended {
    bool in_time = false;
    int status = -1;  // the exit status; -1 if killed
    std::string output;
    std::string errors;
};

/// Runs it in a child process, which is killed when it takes longer than `limit`. It returns the exit status.
Ended run_in_child(const std::function<int()>& piece, std::chrono::milliseconds limit = std::chrono::seconds(20));

/// A file as far as programs can tell, but for when it was made.
struct FileState {
    std::string kind;  // absent, file, link, directory, other
    ::mode_t mode = 0;
    ::uid_t owner = 0;
    std::string content;  // of a link its target; "new id" if it is a line with an id that is neither id_a nor id_b
    bool operator==(const FileState&) const = default;
    friend std::ostream& operator<<(std::ostream& stream, const FileState& state);
};

FileState state_of(const std::filesystem::path& path);

/// A root tree with /etc and /var/lib/dbus, which are empty. It is on a disk: /tmp may be in memory.
class SmallSystem {
public:
    SmallSystem();
    SmallSystem(const SmallSystem&) = delete;
    SmallSystem& operator=(const SmallSystem&) = delete;
    ~SmallSystem();

    [[nodiscard]] const std::filesystem::path& base() const { return base_; }  ///< what the tree is in
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] std::filesystem::path etc() const { return root_ / "etc/machine-id"; }
    [[nodiscard]] std::filesystem::path dbus() const { return root_ / "var/lib/dbus/machine-id"; }
    [[nodiscard]] IdentityFiles files() const { return IdentityFiles(root_.string()); }
    /// All that is in the two directories.
    [[nodiscard]] std::vector<std::string> names() const;

    /// The real dbus-uuidgen, in a chroot. After `limit` it is killed: a FIFO blocks it for ever.
    [[nodiscard]] Ended dbus_uuidgen(const std::string& argument, ::uid_t user = 0, ::mode_t mask = 022,
                                     const std::string& directory = "/",
                                     std::chrono::seconds limit = std::chrono::minutes(1)) const;
    /// What sd_id128_get_machine(3) says in a chroot: an id, or the number of an error.
    [[nodiscard]] std::string systemd_says() const;

private:
    std::filesystem::path base_;
    std::filesystem::path root_;
};

void write_file(const std::filesystem::path& path, const std::string& content);
std::string read_file(const std::filesystem::path& path);
/// Text without its last newline.
std::string line_in(const std::string& output);

/// Everything here makes file systems and changes users, as root. So that a mistake in what is tested cannot change the
/// machine that tests it, its own /etc and /var/lib are read-only here, and its machine-id is shown as id_a.
class RootTest : public testing::Test {
protected:
    void SetUp() override;
};

/// From now on this process's mounts are its own, and end with it.
void use_own_mounts();

/// A mount that ends with the test.
class Mounted {
public:
    Mounted(const std::string& what, const std::filesystem::path& where, const std::string& type, unsigned long flags,
            const std::string& options = {});
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    ~Mounted();

private:
    std::string where_;
};

}  // namespace virtbus::test
