// SPDX-License-Identifier: LGPL-2.1-or-later
// attempts: what a service that somebody has taken over would try. Prints the name of each attempt that succeeds, one a
// line, and "done"; run with a unit's settings it shows what its sandbox is worth.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

bool can_write(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ::close(fd);
    return true;
}

/// Something in it: what systemd makes inaccessible is empty for root.
bool can_read(const char* path) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    char byte = 0;
    const bool can = fd >= 0 && ::read(fd, &byte, 1) == 1;
    if (fd >= 0) ::close(fd);
    return can;
}

bool can_connect(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(static_cast<char*>(address.sun_path), path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool can = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return can;
}

/// To what it is already.
bool can_set_hostname() {
    std::array<char, 65> name{};
    ::gethostname(name.data(), name.size() - 1);
    return ::sethostname(name.data(), std::strlen(name.data())) == 0;
}

bool can_open_socket(int domain, int type) {
    const int fd = ::socket(domain, type | SOCK_CLOEXEC, 0);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

bool can_run_written_code() {
    void* memory = ::mmap(nullptr, 4'096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED;
}

bool can_set_clock() {
    timex nothing{};
    nothing.modes = ADJ_OFFSET;
    return ::adjtimex(&nothing) >= 0;
}

/// In the order of their names; what goes into another namespace comes last, as it changes what the others find.
const std::vector<std::pair<const char*, std::function<bool()>>> attempts{
    {"become-root", [] { return ::geteuid() != 0 && ::setuid(0) == 0; }},
    {"device", [] { return ::mknod("/tmp/attempt-device", S_IFBLK | 0600, makedev(7, 0)) == 0; }},
    {"etc", [] { return can_write("/etc/attempt"); }},
    {"hostname", can_set_hostname},
    {"inet", [] { return can_open_socket(AF_INET, SOCK_STREAM); }},
    {"kernel-log", [] { return ::syscall(SYS_syslog, 10, nullptr, 0) >= 0; }},
    {"libvirt", [] { return can_connect("/run/libvirt/libvirt-sock"); }},
    {"memory", [] { return can_read("/dev/mem"); }},
    {"module", [] { return ::syscall(SYS_delete_module, "attempt", 0) == 0 || errno == ENOENT; }},
    {"mount", [] { return ::mount("attempt", "/tmp", "tmpfs", 0, nullptr) == 0; }},
    {"netlink", [] { return can_open_socket(AF_NETLINK, SOCK_RAW); }},
    {"others-processes", [] { return can_read("/proc/1/status"); }},
    {"packet", [] { return can_open_socket(AF_PACKET, SOCK_RAW); }},
    {"ptrace", [] { return ::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr) == 0; }},
    {"roots-home", [] { return can_write("/root/attempt"); }},
    {"set-clock", can_set_clock},
    {"shadow", [] { return can_read("/etc/shadow"); }},
    {"state-of-virtbusd", [] { return can_write("/var/lib/virtbus/attempt"); }},
    {"sysctl", [] { return can_write("/proc/sys/net/ipv4/ip_forward"); }},
    {"system-bus", [] { return can_connect("/run/dbus/system_bus_socket"); }},
    {"usr", [] { return can_write("/usr/attempt"); }},
    {"var", [] { return can_write("/var/attempt"); }},
    {"written-code", can_run_written_code},
    {"new-namespace", [] { return ::unshare(CLONE_NEWUSER) == 0 || ::unshare(CLONE_NEWNS) == 0; }},
};

}  // namespace

int main() {
    for (const auto& [name, attempt] : attempts)
        if (attempt()) std::puts(name);
    std::puts("done");
    return 0;
}
