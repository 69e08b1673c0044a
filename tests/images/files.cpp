// SPDX-License-Identifier: LGPL-2.1-or-later
#include "files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

namespace virtbus::test {

namespace {

class Sha256 {
public:
    Sha256() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
    void add(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
    std::string hex() {
        std::array<unsigned char, 32> digest{};
        EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
        std::string text;
        for (const auto byte : digest) text += fmt::format("{:02x}", byte);
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

class File {
public:
    File(const Path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
        if (fd_ < 0) throw std::runtime_error(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { ::close(fd_); }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

/// Fills `buffer` with random data; quick.
void fill(std::vector<std::uint64_t>& buffer, std::mt19937_64& random) {
    for (auto& word : buffer) word = random();
}

std::mt19937_64& random_data() {
    static std::mt19937_64 generator(20'001);
    return generator;
}

void write_random(int fd, std::uint64_t at, std::uint64_t size) {
    std::vector<std::uint64_t> buffer(mebibyte / 8);
    for (std::uint64_t done = 0; done < size;) {
        fill(buffer, random_data());
        const auto part = std::min<std::uint64_t>(size - done, mebibyte);
        if (::pwrite(fd, buffer.data(), part, static_cast<off_t>(at + done)) != static_cast<ssize_t>(part))
            throw std::runtime_error("cannot write random data");
        done += part;
    }
}

}  // namespace

Ran run(const std::vector<std::string>& words) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    pid_t pid = 0;
    const int failed = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    Ran ran;
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 0; (size = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        ran.output.append(buffer.data(), static_cast<std::size_t>(size));
    ::close(ends[0]);
    if (failed != 0) throw std::runtime_error(fmt::format("cannot run {}: {}", words[0], std::strerror(failed)));
    int status = 0;
    ::waitpid(pid, &status, 0);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ran;
}

std::string output_of(const std::vector<std::string>& words) {
    auto ran = run(words);
    EXPECT_EQ(ran.status, 0) << testing::PrintToString(words) << " wrote " << ran.output;
    return std::move(ran.output);
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(fmt::format("{} is not set: run this inside scripts/sandbox", name));
    return value;
}

Json qemu_info(const Path& file) { return Json::parse(output_of({"qemu-img", "info", "-U", "--output=json", file})); }

bool is_same_content(const Path& one, const std::string& one_format, const Path& other,
                     const std::string& other_format) {
    return run({"qemu-img", "compare", "-q", "-f", one_format, "-F", other_format, one, other}).status == 0;
}

bool is_sound(const Path& file) { return run({"qemu-img", "check", "-q", "-f", "qcow2", file}).status == 0; }

std::uint64_t bytes_on_disk(const Path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) throw std::runtime_error(file.string() + " is not there");
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

std::string sha256_of(const Path& path) {
    const File file(path, O_RDONLY);
    Sha256 sum;
    std::vector<char> buffer(mebibyte);
    for (ssize_t size = 0; (size = ::read(file.fd(), buffer.data(), buffer.size())) > 0;)
        sum.add(buffer.data(), static_cast<std::size_t>(size));
    return sum.hex();
}

std::string fingerprint(const Path& path) {
    constexpr std::size_t block = 4'096;
    static const std::vector<char> zeros(block);
    const File file(path, O_RDONLY);
    Sha256 sum;
    std::vector<char> buffer(mebibyte);
    off_t end = 0;
    for (off_t at = 0; (at = ::lseek(file.fd(), end, SEEK_DATA)) >= 0;) {
        end = ::lseek(file.fd(), at, SEEK_HOLE);
        for (; at < end;) {
            const auto want = std::min<off_t>(end - at, static_cast<off_t>(buffer.size()));
            const auto size = ::pread(file.fd(), buffer.data(), static_cast<std::size_t>(want), at);
            if (size <= 0) throw std::runtime_error("cannot read " + path.string());
            for (off_t i = 0; i < size; i += static_cast<off_t>(block)) {
                const auto part = std::min(block, static_cast<std::size_t>(size - i));
                if (std::memcmp(buffer.data() + i, zeros.data(), part) == 0) continue;
                const off_t place = at + i;
                sum.add(&place, sizeof place);
                sum.add(buffer.data() + i, part);
            }
            at += size;
        }
    }
    const auto size = std::filesystem::file_size(path);
    sum.add(&size, sizeof size);
    return sum.hex();
}

void make_sparse(const Path& path, std::uint64_t size, std::uint64_t data, std::uint64_t piece) {
    const File file(path, O_RDWR | O_CREAT | O_TRUNC);
    if (::ftruncate(file.fd(), static_cast<off_t>(size)) != 0) throw std::runtime_error("cannot make " + path.string());
    const auto pieces = data / piece;
    for (std::uint64_t i = 0; i < pieces; ++i) write_random(file.fd(), size / pieces * i / 4'096 * 4'096, piece);
}

void make_random(const Path& path, std::uint64_t size) {
    const File file(path, O_RDWR | O_CREAT | O_TRUNC);
    write_random(file.fd(), 0, size);
}

void write_file(const Path& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

std::string read_text(const Path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

void patch(const Path& path, std::uint64_t offset, const std::string& bytes) {
    const File file(path, O_RDWR);
    if (::pwrite(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("cannot patch " + path.string());
}

std::string big_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (i * 8) & 0xff);
    return text;
}

std::vector<std::string> names_in(const Path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> temporaries_in(const Path& directory) {
    auto names = names_in(directory);
    names.erase(
        std::remove_if(names.begin(), names.end(), [](const auto& name) { return name.rfind(".virtbus-", 0) != 0; }),
        names.end());
    return names;
}

}  // namespace virtbus::test
