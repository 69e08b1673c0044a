// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbus's services cannot do, by attempts from inside of them; and whom their helpers serve, and what not.
#include "commands.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

namespace virtbus::test {

namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using Names = std::set<std::string>;

constexpr const char* units = "/lib/systemd/system/";
constexpr const char* attempts_unit = "/run/systemd/system/virtbus-attempts.service";
constexpr const char* result = "/run/attempts";

/// Where every sandbox lets it be seen, which a build below /tmp is not.
std::string attempts_program() {
    const std::string program = "/usr/local/bin/attempts";
    std::filesystem::copy_file(std::string(std::getenv("VIRTBUS_BUILD")) + "/tests/system/attempts", program,
                               std::filesystem::copy_options::overwrite_existing);
    return program;
}

Names names_in(const std::string& text) {
    std::istringstream lines(text);
    Names names;
    for (std::string line; std::getline(lines, line);) names.insert(line);
    EXPECT_EQ(names.erase("done"), 1U) << "it did not come to its end: " << text;
    return names;
}

/// What succeeds with the settings of a unit.
Names successes(const std::string& unit) {
    // But not with its name on the bus, which the unit itself may have.
    write_file(attempts_unit, output_of({"sed", "/^BusName=/d", units + unit}));
    const DropIn attempts(
        "virtbus-attempts.service",
        fmt::format("[Service]\nType=oneshot\nWatchdogSec=0\nRestart=no\n"
                    "ExecStart=\nExecStart={}\nExecReload=\nStandardInput=null\nStandardOutput=truncate:{}\n",
                    attempts_program(), result));
    const auto started = run_command({"systemctl", "start", "virtbus-attempts.service"});
    EXPECT_EQ(started.code, 0) << started << journal_of("virtbus-attempts.service");
    return names_in(output_of({"cat", result}));
}

/// The figure of `systemd-analyze security`, from 0 (safe) to 10.
double exposure(const std::string& unit) {
    std::istringstream words(output_of({"systemd-analyze", "security", "--no-pager", unit}));
    std::string all(std::istreambuf_iterator<char>(words), {});
    constexpr std::string_view before = ": ";
    return std::stod(all.substr(all.find(before, all.find("Overall exposure level")) + before.size()));
}

/// What `user` hears when it asks a helper for that; "" when it hears nothing.
std::string ask(const std::string& user, const std::string& helper, const std::string& request) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    const auto* entry = ::getpwnam(user.c_str());
    const pid_t pid = ::fork();
    if (pid == 0) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        ("/run/virtbus/" + helper).copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
        // Connected as root, who may; but it is whoever connects that counts.
        if (::setgid(entry->pw_gid) != 0 || ::setuid(entry->pw_uid) != 0) ::_exit(1);
        if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            static_cast<void>(::write(pipe[1], "no way in", 9));
            ::_exit(0);
        }
        const auto line = request + "\n";
        ::send(socket, line.data(), line.size(), MSG_NOSIGNAL);
        std::array<char, 4'096> buffer{};
        for (ssize_t size = 0; (size = ::read(socket, buffer.data(), buffer.size())) > 0;)
            static_cast<void>(::write(pipe[1], buffer.data(), static_cast<std::size_t>(size)));
        ::_exit(0);
    }
    ::close(pipe[1]);
    std::string text;
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 0; (size = ::read(pipe[0], buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(size));
    ::close(pipe[0]);
    ::waitpid(pid, nullptr, 0);
    return text;
}

std::string create_in(const std::string& directory) {
    return fmt::format(
        R"({{"operation":"create","size":1048576,"target":{{"directory":"{}",)"
        R"("temporary":".virtbus-attempt","name":"attempt","format":"raw","preallocation":"off","replace":false}}}})",
        directory);
}

TEST(SandboxTest, WhatIsTriedSucceedsOutsideOfASandbox) {
    const auto outside = names_in(output_of({"unshare", "--mount", attempts_program()}));
    EXPECT_THAT(outside,
                AllOf(Contains("etc"), Contains("inet"), Contains("mount"), Contains("ptrace"), Contains("usr"),
                      Contains("others-processes"), Contains("written-code"), Contains("new-namespace"),
                      Contains("hostname"), Contains("shadow"), Contains("system-bus"), Contains("libvirt")));
    for (const auto* path :
         {"/etc/attempt", "/usr/attempt", "/var/attempt", "/root/attempt", "/var/lib/virtbus/attempt"})
        std::filesystem::remove(path);
}

TEST(SandboxTest, TheDaemonCanTalkAndKeepItsState) {
    EXPECT_EQ(successes("virtbus.service"), (Names{"libvirt", "state-of-virtbusd", "system-bus"}));
}

TEST(SandboxTest, TheHelpersForFilesCanWriteWhereFilesMayBe) {
    EXPECT_EQ(successes("virtbus-helper@.service"), (Names{"others-processes", "var"}));
    EXPECT_EQ(successes("virtbus-guest-helper@.service"), (Names{"others-processes", "var", "written-code"}));
}

TEST(SandboxTest, TheHelperForTheMachineIdCanWriteBesideIt) {
    EXPECT_EQ(successes("virtbus-host-helper@.service"), (Names{"etc", "others-processes"}));
}

TEST(SandboxTest, TheHelperForContainersIsBoundWhereACommandIsNot) {
    const auto inside = successes("virtbus-container-helper@.service");
    for (const auto* name : {"etc", "usr", "var", "shadow", "roots-home", "state-of-virtbusd", "system-bus", "libvirt",
                             "memory", "device", "set-clock", "module"})
        EXPECT_FALSE(inside.contains(name)) << name;
}

TEST(SandboxTest, TheFiguresAreLow) {
    EXPECT_LE(exposure("virtbus.service"), 1.5);
    for (const auto* helper :
         {"virtbus-helper@x.service", "virtbus-host-helper@x.service", "virtbus-guest-helper@x.service"})
        EXPECT_LE(exposure(helper), 4.0) << helper;
    // What binds this one would bind the container's command.
    EXPECT_LE(exposure("virtbus-container-helper@x.service"), 8.0);
}

TEST(HelperServiceTest, OnlyVirtbusIsServed) {
    const std::string request = create_in("/var/lib/libvirt/images");
    for (const auto* helper : {"helper", "host-helper", "guest-helper", "container-helper"}) {
        EXPECT_EQ(ask("nobody", helper, request), "no way in") << helper;
        EXPECT_EQ(ask("root", helper, request), "") << helper;
        EXPECT_THAT(ask("virtbus", helper, request), HasSubstr("}")) << helper;
    }
    EXPECT_TRUE(wait_until([] { return journal_of("virtbus-helper@*").find("Refused uid 0") != std::string::npos; }));
    EXPECT_TRUE(std::filesystem::remove("/var/lib/libvirt/images/attempt")) << "virtbus has made it";
}

TEST(HelperServiceTest, NotEvenVirtbusGoesWhereTheConfigurationDoesNotLetIt) {
    for (const auto* directory : {"/etc", "/var/tmp", "/root", "/", "/var/lib/libvirt/images/../qemu"})
        EXPECT_THAT(ask("virtbus", "helper", create_in(directory)), HasSubstr("\"error\"")) << directory;
    EXPECT_THAT(ask("virtbus", "helper", R"({"operation":"check","image":{"path":"/etc/shadow","format":"raw"}})"),
                HasSubstr("allowed-directories in the configuration"));
    EXPECT_THAT(ask("virtbus", "helper", R"({"operation":"host_ensure","root":"/","file":"etc"})"),
                HasSubstr("another service's"));
    EXPECT_THAT(ask("virtbus", "host-helper", R"({"operation":"host_ensure","root":"/var/tmp","file":"etc"})"),
                HasSubstr("not this host's root"));
    const auto read_identity = [](const std::string& system) {
        return ask("virtbus", "guest-helper", R"({"operation":"read_identity","kvm":false,"system":)" + system + "}");
    };
    EXPECT_THAT(read_identity(R"({"root":"","disks":[{"path":"/etc/shadow","format":"raw"}]})"),
                HasSubstr("allowed-directories in the configuration"));
    EXPECT_THAT(read_identity(R"({"root":"/","disks":[]})"), HasSubstr("container-directories"));
}

TEST(HelperServiceTest, TheConfigurationLetsThemGoElsewhere) {
    std::filesystem::create_directories("/srv/images");
    write_configuration({}, R"(, "allowed-directories": ["/srv/images"])");
    EXPECT_THAT(ask("virtbus", "helper", create_in("/srv/images")), HasSubstr("done"));
    EXPECT_TRUE(std::filesystem::exists("/srv/images/attempt"));
    EXPECT_THAT(ask("virtbus", "helper", create_in("/var/lib/libvirt/images")), HasSubstr("allowed-directories"));
    write_configuration({}, R"(, "allowed-directories": )");
    EXPECT_THAT(ask("virtbus", "helper", create_in("/srv/images")), HasSubstr("/etc/virtbus/virtbus.json: "));
    write_configuration();
}

}  // namespace

}  // namespace virtbus::test
