// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of Xen share: its three kinds of guests.
#pragma once

#include "support/lab/lab_test.h"

#include <string>

namespace virtbus::test {

/// A kind of guest, as it is defined.
struct GuestKind {
    const char* name;
    const char* os_type;  ///< the whole element
    const char* features;
    const char* console;   ///< the device's element
    const char* terminal;  ///< what the guest's kernel calls it
    const char* virtualization;
};

inline constexpr GuestKind pv{"pv", "<type arch='x86_64' machine='xenpv'>xen</type>", "", "console", "hvc0", "para"};
inline constexpr GuestKind pvh{"pvh",   "<type arch='x86_64' machine='xenpvh'>xenpvh</type>", "", "console", "hvc0",
                               "hybrid"};
inline constexpr GuestKind hvm{"hvm",
                               "<type arch='x86_64' machine='xenfv'>hvm</type>",
                               "<features><acpi/><apic/><pae/></features>",
                               "serial",
                               "ttyS0",
                               "full"};

class XenTest : public LabTest {
protected:
    /// Xen makes a new domain: the reboot is a start, told before the old one's end.
    const Event rebooted{"started", "booted"};

    static std::string guest_xml(const GuestKind& kind);
    std::string define(const GuestKind& kind) { return MachineTest::define(guest_xml(kind)); }
    /// Defines a machine that is only looked at, with this <type>.
    std::string define_type(const std::string& os_type);

    std::string name_of(const std::string& path) { return get<std::string>(path, "Name"); }
};

}  // namespace virtbus::test
