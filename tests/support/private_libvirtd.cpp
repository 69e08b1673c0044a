// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/private_libvirtd.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace virtbus::test {

namespace {

constexpr auto patience = std::chrono::seconds(60);
constexpr uid_t nobody = 65534;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

/// A short path: sockets lie below it, and their paths hold 107 bytes.
std::filesystem::path make_directory() {
    std::string name = "/tmp/vb-libvirtd-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) fail("mkdtemp");
    for (const auto* part : {"", "/run", "/config", "/cache"}) {
        std::filesystem::create_directories(name + part);
        if (::geteuid() == 0 && ::chown((name + part).c_str(), nobody, nobody) != 0) fail("chown");
    }
    return name;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> result;
    for (auto& word : words) result.push_back(word.data());
    result.push_back(nullptr);
    return result;
}

bool accepts(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return connected;
}

/// Writes it into SASL's database.
void make_password(const std::filesystem::path& database, const std::string& user, const std::string& password) {
    const auto command = "saslpasswd2 -p -a libvirt -f '" + database.string() + "' '" + user + "'";
    FILE* const pipe = ::popen(command.c_str(), "w");
    if (pipe == nullptr) fail("popen");
    std::fwrite(password.data(), 1, password.size(), pipe);
    if (::pclose(pipe) != 0) throw std::runtime_error("saslpasswd2 has failed");
    if (::geteuid() == 0 && ::chown(database.c_str(), nobody, nobody) != 0) fail("chown");
}

}  // namespace

PrivateLibvirtd::PrivateLibvirtd() : directory_(make_directory()) {
    configure("none");
    start();
}

PrivateLibvirtd::PrivateLibvirtd(const Login& login) : directory_(make_directory()) {
    configure("sasl");
    const auto sasl = directory_ / "sasl";
    std::filesystem::create_directory(sasl);
    std::ofstream(sasl / "libvirt.conf")
        << "mech_list: scram-sha-256\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
        << "sasldb_path: " << (sasl / "passwords.db").string() << '\n';
    make_password(sasl / "passwords.db", login.user, login.password);
    start();
}

void PrivateLibvirtd::configure(const std::string& authentication) {
    std::ofstream(directory_ / "libvirtd.conf") << "auth_unix_rw = \"" << authentication << "\"\n"
                                                << "log_outputs = \"3:file:" << (directory_ / "log").string() << "\"\n";
}

PrivateLibvirtd::~PrivateLibvirtd() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::filesystem::path PrivateLibvirtd::socket() const { return directory_ / "run/libvirt/libvirt-sock"; }

std::string PrivateLibvirtd::uri() const { return uri("test", "/default"); }

std::string PrivateLibvirtd::uri(const std::string& driver, const std::string& path) const {
    return driver + "+unix://" + path + "?socket=" + socket().string();
}

void PrivateLibvirtd::start() {
    // A process that the last one was about to start may still hold the socket of that, and seem to listen.
    std::error_code ignored;
    std::filesystem::remove(socket(), ignored);
    std::vector<std::string> command{"libvirtd", "--config", directory_ / "libvirtd.conf", "--pid-file",
                                     directory_ / "pid"};
    const char* path = std::getenv("PATH");
    std::vector<std::string> environment{
        "HOME=" + directory_.string(),
        "XDG_RUNTIME_DIR=" + (directory_ / "run").string(),
        "XDG_CONFIG_HOME=" + (directory_ / "config").string(),
        "XDG_CACHE_HOME=" + (directory_ / "cache").string(),
        "SASL_CONF_PATH=" + (directory_ / "sasl").string(),
        "PATH=" + std::string(path != nullptr ? path : "") + ":/usr/sbin:/sbin",
    };
    const auto arguments = pointers(command);
    const auto variables = pointers(environment);
    ::setenv("PATH", environment.back().c_str() + 5, 1);  // where execvpe looks

    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
        // Between fork and exec only what signal-safety(7) allows: the test has threads.
        if (::geteuid() == 0 && (::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0))
            ::_exit(126);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execvpe(arguments.front(), arguments.data(), variables.data());
        ::_exit(127);
    }
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!accepts(socket())) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            throw std::runtime_error("libvirtd has ended, wait status " + std::to_string(status));
        }
        if (std::chrono::steady_clock::now() > end) throw std::runtime_error("libvirtd does not answer");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

void PrivateLibvirtd::freeze() { ::kill(pid_, SIGSTOP); }

void PrivateLibvirtd::thaw() { ::kill(pid_, SIGCONT); }

void PrivateLibvirtd::kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

void PrivateLibvirtd::restart() {
    kill();
    start();
}

std::string PrivateLibvirtd::virsh(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command{"virsh", "--quiet", "--connect", uri()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto words = pointers(command);
    std::array<int, 2> output{};
    if (::pipe2(output.data(), O_CLOEXEC) != 0) fail("pipe2");
    const pid_t child = ::fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        ::dup2(output[1], STDOUT_FILENO);
        ::dup2(output[1], STDERR_FILENO);
        ::execvp(words.front(), words.data());
        ::_exit(127);
    }
    ::close(output[1]);
    std::string text;
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 0; (size = ::read(output[0], buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(size));
    ::close(output[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error("virsh failed: " + text);
    return text;
}

}  // namespace virtbus::test
