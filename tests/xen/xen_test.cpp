// SPDX-License-Identifier: LGPL-2.1-or-later
#include "xen_test.h"

#include <fmt/format.h>

namespace virtbus::test {

std::string XenTest::guest_xml(const GuestKind& kind) {
    return fmt::format(R"(<domain type='xen'>
  <name>{}</name>
  <memory unit='MiB'>160</memory>
  <vcpu>1</vcpu>
  <os>
    {}
    <kernel>/var/lib/libvirt/boot/vmlinuz</kernel>
    <initrd>/var/lib/libvirt/boot/initrd.img</initrd>
    <cmdline>console={} quiet loglevel=3 no_timer_check</cmdline>
  </os>
  {}
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices><{} type='pty'/></devices>
</domain>)",
                       new_name(), kind.os_type, kind.terminal, kind.features, kind.console);
}

std::string XenTest::define_type(const std::string& os_type) {
    return define({"", os_type.c_str(), "", "console", "hvc0", ""});
}

}  // namespace virtbus::test
