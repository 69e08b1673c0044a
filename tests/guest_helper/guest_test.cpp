// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest_test.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace virtbus::test {

namespace {

std::string output_of(const std::vector<std::string>& words, int& status) {
    std::vector<std::string> copy = words;
    std::vector<char*> pointers;
    for (auto& word : copy) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const UniqueFd output(pipe[0]);
    UniqueFd theirs(pipe[1]);
    const pid_t pid = ::fork();
    if (pid == 0) {
        const int nothing = ::open("/dev/null", O_RDWR);
        ::dup2(theirs.get(), STDOUT_FILENO);
        ::dup2(nothing, STDERR_FILENO);
        ::execvp(pointers.front(), pointers.data());
        ::_exit(127);
    }
    theirs = UniqueFd();
    std::string text;
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 0; (size = ::read(output.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(size));
    ::waitpid(pid, &status, 0);
    return text;
}

}  // namespace

std::string run(const std::vector<std::string>& words) {
    int status = 0;
    auto text = output_of(words, status);
    if (status != 0) throw std::runtime_error(words.front() + " failed: " + text);
    return text;
}

bool wait_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(3);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

GuestTree::GuestTree() {
    for (const auto* name : {"bin", "boot", "dev", "etc", "home", "lib", "proc", "root", "run", "sbin", "sys",
                             "usr/bin", "usr/lib", "var/lib/dbus"})
        std::filesystem::create_directories(directory_.path / name);
    write("/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\n");
    write("/etc/debian_version", "12.5\n");
    write("/etc/fstab", "");
    write("/etc/hostname", "one\n");
    write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 one.example.net one\n");
    write("/etc/machine-id", old_id + "\n");
    write("/usr/lib/systemd/systemd", "a program\n");
}

void GuestTree::write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories(at(path).parent_path());
    std::filesystem::remove(at(path));
    std::ofstream(at(path), std::ios::binary) << content;
}

void GuestTree::link(const std::string& target, const std::string& path) const {
    std::filesystem::create_directories(at(path).parent_path());
    std::filesystem::remove(at(path));
    std::filesystem::create_symlink(target, at(path));
}

std::string GuestTree::read(const std::string& path) const {
    std::ifstream file(at(path), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool GuestTree::exists(const std::string& path) const {
    return std::filesystem::exists(std::filesystem::symlink_status(at(path)));
}

void GuestTree::make_image(const std::string& image, std::uint64_t mebibytes) const {
    std::ofstream(image, std::ios::trunc).close();
    std::filesystem::resize_file(image, mebibytes << 20);
    run({"mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-d", root(), image});
}

ImageJudge::ImageJudge(const std::string& image, const std::string& format)
    : copy_((directory_.path / "copy.img").string()) {
    run({"qemu-img", "convert", "-f", format, "-O", "raw", image, copy_});
    int status = 0;
    output_of({"e2fsck", "-fy", copy_}, status);
    // 1: it was not clean, and is now.
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) throw std::runtime_error("e2fsck cannot repair " + image);
}

std::string ImageJudge::read(const std::string& path) const { return run({"debugfs", "-R", "cat " + path, copy_}); }

std::string ImageJudge::stat(const std::string& path) const { return run({"debugfs", "-R", "stat " + path, copy_}); }

std::vector<std::string> TreeFiles::match(const std::string& pattern) {
    ::glob_t found{};
    std::vector<std::string> paths;
    if (::glob((tree_.root() + pattern).c_str(), 0, nullptr, &found) == 0)
        for (std::size_t i = 0; i < found.gl_pathc; ++i)
            paths.emplace_back(std::string(found.gl_pathv[i]).substr(tree_.root().size()));
    ::globfree(&found);
    return paths;
}

void TreeFiles::count() {
    ++changes;
    if (fails_after && changes > *fails_after) {
        fails_after.reset();
        throw Error(Code::no_space, "No space left on device");
    }
}

void TreeFiles::write(const std::string& path, std::uint64_t offset, std::string_view bytes) {
    count();
    DirectoryFiles::write(path, offset, bytes);
}

void TreeFiles::cut(const std::string& path, std::uint64_t size) {
    count();
    DirectoryFiles::cut(path, size);
}

void TreeFiles::create(const std::string& path, std::string_view content, mode_t mode) {
    count();
    DirectoryFiles::create(path, content, mode);
}

void TreeFiles::link(const std::string& target, const std::string& path) {
    count();
    DirectoryFiles::link(target, path);
}

void TreeFiles::rename(const std::string& from, const std::string& to) {
    count();
    DirectoryFiles::rename(from, to);
}

IdentityChange assignment(const std::string& id) {
    IdentityChange change;
    change.id = id_of(id);
    return change;
}

IdentityChange sealing(bool uninitialized) {
    IdentityChange change;
    change.kind = IdentityChange::Kind::seal;
    change.uninitialized = uninitialized;
    return change;
}

}  // namespace virtbus::test
