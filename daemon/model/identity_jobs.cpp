// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/identity_jobs.h"

#include "base/log.h"
#include "model/guest_disks.h"
#include "model/image_work.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus {

namespace {

/// Reads what the machine has, and remembers it.
Task<> read_work(std::shared_ptr<Hypervisor> hypervisor, JobControl& job, GuestAccess access, Identities& identities,
                 MachineRef machine, Counts counts = Counts::steps) {
    const auto found = std::make_shared<GuestIdentity>();
    auto work = [read = access.read, found](Port& port, Transfer& progress) { *found = read(port, progress); };
    co_await transfer(hypervisor, job, std::move(work), counts, access.lane);
    identities.set(machine, identity_of(*found, access.read_source));
}

Task<> change_work(std::shared_ptr<Hypervisor> hypervisor, JobControl& job, GuestAccess access, Identities& identities,
                   MachineRef machine, IdentityChange change, std::optional<std::string> expected) {
    const auto found = std::make_shared<GuestIdentity>();
    auto work = [access, change, expected, found](Port& port, Transfer& progress) {
        auto wanted = change;
        if (expected) {
            const auto now = access.read(port, progress);
            if ((now.id ? fingerprint(*now.id) : "") != *expected)
                throw Error(Code::stale_generation, "expected: the guest has another machine-id by now");
            wanted.expected = now.id;
        }
        *found = access.change(port, progress, wanted);
    };
    co_await transfer(hypervisor, job, std::move(work), Counts::steps, access.lane);
    identities.set(machine, identity_of(*found, access.change_source));
    job.set_result("fingerprint", found->id ? fingerprint(*found->id) : std::string());
    job.set_result("reboot-required", access.by_agent);
}

/// Whether there is something to learn that is not known. What an agent said is not known for long.
bool wants_reading(const Identity& identity) {
    return identity.source != IdentitySource::kernel_command_line &&
           (identity.source == IdentitySource::none || identity.source == IdentitySource::agent || identity.stale);
}

/// A machine that an audit reads.
struct Audited {
    std::shared_ptr<Hypervisor> hypervisor;
    MachinePtr machine;
};

/// Returns why it could not be read; "" if it was.
Task<std::string> audit_one(Audited audited, JobControl& job, Jobs& jobs, std::shared_ptr<GuestTool> tool,
                            Identities& identities) {
    const MachineRef ref{audited.hypervisor->name(), audited.machine->uuid};
    audited.machine = audited.hypervisor->inventory().find(ref.uuid);  // as it is by now: others were read before
    if (!audited.machine) co_return "";
    try {
        auto access = access_to(*audited.hypervisor, *audited.machine, tool, "read");
        const auto claim =
            jobs.claims().take(fmt::format("job {} (machine-id-audit)", job.number()), {}, access.claims);
        co_await read_work(audited.hypervisor, job, std::move(access), identities, ref, Counts::nothing);
    } catch (const Error& error) {
        if (error.code() == Code::cancelled) throw;
        co_return error.what();
    }
    co_return "";
}

Task<> audit_work(std::vector<Audited> all, JobControl& job, Jobs& jobs, std::shared_ptr<GuestTool> tool,
                  Identities& identities) {
    std::vector<ObjectGroup> unread;
    for (std::size_t i = 0; i < all.size(); ++i) {
        job.set_share(static_cast<double>(i) / static_cast<double>(all.size()));
        const MachineRef ref{all[i].hypervisor->name(), all[i].machine->uuid};
        auto audited = all[i];
        auto why = co_await audit_one(std::move(audited), job, jobs, tool, identities);
        if (job.is_cancelled()) throw Error(Code::cancelled, "cancelled");
        if (!why.empty()) unread.push_back({std::move(why), {ref}});
    }
    std::vector<ObjectGroup> groups;
    for (auto& group : identities.groups()) groups.push_back({group.fingerprint, std::move(group.subjects)});
    job.set_result("groups", std::move(groups));
    job.set_result("unread", std::move(unread));
}

}  // namespace

std::uint64_t IdentityJobs::refresh(const JobOrigin& origin, const Machine& machine) {
    const auto access = access_to(*origin.hypervisor, machine, tool_, "read");
    const MachineRef ref{origin.hypervisor->name(), machine.uuid};
    return jobs_.start({JobKind::machine_id_refresh, ref, origin.owner, {}, access.claims},
                       [=, this, hypervisor = origin.hypervisor](JobControl& job) {
                           return read_work(hypervisor, job, access, identities_, ref);
                       });
}

GuestAccess IdentityJobs::access_to_change(Hypervisor& hypervisor, const Machine& machine) const {
    constexpr auto verb = "change the machine-id of";
    auto access = access_to(hypervisor, machine, tool_, verb);
    if (!access.by_agent) require_alone(hypervisor, machine, verb);
    return access;
}

std::uint64_t IdentityJobs::change(JobKind kind, const JobOrigin& origin, const Machine& machine,
                                   const IdentityChange& change, std::optional<std::string> expected,
                                   const Promise& promise) {
    // Nothing would fill an empty file before the machine boots, and D-Bus wants one meanwhile.
    if (change.kind == IdentityChange::Kind::seal) require_at_rest(machine, "seal");
    const auto access = access_to_change(*origin.hypervisor, machine);
    const MachineRef ref{origin.hypervisor->name(), machine.uuid};
    return jobs_.start({kind, ref, origin.owner, access.claims, {}},
                       [=, this, hypervisor = origin.hypervisor, kept = promise](JobControl& job) {
                           return change_work(hypervisor, job, access, identities_, ref, change, expected);
                       });
}

std::uint64_t IdentityJobs::assign(const JobOrigin& origin, const Machine& machine, const MachineId& id,
                                   const IdentityPlan& plan) {
    if (!plan.duplicate) refuse_duplicate(id, MachineRef{origin.hypervisor->name(), machine.uuid});
    refuse_kernel_machine_id(machine);
    IdentityChange wanted;
    wanted.id = id;
    wanted.boot_entries = plan.boot_entries;
    return change(JobKind::machine_id_assign, origin, machine, wanted, plan.expected, promise(id));
}

std::uint64_t IdentityJobs::regenerate(const JobOrigin& origin, const Machine& machine, const IdentityPlan& plan) {
    refuse_kernel_machine_id(machine);
    IdentityChange wanted;
    wanted.id = new_id();
    wanted.boot_entries = plan.boot_entries;
    return change(JobKind::machine_id_regenerate, origin, machine, wanted, plan.expected, promise(*wanted.id));
}

std::uint64_t IdentityJobs::seal(const JobOrigin& origin, const Machine& machine, bool uninitialized,
                                 bool boot_entries) {
    IdentityChange wanted;
    wanted.kind = IdentityChange::Kind::seal;
    wanted.uninitialized = uninitialized;
    wanted.boot_entries = boot_entries;
    return change(JobKind::machine_id_seal, origin, machine, wanted, {}, nullptr);
}

std::uint64_t IdentityJobs::audit(std::uint32_t owner, std::vector<std::shared_ptr<Hypervisor>> hypervisors) {
    std::vector<Audited> all;
    for (const auto& hypervisor : hypervisors)
        for (const auto& [uuid, machine] : hypervisor->inventory().machines())
            if (wants_reading(identities_.find(MachineRef{hypervisor->name(), uuid})))
                all.push_back({hypervisor, machine});
    std::sort(all.begin(), all.end(),
              [](const auto& left, const auto& right) { return left.machine->name < right.machine->name; });
    return jobs_.start({JobKind::machine_id_audit, HostRef{}, owner, {}, {}},
                       [this, all](JobControl& job) { return audit_work(all, job, jobs_, tool_, identities_); });
}

IdentityJobs::Promise IdentityJobs::promise(const MachineId& id) {
    std::erase_if(promised_, [](const auto& each) { return each.expired(); });
    auto promise = std::make_shared<const MachineId>(id);
    promised_.push_back(promise);
    return promise;
}

void IdentityJobs::refuse_duplicate(const MachineId& id, const std::optional<MachineRef>& machine) const {
    for (const auto& other : identities_.with(id))
        if (!machine || other != ObjectRef(*machine))
            throw Error(Code::duplicate_machine_id, fmt::format("{} has that machine-id already; Regenerate makes one "
                                                                "that nobody has",
                                                                to_string(other)));
    for (const auto& each : promised_)
        if (const auto promised = each.lock(); promised && *promised == id)
            throw Error(Code::duplicate_machine_id, "another machine is about to get that machine-id");
}

MachineId IdentityJobs::new_id() const {
    auto id = MachineId::random();
    while (!identities_.with(id).empty()) id = MachineId::random();
    return id;
}

void IdentityJobs::check(Hypervisor& hypervisor, const Machine& machine, const MachineId& id) const {
    refuse_duplicate(id, MachineRef{hypervisor.name(), machine.uuid});
    refuse_kernel_machine_id(machine);
    access_to_change(hypervisor, machine);
}

}  // namespace virtbus
