// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of containers share: one client that acts, another that sees what every client sees, and a host with the
// hypervisors lxc and qemu. Runs inside run-host.
#pragma once

#include "support/client.h"

#include <gtest/gtest.h>

#include <string>

namespace virtbus::test {

class ContainersTest : public testing::Test {
protected:
    static constexpr const char* lxc = "/org/virtbus1/hypervisor/lxc";
    static constexpr const char* qemu = "/org/virtbus1/hypervisor/qemu";

    ContainersTest();

    Client actor;
    Client observer;
};

}  // namespace virtbus::test
