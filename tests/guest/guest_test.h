// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of the guest suite share: machines made of the small guest. Runs inside scripts/sandbox.
#pragma once

#include "support/machine_test.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace virtbus::test {

class GuestTest : public MachineTest {
protected:
    GuestTest();

    /// The spec of a machine of the small guest, with a name of its own.
    VariantMap guest_spec();
    using MachineTest::create;
    std::string create() { return create(guest_spec()); }
    /// Creates and starts one, and waits until the guest says that it is ready.
    std::string create_ready(const VariantMap& spec);
    std::string create_ready() { return create_ready(guest_spec()); }
    /// The same for a machine that is off.
    void boot(const std::string& path);
    /// Whether the guest says that it is ready, after `act`.
    bool says_ready(
        const std::string& path, const std::function<void()>& act = [] {});
};

}  // namespace virtbus::test
