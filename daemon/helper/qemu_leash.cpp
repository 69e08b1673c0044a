// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/qemu_leash.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace virtbus {

namespace {

constexpr auto* program_variable = "VIRTBUS_GUEST_QEMU";
constexpr auto* parent_variable = "VIRTBUS_GUEST_QEMU_PARENT";

}  // namespace

void prepare_leash(const std::string& qemu) {
    ::setenv(program_variable, qemu.c_str(), 1);
    ::setenv(parent_variable, std::to_string(::getpid()).c_str(), 1);
}

bool is_in_place_of_qemu() { return std::getenv(program_variable) != nullptr; }

int become_qemu(char** arguments) {
    const std::string program = std::getenv(program_variable);
    const char* parent = std::getenv(parent_variable);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have died before we could hear of it.
    if (parent == nullptr || std::to_string(::getppid()) != parent) return EXIT_FAILURE;
    ::execv(program.c_str(), arguments);
    std::fprintf(stderr, "Cannot start %s: %s\n", program.c_str(), std::strerror(errno));
    return EXIT_FAILURE;
}

}  // namespace virtbus
