// SPDX-License-Identifier: LGPL-2.1-or-later
#include "containers_test.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace virtbus::test {

namespace {

/// Answers on the console; SIGTERM and SIGHUP are how libvirt asks it to stop and to reboot.
constexpr const char* init_script = R"(#!/bin/sh
export PATH=/bin
trap 'echo container stops; exit 0' TERM
trap ': >/rebooted; reboot -f' HUP
mount -t proc proc /proc 2>/dev/null
exec 3<&0
while read -r line; do eval "$line"; done <&3 &
echo "container $(hostname) ready"
while :; do sleep 3600 & wait $!; done
)";

std::string read_file(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A pair of sockets: one end for the command.
struct Stream {
    Stream() {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
            throw std::runtime_error("no socket");
        ours = sdbus::UnixFd(ends[0], sdbus::adopt_fd);
        theirs = sdbus::UnixFd(ends[1], sdbus::adopt_fd);
    }

    [[nodiscard]] std::string read_all() const {
        std::string text;
        std::array<char, 4'096> buffer{};
        for (ssize_t size = 0; (size = ::read(ours.get(), buffer.data(), buffer.size())) > 0;)
            text.append(buffer.data(), static_cast<std::size_t>(size));
        return text;
    }

    sdbus::UnixFd ours;
    sdbus::UnixFd theirs;
};

}  // namespace

ContainersTest::ContainersTest() : MachineTest(environment("DBUS_SYSTEM_BUS_ADDRESS"), "lxc") {
    // The daemon connects beside its start.
    for (const auto* path : {lxc, qemu}) {
        const auto its = actor.hypervisor(path);
        if (!actor.wait_until([&] { return its->Connected(); }))
            throw std::runtime_error(fmt::format("{} is not connected: {}", path, its->ConnectionError()));
    }
}

std::string ContainersTest::new_name() {
    static int number = 0;
    return fmt::format("box-{}", ++number);
}

fs::path ContainersTest::make_root(const std::string& name) {
    const fs::path root = "/var/lib/libvirt/filesystems/" + name;
    for (const auto* directory : {"bin", "dev", "proc", "sys", "etc", "tmp", "root"})
        fs::create_directories(root / directory);
    fs::copy_file("/bin/busybox", root / "bin/busybox");
    for (const auto* applet : {"sh", "cat", "echo", "env", "hostname", "id", "kill", "ls", "mount", "reboot", "sleep",
                               "true", "uname", "umount", "wc"})
        fs::create_symlink("busybox", root / "bin" / applet);
    std::ofstream(root / "init") << init_script;
    fs::permissions(root / "init", fs::perms::owner_all);
    return root;
}

VariantMap ContainersTest::container_spec(const std::string& name) {
    return {{"name", name},
            {"memory", std::uint64_t{64} << 20},
            {"root", make_root(name).string()},
            {"init", std::string("/init")}};
}

VariantMap ContainersTest::vm_spec() {
    const auto directory = environment("VIRTBUS_GUEST_DIR");
    return {{"name", new_name()},
            {"memory", std::uint64_t{128} << 20},
            {"kernel", directory + "/vmlinuz"},
            {"initrd", directory + "/initrd.img"},
            {"cmdline", guest_command_line},
            {"interfaces", std::vector<VariantMap>{}}};
}

std::string ContainersTest::create_ready(const std::string& name) {
    const auto path = create(lxc, container_spec(name));
    machine(path)->Start({});
    Console console(machine(path)->OpenConsole({}));
    EXPECT_TRUE(console.wait_for("ready"));
    return path;
}

std::set<std::string> ContainersTest::interfaces(const std::string& path) {
    std::set<std::string> names;
    const auto objects = observer.manager()->GetManagedObjects();
    for (const auto& [name, properties] : objects.at(path)) names.insert(name);
    return names;
}

std::string ContainersTest::begin(const std::string& path, const std::vector<std::string>& words,
                                  const VariantMap& options) {
    Stream input, output, errors;
    return machine(path)->RunCommand(words, input.theirs, output.theirs, errors.theirs, options);
}

Ended ContainersTest::run(const std::string& path, const std::vector<std::string>& words, const std::string& input) {
    Stream in, out, err;
    const auto job = machine(path)->RunCommand(words, in.theirs, out.theirs, err.theirs, {});
    for (auto* stream : {&in, &out, &err}) stream->theirs.reset();
    ::send(in.ours.get(), input.data(), input.size(), MSG_NOSIGNAL);
    in.ours.reset();
    Ended ended;
    std::thread reader([&] { ended.errors = err.read_all(); });
    ended.output = out.read_all();
    reader.join();
    ended.state = finish(job);
    const auto proxy = actor.job(job);
    ended.error = proxy->Error().get<0>();
    ended.reason = proxy->Error().get<1>();
    const auto result = proxy->Result();
    if (result.contains("exit_code")) ended.exit_code = result.at("exit_code").get<std::uint64_t>();
    if (result.contains("signal")) ended.signal = result.at("signal").get<std::uint64_t>();
    return ended;
}

std::string ContainersTest::cgroup(const std::string& name, const std::string& controller, const std::string& file) {
    for (const auto& entry : fs::recursive_directory_iterator("/sys/fs/cgroup/" + controller))
        if (entry.is_directory() &&
            entry.path().filename().string().find("-" + name + ".libvirt-lxc") != std::string::npos)
            return read_file(entry.path() / file);
    return "there is no cgroup";
}

pid_t ContainersTest::command_of(const std::string& job, const std::vector<std::string>& words) {
    const auto its = actor.job(job);
    pid_t found = 0;
    actor.wait_until([&] { return (found = process(words)) != 0 || its->State() != "running"; });
    EXPECT_NE(found, 0) << its->State() << ": " << its->Error().get<1>();
    return found;
}

pid_t ContainersTest::process(const std::vector<std::string>& words) {
    std::string wanted;
    for (const auto& word : words) wanted += word + '\0';
    for (const auto& entry : fs::directory_iterator("/proc"))
        if (read_file(entry.path() / "cmdline") == wanted) return std::stoi(entry.path().filename().string());
    return 0;
}

std::string ContainersTest::status(pid_t pid, const std::string& key) {
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(file, line);)
        if (line.rfind(key + ":", 0) == 0) return line.substr(key.size() + 1);
    return "";
}

}  // namespace virtbus::test
