// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper_program.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace virtbus::test {

namespace {

void add_children(pid_t pid, std::vector<pid_t>& found) {
    std::error_code ignored;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", ignored)) {
        std::ifstream file(task.path() / "children");
        for (pid_t child = 0; file >> child;) {
            found.push_back(child);
            add_children(child, found);
        }
    }
}

}  // namespace

std::string guest_helper_program() {
    const char* program = std::getenv("VIRTBUS_GUEST_HELPER");
    if (program == nullptr) throw std::runtime_error("VIRTBUS_GUEST_HELPER must be the path of virtbus-guest-helper");
    return program;
}

std::vector<pid_t> descendants() {
    std::vector<pid_t> found;
    add_children(::getpid(), found);
    return found;
}

std::vector<pid_t> descendants(const std::string& name) {
    std::vector<pid_t> found;
    for (const auto pid : descendants()) {
        std::string comm;
        std::ifstream("/proc/" + std::to_string(pid) + "/comm") >> comm;
        if (comm.find(name) != std::string::npos) found.push_back(pid);
    }
    return found;
}

}  // namespace virtbus::test
