// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/private_bus.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace virtbus::test {

namespace {

namespace fs = std::filesystem;

constexpr int start_patience_ms = 20'000;
constexpr int address_fd = 3;

// As Debian's session.conf: its limits are what the session bus really has.
constexpr const char* session_policy = R"(
  <type>session</type>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_message_size">1000000000</limit>
  <limit name="max_replies_per_connection">50000</limit>
  <limit name="max_match_rules_per_connection">50000</limit>)";

// As Debian's system.conf, with the file that is installed beside it, and polkit's.
constexpr const char* system_policy = R"(
  <type>system</type>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>)" VIRTBUS_BUS_POLICY R"(</include>)";

fs::path make_directory() {
    std::string pattern = (fs::temp_directory_path() / "virtbus-bus.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "cannot make a directory for the bus");
    // Other users have to reach the socket; the directory has nothing else of interest.
    fs::permissions(pattern, fs::perms::others_exec | fs::perms::group_exec, fs::perm_options::add);
    return pattern;
}

void write_config(const fs::path& directory, PrivateBus::Policy policy) {
    std::ofstream file(directory / "bus.conf");
    file << R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>)"
         << fmt::format("\n  <listen>unix:path={}/socket</listen>", directory.string()) << "\n  <auth>EXTERNAL</auth>"
         << (policy == PrivateBus::Policy::session ? session_policy : system_policy) << "\n</busconfig>\n";
    if (!file.flush()) throw std::runtime_error("cannot write the bus's configuration");
}

/// Ends with the test, however that ends. What it says matters only when it does not start.
[[noreturn]] void become_daemon(const char* config, const char* log, int address) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int output = ::open(log, O_WRONLY | O_CREAT, 0600);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::dup2(address, address_fd);
    ::execlp("dbus-daemon", "dbus-daemon", config, "--nofork", "--nopidfile", "--nosyslog", "--print-address=3",
             nullptr);
    ::_exit(127);
}

/// The first line that comes from `fd`; nothing when it ends before, or takes too long.
std::string read_line(int fd) {
    std::string line;
    for (;;) {
        pollfd wait{fd, POLLIN, 0};
        if (::poll(&wait, 1, start_patience_ms) <= 0) return {};
        std::array<char, 256> part{};
        const auto count = ::read(fd, part.data(), part.size());
        if (count <= 0) return {};
        line.append(part.data(), static_cast<std::size_t>(count));
        if (const auto end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
    }
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

PrivateBus::PrivateBus(Policy policy) : directory_(make_directory()) {
    write_config(directory_, policy);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");

    const auto config = fmt::format("--config-file={}/bus.conf", directory_.string());
    const auto log = directory_ / "log";
    daemon_ = ::fork();
    if (daemon_ == 0) become_daemon(config.c_str(), log.c_str(), ends[1]);
    ::close(ends[1]);
    if (daemon_ > 0) address_ = read_line(ends[0]);
    ::close(ends[0]);
    if (!address_.empty()) return;
    const auto said = read_file(log);
    end();
    throw std::runtime_error("dbus-daemon does not start: " + said);
}

PrivateBus::~PrivateBus() { end(); }

void PrivateBus::end() {
    if (daemon_ > 0) {
        ::kill(daemon_, SIGTERM);
        ::waitpid(daemon_, nullptr, 0);
    }
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

}  // namespace virtbus::test
