// SPDX-License-Identifier: LGPL-2.1-or-later
// LibvirtPort's starting, stopping and what goes between.
#include "libvirt/address_reader.h"
#include "libvirt/agent_identity.h"
#include "libvirt/error.h"
#include "libvirt/first_process.h"
#include "libvirt/libvirt_port.h"
#include "libvirt/lifecycle_words.h"

#include <fcntl.h>
#include <libvirt/libvirt-lxc.h>
#include <libvirt/virterror.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace virtbus {

namespace {

unsigned shutdown_flags(GuestMode mode) {
    switch (mode) {
        case GuestMode::automatic: return VIR_DOMAIN_SHUTDOWN_DEFAULT;
        case GuestMode::acpi: return VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN;
        case GuestMode::agent: return VIR_DOMAIN_SHUTDOWN_GUEST_AGENT;
    }
    return VIR_DOMAIN_SHUTDOWN_DEFAULT;
}

unsigned reboot_flags(GuestMode mode) {
    switch (mode) {
        case GuestMode::automatic: return VIR_DOMAIN_REBOOT_DEFAULT;
        case GuestMode::acpi: return VIR_DOMAIN_REBOOT_ACPI_POWER_BTN;
        case GuestMode::agent: return VIR_DOMAIN_REBOOT_GUEST_AGENT;
    }
    return VIR_DOMAIN_REBOOT_DEFAULT;
}

bool is_off(MachineState state) { return !is_active(state); }
bool can_resume(MachineState state) { return state == MachineState::paused || state == MachineState::suspended; }
bool can_pause(MachineState state) { return is_active(state) && !can_resume(state); }

/// As Domain::check, for what a machine does only in states that `fits`: some drivers have no error of its own for the
/// wrong state, then the state tells.
void check_in_state(const Domain& domain, int result, std::string_view act, bool (*fits)(MachineState)) {
    if (result >= 0) return;
    const auto error = last_error();
    int state = 0;
    const bool known = virDomainGetState(domain.get(), &state, nullptr, 0) == 0;
    if (known && code_from(error, domain.connection()) == Code::failed && !fits(state_from(state)))
        throw Error(Code::invalid_state, domain.cannot(act) + ": " + error.message);
    throw_error(domain.connection(), error, domain.cannot(act));
}

}  // namespace

void LibvirtPort::start(const Uuid& uuid, const StartOptions& options) {
    const auto domain = find(uuid);
    if (options.discard_saved && !domain.is_active() &&
        domain.ask(virDomainHasManagedSaveImage(domain.get(), 0), "start"))
        domain.check(virDomainManagedSaveRemove(domain.get(), 0), "discard the saved memory of");
    const unsigned flags = options.paused ? VIR_DOMAIN_START_PAUSED : VIR_DOMAIN_NONE;
    check_in_state(domain, virDomainCreateWithFlags(domain.get(), flags), "start", is_off);
    mend_first_process(domain);
}

// Of containers libvirt says that their init took what it was asked even where that has no pipe for it (9.0): so it is
// asked both by that and by a signal, here and below.
void LibvirtPort::shutdown(const Uuid& uuid, GuestMode mode) {
    const auto domain = find(uuid);
    if (mode == GuestMode::automatic && is_lxc(domain)) {
        await_first_process(domain, "shut down");
        virDomainShutdownFlags(domain.get(), VIR_DOMAIN_SHUTDOWN_INITCTL);
        domain.check(virDomainShutdownFlags(domain.get(), VIR_DOMAIN_SHUTDOWN_SIGNAL), "shut down");
        return;
    }
    check_in_state(domain, virDomainShutdownFlags(domain.get(), shutdown_flags(mode)), "shut down", is_active);
}

void LibvirtPort::reboot(const Uuid& uuid, GuestMode mode) {
    const auto domain = find(uuid);
    if (mode == GuestMode::automatic && is_lxc(domain)) {
        await_first_process(domain, "reboot");
        virDomainReboot(domain.get(), VIR_DOMAIN_REBOOT_INITCTL);
        domain.check(virDomainReboot(domain.get(), VIR_DOMAIN_REBOOT_SIGNAL), "reboot");
        return;
    }
    check_in_state(domain, virDomainReboot(domain.get(), reboot_flags(mode)), "reboot", is_active);
}

void LibvirtPort::power_off(const Uuid& uuid, bool graceful) {
    const auto domain = find(uuid);
    const unsigned flags = graceful ? VIR_DOMAIN_DESTROY_GRACEFUL : VIR_DOMAIN_DESTROY_DEFAULT;
    if (virDomainDestroyFlags(domain.get(), flags) == 0) return;
    const auto error = last_error();
    // The emulator has not ended within the time that libvirt gives it.
    if (graceful && error.code == VIR_ERR_SYSTEM_ERROR && virConnectIsAlive(domain.connection()) == 1)
        throw Error(Code::machine_busy, domain.cannot("power off") + " gracefully: " + error.message);
    throw_error(domain.connection(), error, domain.cannot("power off"));
}

void LibvirtPort::reset(const Uuid& uuid) {
    const auto domain = find(uuid);
    check_in_state(domain, virDomainReset(domain.get(), 0), "reset", is_active);
}

void LibvirtPort::pause(const Uuid& uuid) {
    const auto domain = find(uuid);
    check_in_state(domain, virDomainSuspend(domain.get()), "pause", can_pause);
}

void LibvirtPort::resume(const Uuid& uuid) {
    const auto domain = find(uuid);
    int state = 0;
    domain.check(virDomainGetState(domain.get(), &state, nullptr, 0), "resume");
    const bool suspended = state == VIR_DOMAIN_PMSUSPENDED;
    check_in_state(domain, suspended ? virDomainPMWakeup(domain.get(), 0) : virDomainResume(domain.get()), "resume",
                   can_resume);
}

void LibvirtPort::save(const Uuid& uuid) {
    const auto domain = find(uuid);
    check_in_state(domain, virDomainManagedSave(domain.get(), 0), "save", is_active);
}

void LibvirtPort::abort_job(const Uuid& uuid) {
    const auto domain = find(uuid);
    domain.check(virDomainAbortJob(domain.get()), "abort the job of");
}

std::optional<JobProgress> read_job(const Domain& domain) {
    int type = VIR_DOMAIN_JOB_NONE;
    TypedParameters parameters;
    if (virDomainGetJobStats(domain.get(), &type, parameters.array(), parameters.count(), 0) < 0) {
        const auto error = last_error();
        const Code code = code_from(error, domain.connection());
        // A machine that is off, and one of a driver without jobs, has none.
        if (code == Code::invalid_state || code == Code::not_supported) return std::nullopt;
        throw_error(domain.connection(), error, domain.cannot("read the job of"));
    }
    if (type == VIR_DOMAIN_JOB_NONE) return std::nullopt;
    return JobProgress{.processed = parameters.number(VIR_DOMAIN_JOB_DATA_PROCESSED),
                       .total = parameters.number(VIR_DOMAIN_JOB_DATA_TOTAL),
                       .remaining_usec = parameters.number(VIR_DOMAIN_JOB_TIME_REMAINING) * 1'000,
                       .kind = job_kind(parameters.integer(VIR_DOMAIN_JOB_OPERATION))};
}

std::optional<JobProgress> LibvirtPort::job_progress(const Uuid& uuid) { return read_job(find(uuid)); }

void LibvirtPort::resize_disk(const Uuid& uuid, const std::string& path, std::uint64_t size) {
    const auto domain = find(uuid);
    const int done = virDomainBlockResize(domain.get(), path.c_str(), size, VIR_DOMAIN_BLOCK_RESIZE_BYTES);
    check_in_state(domain, done, "resize a disk of", is_active);
}

std::vector<Address> LibvirtPort::read_addresses(const Uuid& uuid, AddressSource source) {
    const auto domain = find(uuid);
    if (source != AddressSource::agent) return read_host_addresses(domain, source);
    GuestAgent agent(domain.name(), send_to_agent(domain));
    return read_agent_addresses(agent);
}

GuestIdentity LibvirtPort::read_guest_identity(const Uuid& uuid) {
    const auto domain = find(uuid);
    GuestAgent agent(domain.name(), send_to_agent(domain));
    return read_agent_identity(agent);
}

GuestIdentity LibvirtPort::change_guest_identity(const Uuid& uuid, const IdentityChange& change) {
    const auto domain = find(uuid);
    GuestAgent agent(domain.name(), send_to_agent(domain));
    return change_agent_identity(agent, change);
}

UniqueFd LibvirtPort::open_console(const Uuid& uuid, bool force) {
    auto [console, client] = Console::open(open_(), uuid, force);
    const std::lock_guard lock(consoles_mutex_);
    std::erase_if(consoles_, [](const auto& old) { return old->has_ended(); });
    consoles_.push_back(std::move(console));
    return std::move(client);
}

std::vector<UniqueFd> LibvirtPort::open_namespaces(const Uuid& uuid) {
    const auto domain = find(uuid);
    await_first_process(domain, "enter");
    int* files = nullptr;
    const int count = virDomainLxcOpenNamespace(domain.get(), &files, 0);
    domain.check(count, "enter");
    std::vector<UniqueFd> namespaces;
    for (int i = 0; i < count; ++i) namespaces.emplace_back(files[i]);
    std::free(files);
    for (const auto& file : namespaces) ::fcntl(file.get(), F_SETFD, FD_CLOEXEC);
    return namespaces;
}

}  // namespace virtbus
