// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper_test.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace virtbus::test {

namespace {

struct Running {
    pid_t pid;
    UniqueFd output;
};

Running start(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    UniqueFd output(pipe[0]);
    const UniqueFd theirs(pipe[1]);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(theirs.get(), STDOUT_FILENO);
        ::execvp(pointers.front(), pointers.data());
        ::_exit(127);
    }
    return {pid, std::move(output)};
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 0; (size = ::read(fd, buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(size));
    return text;
}

/// Whether QEMU says by its locks that it reads the image.
bool is_locked(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_start = 100;
    lock.l_len = 1;
    return ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::filesystem::path new_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "vb-images-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return name;
}

}  // namespace

std::string helper_program() {
    const char* program = std::getenv("VIRTBUS_HELPER");
    if (program == nullptr) throw std::runtime_error("VIRTBUS_HELPER must be the path of virtbus-helper");
    return program;
}

std::string run(std::vector<std::string> words) {
    const auto name = words.at(0) + " " + (words.size() > 1 ? words[1] : "");
    const auto running = start(std::move(words));
    auto text = read_all(running.output.get());
    int status = 0;
    ::waitpid(running.pid, &status, 0);
    if (status != 0) throw std::runtime_error(name + " failed: " + text);
    return text;
}

bool wait_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

std::vector<pid_t> children() {
    std::vector<pid_t> found;
    std::error_code ignored;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
        std::ifstream file(task.path() / "children");
        for (pid_t pid = 0; file >> pid;) found.push_back(pid);
    }
    return found;
}

ImageUser::ImageUser(const std::string& path, bool read_only) {
    std::vector<std::string> words{"qemu-io", "-f", "qcow2", "-c", "sleep 600000", path};
    if (read_only) words.insert(words.begin() + 1, "-r");
    pid_ = start(std::move(words)).pid;
    if (!wait_until([&] { return is_locked(path); })) throw std::runtime_error("qemu-io does not open " + path);
}

ImageUser::~ImageUser() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

HelperTest::HelperTest() : tool_(helper_program()), directory_(new_directory()) {}

HelperTest::~HelperTest() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void HelperTest::TearDown() {
    EXPECT_EQ(temporaries(), std::vector<std::string>());
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was not waited for";
    EXPECT_EQ(errno, ECHILD);
}

NewFile HelperTest::target(const std::string& name, const std::string& format, Preallocation preallocation) const {
    return {.directory = directory_.string(),
            .temporary = ".virtbus-1",
            .name = name,
            .format = format,
            .preallocation = preallocation,
            .replace = false};
}

NewFile HelperTest::replacement(const std::string& name, const std::string& format) const {
    auto result = target(name, format);
    result.replace = true;
    return result;
}

std::string HelperTest::make_raw(const std::string& name, std::uint64_t size, std::uint64_t data) const {
    std::ofstream file(path(name), std::ios::binary);
    std::string block(mebibyte, '\0');
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 2'654'435'761U >> 13 | 1);
    for (std::uint64_t written = 0; written < data; written += mebibyte) {
        block.replace(0, 8, std::to_string(10'000'000 + written / mebibyte));  // no two are equal
        file.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
    file.close();
    std::filesystem::resize_file(path(name), size);
    return path(name);
}

std::string HelperTest::make_qcow2(const std::string& name, std::uint64_t size, std::uint64_t data) const {
    const auto raw = make_raw(name + ".raw", size, data);
    run({"qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path(name)});
    return path(name);
}

void HelperTest::write(const ImageFile& image, std::uint64_t offset, std::uint64_t size, int pattern) const {
    std::ostringstream command;
    command << "write -P " << pattern << " " << offset << " " << size;
    run({"qemu-io", "-f", image.format, "-c", command.str(), image.path});
}

void HelperTest::patch(const std::string& name, std::uint64_t offset, const std::string& bytes) const {
    std::fstream file(path(name), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

nlohmann::json HelperTest::info(const std::string& name, const std::string& format) const {
    return nlohmann::json::parse(run({"qemu-img", "info", "--output=json", "-f", format, path(name)}));
}

std::uint64_t HelperTest::allocated(const std::string& name) const {
    struct stat found {};
    if (::stat(path(name).c_str(), &found) != 0) throw std::runtime_error("stat " + name);
    return static_cast<std::uint64_t>(found.st_blocks) * 512;
}

std::string HelperTest::checksum(const std::string& name) const { return run({"sha256sum", path(name)}); }

bool HelperTest::have_equal_content(const ImageFile& one, const ImageFile& other) const {
    const auto text = run({"qemu-img", "compare", "-f", one.format, "-F", other.format, one.path, other.path});
    return text.find("identical") != std::string::npos;
}

std::vector<std::string> HelperTest::temporaries() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
        if (entry.path().filename().string().rfind(temporary_prefix, 0) == 0) found.push_back(entry.path().filename());
    return found;
}

}  // namespace virtbus::test
