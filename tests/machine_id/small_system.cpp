// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_id/small_system.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace virtbus::test {

namespace fs = std::filesystem;

namespace {

constexpr auto uuidgen = "/usr/bin/dbus-uuidgen";

[[noreturn]] void fail(const std::string& act) { throw std::system_error(errno, std::generic_category(), act); }

std::string output_of(const std::string& command) {
    std::string output;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) fail(command);
    std::array<char, 4096> buffer{};
    while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) output += buffer.data();
    if (::pclose(pipe) != 0) throw std::runtime_error(command + " failed");
    return output;
}

/// dbus-uuidgen and the libraries it needs.
const std::vector<fs::path>& program_files() {
    static const auto files = [] {
        std::vector<fs::path> found{uuidgen};
        const auto listed = output_of(std::string("ldd ") + uuidgen);
        static const std::regex path(R"((/\S+) \(0x)");
        for (auto i = std::sregex_iterator(listed.begin(), listed.end(), path); i != std::sregex_iterator(); ++i)
            found.emplace_back((*i)[1].str());
        return found;
    }();
    return files;
}

/// Copied once; every tree has links to the copies, for there are hundreds.
const fs::path& program_store() {
    struct Store {
        fs::path path = "/var/tmp/virtbus-machine-id.XXXXXX";
        Store() {
            auto name = path.string();
            if (::mkdtemp(name.data()) == nullptr) fail("mkdtemp");
            path = name;
            for (const auto& file : program_files()) {
                fs::create_directories(path / file.parent_path().relative_path());
                fs::copy_file(file, path / file.relative_path());
            }
        }
        ~Store() {
            std::error_code ignored;
            fs::remove_all(path, ignored);
        }
    };
    static const Store store;
    return store.path;
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

[[noreturn]] void be_child(const std::function<int()>& piece, int output, int errors) {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    int status = 99;
    try {
        status = piece();
    } catch (const std::exception& error) {
        static_cast<void>(::dprintf(STDERR_FILENO, "%s\n", error.what()));
    }
    ::_exit(status);
}

bool waited_for(::pid_t child, std::chrono::milliseconds limit, int& status) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

std::string known_or_new(const std::string& content) {
    static const std::regex line("[0-9a-f]{32}\n");
    const bool is_known = content == id_a + "\n" || content == id_b + "\n";
    return !is_known && std::regex_match(content, line) && content != std::string(32, '0') + "\n" &&
                   content != std::string(32, 'f') + "\n"
               ? "new id"
               : content;
}

/// Once, before anything else is done as root; a failure fails the test.
void protect_host() {
    static const bool done = [] {
        use_own_mounts();
        for (const auto* path : {"/etc", "/var/lib"}) {
            if (::mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) != 0) fail("protect the host");
            if (::mount("none", path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
                fail("protect the host");
        }
        write_file(program_store() / "decoy", id_a + "\n");
        const auto decoy = (program_store() / "decoy").string();
        if (fs::exists("/etc/machine-id") && ::mount(decoy.c_str(), "/etc/machine-id", nullptr, MS_BIND, nullptr) != 0)
            fail("hide the machine-id of the host");
        return true;
    }();
    static_cast<void>(done);
}

}  // namespace

Ended run_in_child(const std::function<int()>& piece, std::chrono::milliseconds limit) {
    // Files, so that nobody has to read while it runs.
    const UniqueFd output(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    const UniqueFd errors(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!output || !errors) fail("open a temporary file");
    // What waits to be written would be written by the child, too.
    std::cout.flush();
    std::fflush(nullptr);
    const auto child = ::fork();
    if (child < 0) fail("fork");
    if (child == 0) be_child(piece, output.get(), errors.get());
    Ended ended;
    int status = 0;
    ended.in_time = waited_for(child, limit, status);
    if (!ended.in_time) {
        ::kill(child, SIGKILL);
        ::waitpid(child, &status, 0);
    }
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ::lseek(output.get(), 0, SEEK_SET);
    ::lseek(errors.get(), 0, SEEK_SET);
    ended.output = read_all(output.get());
    ended.errors = read_all(errors.get());
    return ended;
}

std::ostream& operator<<(std::ostream& stream, const FileState& state) {
    return stream << state.kind << " mode " << std::oct << state.mode << std::dec << " owner " << state.owner << " of "
                  << state.content.size() << " bytes: " << state.content.substr(0, 80);
}

FileState state_of(const fs::path& path) {
    struct ::stat found {};
    if (::lstat(path.c_str(), &found) != 0) return {.kind = "absent", .content = ""};
    FileState state{.kind = "other", .mode = found.st_mode & 07777, .owner = found.st_uid, .content = ""};
    if (S_ISREG(found.st_mode)) {
        state.kind = "file";
        state.content = known_or_new(read_file(path));
    } else if (S_ISLNK(found.st_mode)) {
        state.kind = "link";
        state.content = fs::read_symlink(path);
    } else if (S_ISDIR(found.st_mode)) {
        state.kind = "directory";
    }
    return state;
}

SmallSystem::SmallSystem() {
    std::string name = "/var/tmp/virtbus-machine-id.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) fail("mkdtemp");
    base_ = name;
    root_ = base_ / "root";
    fs::permissions(base_, fs::perms(0755));
    fs::create_directories(root_ / "etc");
    fs::create_directories(root_ / "var/lib/dbus");
    fs::create_directories(root_ / "dev");
    for (const auto& file : program_files()) {
        fs::create_directories(root_ / file.parent_path().relative_path());
        fs::create_hard_link(program_store() / file.relative_path(), root_ / file.relative_path());
    }
}

SmallSystem::~SmallSystem() {
    std::error_code ignored;
    fs::remove_all(base_, ignored);
}

std::vector<std::string> SmallSystem::names() const {
    std::vector<std::string> names;
    for (const auto& directory : {etc().parent_path(), dbus().parent_path()})
        if (fs::is_directory(directory))
            for (const auto& entry : fs::directory_iterator(directory))
                names.push_back(entry.path().lexically_relative(root_));
    std::sort(names.begin(), names.end());
    return names;
}

Ended SmallSystem::dbus_uuidgen(const std::string& argument, ::uid_t user, ::mode_t mask, const std::string& directory,
                                std::chrono::seconds limit) const {
    return run_in_child(
        [&]() -> int {
            if (::chroot(root_.c_str()) != 0 || ::chdir(directory.c_str()) != 0) fail("chroot");
            ::umask(mask);
            if (user != 0 && (::setgid(user) != 0 || ::setuid(user) != 0)) fail("setuid");
            ::execl(uuidgen, uuidgen, argument.c_str(), static_cast<char*>(nullptr));
            fail("execl");
        },
        limit);
}

std::string SmallSystem::systemd_says() const {
    // A process of its own also because libsystemd remembers what it has read.
    return run_in_child([&] {
               ::sd_id128_t id{};
               if (::chroot(root_.c_str()) != 0) fail("chroot");
               const int result = ::sd_id128_get_machine(&id);
               char text[SD_ID128_STRING_MAX];
               std::cout << (result < 0 ? std::to_string(result) : ::sd_id128_to_string(id, text)) << std::flush;
               return 0;
           })
        .output;
}

void write_file(const fs::path& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary);
    if (!(file << content).flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string line_in(const std::string& output) {
    return !output.empty() && output.back() == '\n' ? output.substr(0, output.size() - 1) : output;
}

void RootTest::SetUp() {
    if (::geteuid() != 0) GTEST_SKIP() << "NOT TESTED: this needs root, for chroot(2) and mount(2)";
    protect_host();
}

void use_own_mounts() {
    // It throws if it fails, and nothing is mounted then.
    static const bool done = [] {
        if (::unshare(CLONE_NEWNS) != 0) fail("unshare");
        if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("make the mounts private");
        return true;
    }();
    static_cast<void>(done);
}

Mounted::Mounted(const std::string& what, const fs::path& where, const std::string& type, unsigned long flags,
                 const std::string& options)
    : where_(where) {
    use_own_mounts();
    if (::mount(what.c_str(), where_.c_str(), type.c_str(), flags, options.c_str()) != 0) fail("mount on " + where_);
}

Mounted::~Mounted() { ::umount2(where_.c_str(), MNT_DETACH); }

}  // namespace virtbus::test
