// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine_clone.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/guest_disks.h"
#include "model/image_rules.h"
#include "model/image_work.h"
#include "model/machine_copy.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <map>
#include <utility>

namespace virtbus {

namespace {

/// By when libvirt has done what it was told before its connection was lost.
constexpr std::chrono::seconds late_definition{3};

/// A disk of the source, and the file that is made of it.
struct DiskCopy {
    std::string target;
    ImageFile from;
    std::uint64_t size = 0;
    PoolPtr pool;
    NewFile file;
};

/// What the work of the job stands on.
struct CloneBench {
    std::shared_ptr<Hypervisor> hypervisor;
    JobJournal* journal;
    std::shared_ptr<ImageTool> image_tool;
    IdentityJobs* identity_jobs;
};

std::string path_of(const NewFile& file) { return file.directory + "/" + file.name; }

/// The names of the copies: "web.qcow2", or with several disks "web-vda.qcow2".
std::vector<DiskCopy> plan_disks(Hypervisor& hypervisor, const Machine& source, const ClonePlan& plan) {
    std::vector<DiskCopy> copies;
    const auto disks = own_disks(hypervisor, source);
    for (const auto& own : disks) {
        if (!own.image)
            throw Error(Code::not_supported, fmt::format("machine {}: its disk {}, {}, is no image of a pool: make its "
                                                         "directory a pool first",
                                                         source.name, own.disk.target, own.file.path));
        require_plain(hypervisor, *own.image, "clone");
        refuse_running(hypervisor, *own.image, "clone");  // another machine that has it, too
        require_writable_pool(hypervisor, own.image->pool);
        const auto pool = require_writable_pool(hypervisor, plan.pool.value_or(own.image->pool));
        const auto format = plan.linked ? "qcow2" : own.image->format;
        const auto name = disks.size() == 1 ? fmt::format("{}.{}", plan.name, format)
                                            : fmt::format("{}-{}.{}", plan.name, own.disk.target, format);
        check_image_name("name", name);
        refuse_existing(hypervisor, pool->name, name);
        copies.push_back({own.disk.target,
                          own.file,
                          own.image->virtual_size,
                          pool,
                          {pool->path, {}, name, format, Preallocation::off, false}});
    }
    return copies;
}

/// No_space where the copies do not fit all together: the tool looks at each one alone, when it comes to it.
void require_room(StoragePort& storage, const std::vector<DiskCopy>& copies, ImageTool& tool) {
    std::map<std::string, std::uint64_t> needed;
    for (const auto& copy : copies) needed[copy.pool->name] += tool.measure(copy.from, copy.file.format);
    for (const auto& [name, bytes] : needed) {
        storage.refresh_pool(name);  // libvirt says how much was left when it looked last
        const auto pool = storage.read_pool(name);
        if (!pool) throw Error(Code::no_such_pool, fmt::format("there is no pool {} any more", name));
        require_space(*pool, bytes);
    }
}

/// Makes the files, under their temporary names.
void make_disks(const std::vector<DiskCopy>& copies, ImageTool& tool, bool linked, Transfer& progress) {
    for (const auto& copy : copies) {
        auto file = copy.file;
        file.name.clear();  // it gets its own when all is done
        if (linked)
            tool.create(file, copy.size, copy.from, progress);
        else
            tool.convert(copy.from, file, progress);
    }
}

/// Gives the guest another identity; who cannot have one is told how to be copied all the same.
GuestIdentity change_identity(GuestTool& tool, const GuestSystem& system, const IdentityChange& change,
                              Transfer& progress) {
    try {
        return tool.change_identity(system, change, progress);
    } catch (const Error& error) {
        if (error.code() != Code::unsupported_guest) throw;
        throw Error(error.code(), fmt::format("{}; machine-id keep copies it as it is", error.what()));
    }
}

/// Gives them the identity that the copy is to have.
GuestIdentity give_identity(const std::vector<DiskCopy>& copies, GuestTool& tool, const IdentityChange& change,
                            Transfer& progress) {
    GuestSystem system;
    for (const auto& copy : copies)
        system.disks.push_back({copy.file.directory + "/" + copy.file.temporary, copy.file.format});
    auto found = change_identity(tool, system, change, progress);
    // A sealed one has none.
    if (found.id != change.id || (change.id && !found.consistent))
        throw Error(Code::failed, "the copy does not have the machine-id that it should have; nothing was made");
    return found;
}

/// How far define_and_publish() came.
struct Progress {
    bool defined = false;
    bool unanswered = false;  ///< whether it is defined nobody has heard
    std::size_t published = 0;
};

void define(Port& port, const Uuid& source, const MachineCopy& machine, Progress& done) {
    try {
        port.define_copy(source, machine);
    } catch (const Error& error) {
        if (error.code() != Code::disconnected && error.code() != Code::timeout) throw;
        done.unanswered = true;
        const auto text = fmt::format(
            "{}; machine {} may be defined all the same: its disks are finished or removed "
            "when the hypervisor can tell",
            error.what(), machine.name);
        log::error(text);
        throw Error(error.code(), text);
    }
    done.defined = true;
}

/// From the definition on the journal finishes it, should we be killed.
void define_and_publish(Port& port, const Uuid& source, const MachineCopy& machine, const std::vector<DiskCopy>& copies,
                        ImageTool& tool, Progress& done) {
    define(port, source, machine, done);
    for (const auto& copy : copies) {
        tool.publish(copy.file);
        ++done.published;
    }
}

/// What is known of its id is kept as soon as it can be: with the machine, for its images may take their time.
Task<> show_copy(CloneBench bench, MachineRef made, std::vector<DiskCopy> copies, Identity identity) {
    co_await show_machine(bench.hypervisor, made.uuid);
    if (identity.source != IdentitySource::none) bench.identity_jobs->identities().set(made, std::move(identity));
    for (const auto& copy : copies) co_await show_image(bench.hypervisor, copy.pool->name, copy.file.name);
}

/// What is known of the copy's machine-id when it is made.
Task<Identity> make_copy(CloneBench bench, JobControl& job, MachineRef source, MachineCopy machine, ClonePlan plan,
                         std::optional<IdentityChange> change, const std::vector<DiskCopy>& copies,
                         std::shared_ptr<Progress> done) {
    const auto found = std::make_shared<GuestIdentity>();
    auto copying = [=](Port& port, Transfer& progress) {
        port.check_copy(source.uuid, machine);  // before hours of copying
        if (!plan.linked) require_room(port.storage(), copies, *bench.image_tool);
        make_disks(copies, *bench.image_tool, plan.linked, progress);
    };
    co_await transfer(bench.hypervisor, job, std::move(copying));
    auto finishing = [=](Port& port, Transfer& progress) {
        if (change) *found = give_identity(copies, *bench.identity_jobs->tool(), *change, progress);
        progress.refuse_cancelled();
        define_and_publish(port, source.uuid, machine, copies, *bench.image_tool, *done);
    };
    co_await transfer(bench.hypervisor, job, std::move(finishing), Counts::steps);
    if (change) co_return identity_of(*found, IdentitySource::assigned);
    auto identity = bench.identity_jobs->identities().find(source);
    if (identity.source == IdentitySource::kernel_command_line) identity = {};    // of the source's definition alone
    if (identity.source != IdentitySource::none) identity.observed = now_usec();  // its files are younger
    co_return identity;
}

/// Undoes what define_and_publish() had done. What has its name already is written down before the machine goes: the
/// next start removes it, should we be killed.
Task<> take_back(CloneBench bench, const std::vector<Draft>& drafts, std::vector<DiskCopy> copies, Uuid machine,
                 std::size_t published) {
    copies.resize(published);
    for (std::size_t i = 0; i < published; ++i) co_await drafts[i].line->note_published();
    auto work = [machine, copies = std::move(copies)](Port& port) {
        port.remove(machine, false);
        for (const auto& copy : copies) {
            port.storage().refresh_pool(copy.pool->name);
            port.storage().delete_image(copy.pool->name, copy.file.name);
        }
    };
    co_await bench.hypervisor->run(Lane::work, std::move(work));
    co_await bench.hypervisor->inventory().refreshed(machine);
}

using FindHypervisor = std::function<std::shared_ptr<Hypervisor>(const std::string& name)>;

/// Whether libvirt has the machine. Asked again after a moment when it has not: what it was told before its connection
/// was lost it may still do.
Task<bool> is_defined(std::shared_ptr<Hypervisor> hypervisor, Uuid machine) {
    auto& inventory = hypervisor->inventory();
    co_await inventory.listed().wait();
    for (int asked = 0; asked < 2; ++asked) {
        if (asked > 0) co_await let_pass(hypervisor->loop(), late_definition);
        co_await inventory.refreshed(machine);  // a listing leaves out what cannot be read
        if (inventory.find(machine)) co_return true;
    }
    co_return false;
}

JobJournal::Recovery recovery(std::shared_ptr<ImageTool> tool, FindHypervisor find) {
    auto is_there = [find](const MachineRef& machine) { return is_defined(find(machine.hypervisor), machine.uuid); };
    auto remove_published = [find](const JobJournal::Entry& entry) {
        return remove_untouched(find(entry.machine.value().hypervisor), entry.directory, entry.name, entry.published);
    };
    return {std::move(tool), std::move(is_there), std::move(remove_published)};
}

/// Nothing stays of it, unless it is left: then it is finished or removed when it is known whether the machine is
/// there.
Task<> clean_up(CloneBench bench, std::vector<Draft>& drafts, const std::vector<DiskCopy>& copies, bool left) {
    auto& storage = bench.hypervisor->storage();
    const FindHypervisor find = [weak = std::weak_ptr(bench.hypervisor)](const std::string& name) {
        auto hypervisor = weak.lock();
        if (!hypervisor) throw Error(Code::no_such_hypervisor, fmt::format("hypervisor {} is gone", name));
        return hypervisor;
    };
    for (auto& draft : drafts) {
        if (left) {
            draft.line->leave(recovery(bench.image_tool, find));
            continue;
        }
        co_await bench.journal->clean_up(bench.image_tool, *draft.line, draft.file.directory, draft.file.temporary);
        storage.withdraw(path_of(draft.file));
    }
    for (const auto& copy : copies) storage.look_again(copy.pool->name);
}

/// What is to stay of a copy that failed: nothing, unless the machine is there, or may be.
Task<> undo(CloneBench bench, std::vector<Draft>& drafts, const std::vector<DiskCopy>& copies,
            const MachineCopy& machine, const Progress& done) {
    bool left = done.unanswered;
    try {
        if (done.defined) co_await take_back(bench, drafts, copies, machine.uuid, done.published);
    } catch (const Error& error) {
        log::error(fmt::format("a copy that failed is left for now: {}", error.what()));
        left = true;
    }
    co_await clean_up(bench, drafts, copies, left);
}

Task<> clone_work(CloneBench bench, JobControl& job, MachineRef source, MachineCopy machine, ClonePlan plan,
                  std::optional<IdentityChange> change, std::vector<DiskCopy> copies) {
    const MachineRef made{source.hypervisor, machine.uuid};
    const auto done = std::make_shared<Progress>();
    std::vector<Draft> drafts;
    Identity identity;
    std::exception_ptr failure;
    try {
        for (auto& copy : copies) {
            auto text = fmt::format("{} (clone {}: {}/{})", job.number(), plan.name, copy.pool->name, copy.file.name);
            auto draft = co_await begin_draft(*bench.journal, job, std::move(text), copy.file, made);
            copy.file = draft.file;
            drafts.push_back(std::move(draft));
            co_await bench.hypervisor->storage().declare(path_of(copy.file), copy.file.format);
            machine.images.push_back({copy.target, path_of(copy.file), copy.file.format});
        }
        identity = co_await make_copy(bench, job, source, machine, plan, change, copies, done);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        co_await undo(bench, drafts, copies, machine, *done);
        std::rethrow_exception(failure);
    }
    job.set_result("machine", made);
    job.set_result("fingerprint", fingerprint(identity));
    co_await show_copy(bench, made, std::move(copies), std::move(identity));
}

/// What is to be done inside the copy; nothing when it keeps all as it is.
std::optional<IdentityChange> change_of(const ClonePlan& plan, const IdentityJobs& jobs) {
    IdentityChange change;
    change.hostname = plan.hostname;
    switch (plan.identity) {
        case ClonePlan::IdentityOf::a_new_one: change.id = jobs.new_id(); break;
        case ClonePlan::IdentityOf::a_given_one: change.id = plan.id; break;
        case ClonePlan::IdentityOf::none: change.kind = IdentityChange::Kind::seal; break;
        case ClonePlan::IdentityOf::the_source: return std::nullopt;
    }
    return change;
}

void refuse_name(Hypervisor& hypervisor, const std::string& name) {
    check_name("name", name);
    for (const auto& [uuid, machine] : hypervisor.inventory().machines())
        if (machine->name == name)
            throw Error(Code::already_exists, fmt::format("there is already a machine {}", name));
}

}  // namespace

std::uint64_t MachineClones::clone(const JobOrigin& origin, const Machine& source, const ClonePlan& plan) {
    auto& hypervisor = *origin.hypervisor;
    if (source.kind == Kind::container)
        throw Error(Code::not_supported,
                    fmt::format("machine {} is a container: only machines with disks are cloned", source.name));
    refuse_name(hypervisor, plan.name);
    require_at_rest(source, "clone");
    if (plan.id) identity_jobs_.refuse_duplicate(*plan.id, {});
    auto copies = plan_disks(hypervisor, source, plan);
    auto change = change_of(plan, identity_jobs_);
    if (change && copies.empty())
        throw Error(Code::unsupported_guest, fmt::format("machine {} has no disk that could hold a machine-id: say "
                                                         "machine-id keep",
                                                         source.name));
    MachineCopy machine;
    machine.name = plan.name;
    machine.uuid = Uuid::random();
    machine.owner = origin.owner;

    const MachineRef ref{hypervisor.name(), source.uuid};
    JobPlan job{JobKind::clone, ref, origin.owner, {}, disk_claims(hypervisor, source, own_disks(hypervisor, source))};
    for (const auto& copy : copies)
        job.changes.emplace_back(ImageRef{hypervisor.name(), copy.pool->name, copy.file.name});
    const CloneBench bench{origin.hypervisor, &journal_, image_tool_, &identity_jobs_};
    const auto promise = change && change->id ? identity_jobs_.promise(*change->id) : nullptr;
    return jobs_.start(job, [=](JobControl& control) {
        static_cast<void>(promise);  // kept until the job ends
        return clone_work(bench, control, ref, machine, plan, change, copies);
    });
}

Task<> MachineClones::recover(const Hypervisors& hypervisors) {
    const auto find = [&hypervisors](const std::string& name) { return hypervisors.require(name); };
    co_await journal_.recover(recovery(image_tool_, find));
}

}  // namespace virtbus
