// SPDX-License-Identifier: LGPL-2.1-or-later
// The host that the suite runs on: what its hypervisors are.
#include "containers_test.h"

namespace virtbus::test {

using HostTest = ContainersTest;
using Words = std::vector<std::string>;

TEST_F(HostTest, ContainersHaveAHypervisorBesideMachines) {
    const auto containers = actor.hypervisor(lxc);
    EXPECT_EQ(containers->Driver(), "lxc");
    EXPECT_EQ(containers->Type(), "container");
    EXPECT_EQ(containers->GuestTypes(), Words{"container"});
    EXPECT_EQ(containers->Accelerations(), Words{"native"});

    const auto machines = actor.hypervisor(qemu);
    EXPECT_EQ(machines->Driver(), "qemu");
    EXPECT_EQ(machines->Type(), "type-2") << "KVM is hidden";
    EXPECT_EQ(machines->Accelerations(), Words{"tcg"});
}

}  // namespace virtbus::test
