// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/manager_object.h"

#include "base/utf8.h"
#include "bus/machine_id_options.h"
#include "bus/paths.h"

#include <fmt/format.h>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <iterator>

namespace virtbus::bus {

namespace {

/// How many rows are made in one turn of the loop.
constexpr std::size_t row_slice = 1'000;

/// A machine and where it is.
struct Found {
    std::shared_ptr<Hypervisor> hypervisor;
    MachinePtr machine;
};

/// What ListMachines may be narrowed to.
struct Filter {
    std::optional<std::string> hypervisor;
    std::optional<std::string> state;
    std::optional<std::string> kind;
    std::optional<std::string> tag;

    [[nodiscard]] bool takes(const Machine& machine) const {
        const auto& tags = machine.tags;
        return (!state || *state == to_string(machine.state)) && (!kind || *kind == to_string(machine.kind)) &&
               (!tag || std::find(tags.begin(), tags.end(), *tag) != tags.end());
    }
};

/// Refuses what is not one of the words, so that a typo does not look like an empty list.
template <typename Word, std::size_t size>
void check_word(const char* key, const std::optional<std::string>& given, const std::array<Word, size>& words) {
    std::vector<std::string_view> known;
    for (const auto word : words) known.push_back(to_string(word));
    if (given && std::find(known.begin(), known.end(), *given) == known.end())
        throw Error(Code::invalid_args, fmt::format("{}: must be one of {}", key, fmt::join(known, ", ")));
}

Filter take_filter(Options& options) {
    Filter filter{options.take<std::string>("hypervisor"), options.take<std::string>("state"),
                  options.take<std::string>("kind"), options.take<std::string>("tag")};
    options.refuse_unknown();
    check_word("state", filter.state,
               std::array{MachineState::unknown, MachineState::running, MachineState::blocked, MachineState::paused,
                          MachineState::shutting_down, MachineState::shut_off, MachineState::crashed,
                          MachineState::suspended});
    check_word("kind", filter.kind, std::array{Kind::vm, Kind::container});
    return filter;
}

/// The machines that have this name or UUID.
std::vector<Found> find_machines(const Hypervisors::List& hypervisors, const std::string& name_or_uuid) {
    const auto uuid = Uuid::parse(name_or_uuid);
    std::vector<Found> found;
    for (const auto& hypervisor : hypervisors) {
        const auto& inventory = hypervisor->inventory();
        const auto [first, last] = inventory.by_name().equal_range(std::string_view(name_or_uuid));
        std::for_each(first, last, [&](const auto& machine) { found.push_back({hypervisor, machine}); });
        const auto named_so = uuid ? inventory.find(*uuid) : nullptr;
        if (named_so && named_so->name != name_or_uuid) found.push_back({hypervisor, named_so});
    }
    return found;
}

/// Refuses a hypervisor that is not there, so that a typo does not look like an empty list.
void require_hypervisor(const Hypervisors& hypervisors, const std::optional<std::string>& name) {
    if (name) static_cast<void>(hypervisors.require(*name));
}

/// A pool and where it is.
struct FoundPool {
    std::shared_ptr<Hypervisor> hypervisor;
    PoolPtr pool;
};

/// All of them, or the one of that name.
Hypervisors::List choose(const Hypervisors::List& hypervisors, const std::optional<std::string>& name) {
    auto chosen = hypervisors;
    std::erase_if(chosen, [&](const auto& hypervisor) { return name && hypervisor->name() != *name; });
    return chosen;
}

/// By hypervisor and name.
std::vector<FoundPool> select_pools(const Hypervisors::List& hypervisors,
                                    const std::optional<std::string>& hypervisor) {
    std::vector<FoundPool> found;
    for (const auto& each : choose(hypervisors, hypervisor))
        for (auto& pool : each->storage().pools()) found.push_back({each, std::move(pool)});
    return found;
}

std::vector<std::string> subnets_of(const Network& network) {
    std::vector<std::string> subnets;
    for (const auto& subnet : network.subnets) subnets.push_back(subnet.host.text());
    return subnets;
}

std::vector<ImagePtr> sorted_images(const Storage& storage, const std::string& pool) {
    std::vector<ImagePtr> images;
    for (const auto& [name, image] : storage.images(pool)) images.push_back(image);
    std::sort(images.begin(), images.end(),
              [](const auto& left, const auto& right) { return left->name < right->name; });
    return images;
}

std::uint32_t users(const Storage& storage, const Image& image) {
    return static_cast<std::uint32_t>(storage.machines(image).size() + storage.overlays(image).size());
}

std::vector<sdbus::ObjectPath> to_paths(const std::vector<ObjectRef>& objects) {
    std::vector<sdbus::ObjectPath> paths;
    std::transform(objects.begin(), objects.end(), std::back_inserter(paths), object_path);
    return paths;
}

}  // namespace

ManagerObject::ManagerObject(Services services, virtbus::Hypervisors& hypervisors, Jobs& jobs,
                             IdentityJobs& identity_jobs, HostIdentity& host, ReadConfiguration read_configuration)
    : AdaptorInterfaces(services.connection, root_path),
      ServedObject(services),
      hypervisors_(hypervisors),
      jobs_(jobs),
      identity_jobs_(identity_jobs),
      host_(host),
      read_configuration_(std::move(read_configuration)) {
    registerAdaptor();
}

std::uint64_t ManagerObject::tell_lifecycle(const sdbus::ObjectPath& machine, const LifecycleEvent& event) {
    emitLifecycle(machine, event.event, event.detail, ++sequence_);
    return sequence_;
}

void ManagerObject::tell_hypervisors() {
    getObject().emitPropertiesChangedSignal(org::virtbus1::Manager_adaptor::INTERFACE_NAME, {"Hypervisors"});
}

void ManagerObject::tell_resynced(const Hypervisor& hypervisor) {
    emitResynced(hypervisor_path(hypervisor.name()), ++sequence_);
}

void ManagerObject::tell_job_added(const JobStatus& job) {
    emitJobAdded(job_path(job.number));
    getObject().emitPropertiesChangedSignal(org::virtbus1::Manager_adaptor::INTERFACE_NAME, {"JobCount"});
}

void ManagerObject::tell_job_ended(const JobStatus& job) {
    emitJobEnded(job_path(job.number), std::string(to_string(job.state)));
    getObject().emitPropertiesChangedSignal(org::virtbus1::Manager_adaptor::INTERFACE_NAME, {"JobCount"});
}

void ManagerObject::tell_duplicates(const std::string& fingerprint, const std::vector<ObjectRef>& subjects) {
    emitDuplicateMachineId(fingerprint, to_paths(subjects));
}

void ManagerObject::tell_duplicates_resolved(const std::string& fingerprint) {
    emitDuplicateMachineIdResolved(fingerprint);
}

void ManagerObject::AuditMachineIds(sdbus::Result<sdbus::ObjectPath>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_id_probe,
          [this, given = Options(std::move(options))](Call& call) -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              co_await settled();
              co_return job_path(identity_jobs_.audit(call.uid, hypervisors_.all()));
          });
}

void ManagerObject::FindByMachineId(sdbus::Result<std::vector<sdbus::ObjectPath>>&& result, std::string id) {
    serve(getObject(), std::move(result), Action::machine_id_read,
          [this, id = std::move(id)](Call&) -> Task<std::vector<sdbus::ObjectPath>> {
              const auto wanted = read_machine_id("id", id);
              co_await settled();
              co_return to_paths(identity_jobs_.identities().with(wanted));
          });
}

void ManagerObject::ListMachines(sdbus::Result<std::vector<MachineRow>>&& result, VariantMap filter) {
    serve(getObject(), std::move(result), Action::read,
          [this, given = Options(std::move(filter))](Call&) mutable -> Task<std::vector<MachineRow>> {
              const auto wanted = take_filter(given);
              require_hypervisor(hypervisors_, wanted.hypervisor);
              co_await settled();
              std::vector<MachineRow> rows;
              for (const auto& hypervisor : choose(hypervisors_.all(), wanted.hypervisor)) {
                  const auto& machines = hypervisor->inventory().by_name();
                  const auto path = hypervisor_path(hypervisor->name());
                  rows.reserve(rows.size() + machines.size());
                  for (const auto& machine : machines)
                      if (wanted.takes(*machine))
                          rows.emplace_back(
                              machine_path_below(path, machine->uuid), machine->name, machine->uuid.text(),
                              hypervisor->name(), std::string(to_string(machine->kind)),
                              std::string(to_string(machine->state)), std::string(to_string(machine->virtualization)),
                              machine->vcpus, machine->memory);
              }
              co_return rows;
          });
}

void ManagerObject::ListImages(sdbus::Result<std::vector<ImageRow>>&& result, VariantMap filter) {
    serve(getObject(), std::move(result), Action::read,
          [this, given = Options(std::move(filter))](Call&) mutable -> Task<std::vector<ImageRow>> {
              const auto hypervisor = given.take<std::string>("hypervisor");
              const auto pool = given.take<std::string>("pool");
              const auto format = given.take<std::string>("format");
              given.refuse_unknown();
              require_hypervisor(hypervisors_, hypervisor);
              co_await settled();
              std::vector<ImageRow> rows;
              bool found = !pool;
              for (const auto& [owner, value] : select_pools(hypervisors_.all(), hypervisor)) {
                  if (pool && value->name != *pool) continue;
                  found = true;
                  for (const auto& image : sorted_images(owner->storage(), value->name)) {
                      if (format && image->format != *format) continue;
                      rows.emplace_back(image_path(owner->name(), image->pool, image->name), image->name, image->pool,
                                        owner->name(), image->format, image->virtual_size, image->allocation,
                                        users(owner->storage(), *image));
                      // Of a very large pool: others come in between.
                      if (rows.size() % row_slice == 0) co_await asio::post(services().loop, asio::use_awaitable);
                  }
              }
              if (!found)
                  throw Error(Code::no_such_pool,
                              fmt::format("there is no pool \"{}\"", to_utf8(pool->substr(0, 100))));
              co_return rows;
          });
}

void ManagerObject::ListPools(sdbus::Result<std::vector<PoolRow>>&& result, VariantMap filter) {
    serve(getObject(), std::move(result), Action::read,
          [this, given = Options(std::move(filter))](Call&) mutable -> Task<std::vector<PoolRow>> {
              const auto hypervisor = given.take<std::string>("hypervisor");
              given.refuse_unknown();
              require_hypervisor(hypervisors_, hypervisor);
              co_await settled();
              std::vector<PoolRow> rows;
              for (const auto& [owner, pool] : select_pools(hypervisors_.all(), hypervisor))
                  rows.emplace_back(pool_path(owner->name(), pool->name), pool->name, owner->name(), pool->type,
                                    std::string(to_string(pool->state)), pool->capacity, pool->available,
                                    static_cast<std::uint32_t>(owner->storage().images(pool->name).size()));
              co_return rows;
          });
}

void ManagerObject::ListNetworks(sdbus::Result<std::vector<NetworkRow>>&& result, VariantMap filter) {
    serve(getObject(), std::move(result), Action::read,
          [this, given = Options(std::move(filter))](Call&) mutable -> Task<std::vector<NetworkRow>> {
              const auto hypervisor = given.take<std::string>("hypervisor");
              given.refuse_unknown();
              require_hypervisor(hypervisors_, hypervisor);
              co_await settled();
              std::vector<NetworkRow> rows;
              for (const auto& owner : choose(hypervisors_.all(), hypervisor))
                  for (const auto& network : owner->networks().all())
                      rows.emplace_back(network_path(owner->name(), network->name), network->name, owner->name(),
                                        network->forward, network->bridge, network->active, network->autostart,
                                        subnets_of(*network));
              co_return rows;
          });
}

void ManagerObject::GetMachine(sdbus::Result<sdbus::ObjectPath>&& result, std::string name_or_uuid,
                               VariantMap options) {
    serve(getObject(), std::move(result), Action::read,
          [this, wanted = std::move(name_or_uuid),
           given = Options(std::move(options))](Call&) mutable -> Task<sdbus::ObjectPath> {
              const auto hypervisor = given.take<std::string>("hypervisor");
              given.refuse_unknown();
              require_hypervisor(hypervisors_, hypervisor);
              co_await settled();
              const auto found = find_machines(choose(hypervisors_.all(), hypervisor), wanted);
              const auto text = to_utf8(std::string_view(wanted).substr(0, 100));
              if (found.empty()) throw Error(Code::no_such_machine, fmt::format("there is no machine \"{}\"", text));
              if (found.size() > 1)
                  throw Error(Code::ambiguous,
                              fmt::format("\"{}\" is a machine of {} and of {}: name the hypervisor, or "
                                          "take its UUID",
                                          text, found[0].hypervisor->name(), found[1].hypervisor->name()));
              co_return machine_path(found[0].hypervisor->name(), found[0].machine->uuid);
          });
}

void ManagerObject::ListJobs(sdbus::Result<std::vector<JobRow>>&& result) {
    serve(getObject(), std::move(result), Action::read, [this](Call&) -> Task<std::vector<JobRow>> {
        std::vector<JobRow> rows;
        for (const auto& job : jobs_.list())
            rows.emplace_back(job_path(job.number), std::string(to_string(job.kind)), object_path(job.subject),
                              std::string(to_string(job.state)), job.progress);
        co_return rows;
    });
}

void ManagerObject::AddHypervisor(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, std::string uri,
                                  VariantMap options) {
    serve(getObject(), std::move(result), Action::hypervisor_manage,
          [this, name = std::move(name), uri = std::move(uri),
           given = Options(std::move(options))](Call& call) -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              call.details["hypervisor"] = to_utf8(name);
              const auto hypervisor = co_await hypervisors_.add(name, uri);
              co_return hypervisor_path(hypervisor->name());
          });
}

void ManagerObject::RemoveHypervisor(sdbus::Result<>&& result, std::string name, VariantMap options) {
    serve(getObject(), std::move(result), Action::hypervisor_manage,
          [this, name = std::move(name), given = Options(std::move(options))](Call& call) mutable -> Task<> {
              const bool force = given.take<bool>("force").value_or(false);
              given.refuse_unknown();
              require_hypervisor(hypervisors_, name);
              call.details["hypervisor"] = name;
              // Those that run when it goes are cancelled, whatever removes it.
              if (!force) jobs_.refuse_any_on(name);
              co_await hypervisors_.remove(name);
          });
}

void ManagerObject::Reload(sdbus::Result<>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::hypervisor_manage,
          [this, given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              co_await read_configuration_();
          });
}

Task<> ManagerObject::settled() {
    co_await hypervisors_.settled();
    co_await host_.settled();
}

std::string ManagerObject::Version() { return VIRTBUS_VERSION; }

std::vector<sdbus::ObjectPath> ManagerObject::Hypervisors() {
    std::vector<sdbus::ObjectPath> paths;
    for (const auto& hypervisor : hypervisors_.all()) paths.push_back(hypervisor_path(hypervisor->name()));
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace virtbus::bus
