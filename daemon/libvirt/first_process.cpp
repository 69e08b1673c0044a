// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/first_process.h"

#include "base/log.h"
#include "libvirt/error.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>
#include <poll.h>

#include <chrono>
#include <string>

namespace virtbus {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds at_most{10};
constexpr seconds after_start{5};
constexpr int pause_msec = 50;

/// Whether it became known in this time. Another refusal than that it isn't is for the call that follows to tell.
bool is_known_within(const Domain& domain, seconds time) {
    for (const auto end = steady_clock::now() + time;;) {
        if (virDomainSendProcessSignal(domain.get(), 1, VIR_DOMAIN_PROCESS_SIGNAL_NOP, 0) == 0) return true;
        if (last_error().code != VIR_ERR_OPERATION_INVALID || !domain.is_active()) return true;
        if (steady_clock::now() > end) return false;
        ::poll(nullptr, 0, pause_msec);
    }
}

}  // namespace

bool is_lxc(const Domain& domain) {
    const char* type = virConnectGetType(domain.connection());  // which the connection knows already
    return type != nullptr && std::string_view(type) == "LXC";
}

void await_first_process(const Domain& domain, std::string_view act) {
    if (is_known_within(domain, at_most)) return;
    throw Error(Code::machine_busy, domain.cannot(act) +
                                        ": libvirt does not know its first process; if that stays so, libvirt has "
                                        "missed it: power it off, and start it again");
}

void mend_first_process(const Domain& domain) {
    if (!is_lxc(domain)) return;
    const bool can_start_again = domain.is_persistent();
    if (is_known_within(domain, after_start)) return;
    log::warning(fmt::format("{}: libvirt has missed its first process{}", domain.name(),
                             can_start_again ? "; it is started once more" : ""));
    if (!can_start_again) return;
    if (virDomainDestroy(domain.get()) < 0) {
        log::warning(fmt::format("{}: {}", domain.cannot("end"), last_error().message));
        return;
    }
    if (virDomainCreate(domain.get()) < 0) {
        const auto error = last_error();
        if (!domain.is_active()) throw_error(domain.connection(), error, domain.cannot("start"));
    }
    if (!is_known_within(domain, after_start))
        log::warning(fmt::format("{}: libvirt has missed its first process again", domain.name()));
}

}  // namespace virtbus
