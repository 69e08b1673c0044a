// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of containers share: one client that acts, another that sees what every client sees, a host with the
// hypervisors lxc and qemu, containers of busybox, and machines of the small guest. Runs inside run-host.
#pragma once

#include "support/machine_test.h"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace virtbus::test {

namespace fs = std::filesystem;

/// How a command in a container ended, and what it wrote.
struct Ended {
    std::string state;  ///< of the job
    std::string error;  ///< its name
    std::string reason;
    std::uint64_t exit_code = 0;
    std::uint64_t signal = 0;
    std::string output;
    std::string errors;
};

class ContainersTest : public MachineTest {
protected:
    static constexpr const char* lxc = "/org/virtbus1/hypervisor/lxc";
    static constexpr const char* qemu = "/org/virtbus1/hypervisor/qemu";

    ContainersTest();

    /// A name that no other test has.
    static std::string new_name();
    /// A root directory of busybox, called `name`, whose init answers on the console, and stops when it is asked.
    static fs::path make_root(const std::string& name);

    static VariantMap container_spec(const std::string& name);
    static VariantMap vm_spec();
    /// Creates and starts a container, and waits until its init says that it is ready.
    std::string create_ready(const std::string& name);

    /// The interfaces of virtbus that an object has, as ObjectManager tells the second client.
    std::set<std::string> interfaces(const std::string& path);

    /// Begins a command that reads nothing, and whose output nobody reads.
    std::string begin(const std::string& path, const std::vector<std::string>& words, const VariantMap& options = {});
    Ended run(const std::string& path, const std::vector<std::string>& words, const std::string& input = {});
    /// The same of a line for sh.
    Ended shell(const std::string& path, const std::string& line) { return run(path, {"sh", "-c", line}); }

    /// What a file of the container's cgroup of this controller says.
    static std::string cgroup(const std::string& name, const std::string& controller, const std::string& file);
    /// The process of this host that a job's command has become; 0, with the reason told, when the job ends without
    /// one.
    pid_t command_of(const std::string& job, const std::vector<std::string>& words);
    /// The process of this host whose command line is this; 0 where there is none.
    static pid_t process(const std::vector<std::string>& words);
    /// What follows `key` in /proc/PID/status.
    static std::string status(pid_t pid, const std::string& key);
};

}  // namespace virtbus::test
