// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_object.h"

#include "bus/machine_options.h"
#include "bus/paths.h"
#include "model/image_rules.h"
#include "model/machine_addresses.h"
#include "model/machine_jobs.h"

#include <fmt/format.h>

namespace virtbus::bus {

namespace {

/// What SetMemory and SetVcpus have in common: `amount` and `maximum` as the machine's state allows them.
template <typename Change, typename Amount>
Change plan_change(const Machine& machine, Amount amount, std::optional<Amount> maximum, Amount maximum_now,
                   const char* what) {
    if (!is_active(machine.state)) {
        if (maximum.value_or(amount) < amount)
            throw Error(Code::invalid_args, fmt::format("maximum: {} is less than {}", *maximum, amount));
        return {amount, maximum.value_or(amount)};
    }
    if (maximum)
        throw Error(Code::invalid_state, fmt::format("machine {} is {}: its maximum can change only while it is off",
                                                     machine.name, to_string(machine.state)));
    if (amount > maximum_now)
        throw Error(Code::invalid_args,
                    fmt::format("{}: {} is beyond the maximum of the running machine, {}", what, amount, maximum_now));
    return {amount, std::nullopt};
}

}  // namespace

MachineObject::MachineObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs,
                             MachineClones& clones, MachinePtr machine)
    : Published(services, machine_path(hypervisor->name(), machine->uuid)),
      MachineFace(std::move(hypervisor), jobs, std::move(machine)),
      clones_(clones) {}

void MachineObject::show(const MachinePtr& after) {
    const auto changes = machine_changes(*machine_, *after);
    machine_ = after;
    announce_changes(changes.names());
}

void MachineObject::tell(const LifecycleEvent& event, std::uint64_t sequence) {
    emitLifecycle(event.event, event.detail, sequence);
}

void MachineObject::serve_work(Result&& result, Action action, Feature feature, VariantMap options, PortWork work) {
    serve(getObject(), std::move(result), action, [=, this, given = Options(std::move(options))](Call&) -> Task<> {
        given.refuse_unknown();
        hypervisor_->require(feature);
        co_await change(Lane::work, work);
    });
}

void MachineObject::Start(JobResult&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              StartOptions start;
              given.take_into("paused", start.paused);
              given.take_into("discard_saved", start.discard_saved);
              given.refuse_unknown();
              const auto uuid = machine_->uuid;
              const auto claim = claim_images();
              if (machine_->saved && !start.discard_saved)
                  co_return start_job(JobKind::start, call, restore_work(hypervisor_, uuid, start, claim));
              Claims::Claim alone;  // of one that runs libvirt says so, whoever works on it
              if (!is_active(machine_->state))
                  alone = jobs_.claims().take("the start of machine " + machine_->name,
                                              {MachineRef{hypervisor_->name(), uuid}});
              co_await change(Lane::work, [uuid, start](Port& port) { port.start(uuid, start); });
              co_return job_path(0);
          });
}

void MachineObject::Shutdown(JobResult&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              const auto plan = take_shutdown_plan(given);
              if (plan.mode == GuestMode::agent) hypervisor_->require(Feature::agent);
              require_awake();
              co_return start_job(JobKind::shutdown, call, shutdown_work(hypervisor_, machine_->uuid, plan));
          });
}

void MachineObject::Reboot(Result&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<> {
              const auto mode = take_mode(given);
              given.refuse_unknown();
              if (mode == GuestMode::agent) hypervisor_->require(Feature::agent);
              hypervisor_->require(Feature::reboot);
              co_await change(Lane::work, [uuid = machine_->uuid, mode](Port& port) { port.reboot(uuid, mode); });
          });
}

void MachineObject::PowerOff(Result&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<> {
              const bool graceful = given.take<bool>("graceful").value_or(false);
              given.refuse_unknown();
              auto work = [uuid = machine_->uuid, graceful](Port& port) { port.power_off(uuid, graceful); };
              co_await change(Lane::control, std::move(work), !machine_->persistent);
          });
}

void MachineObject::Pause(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::machine_control, Feature::pause, std::move(options),
               [uuid = machine_->uuid](Port& port) { port.pause(uuid); });
}

void MachineObject::Resume(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::machine_control, Feature::pause, std::move(options),
               [uuid = machine_->uuid](Port& port) { port.resume(uuid); });
}

void MachineObject::Clone(JobResult&& result, std::string name, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_clone,
          [this, name = std::move(name),
           given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              auto plan = take_clone_plan(given, name);
              call.details["copy"] = name;
              hypervisor_->require(Feature::define);
              if (plan.pool)
                  co_await require(Action::image_create, call, about(PoolRef{hypervisor_->name(), *plan.pool}));
              plan.place = services().machine_quota.reserve(call.uid);
              co_return job_path(clones_.clone({hypervisor_, call.uid}, *machine_, plan));
          });
}

void MachineObject::Delete(Result&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_delete,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<> {
              const bool force = given.take<bool>("force").value_or(false);
              given.refuse_unknown();
              const auto uuid = machine_->uuid;
              co_await change(
                  Lane::work, [uuid, force](Port& port) { port.remove(uuid, force); }, true);
          });
}

void MachineObject::Rename(Result&& result, std::string new_name, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, new_name = std::move(new_name), given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              check_name("new_name", new_name);
              hypervisor_->require(Feature::rename);
              auto work = [uuid = machine_->uuid, new_name](Port& port) { port.rename(uuid, new_name); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::SetAutostart(Result&& result, bool autostart, VariantMap options) {
    serve_work(std::move(result), Action::machine_edit, Feature::autostart, std::move(options),
               [uuid = machine_->uuid, autostart](Port& port) { port.set_autostart(uuid, autostart); });
}

void MachineObject::SetMemory(Result&& result, std::uint64_t bytes, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, bytes, given = Options(std::move(options))](Call&) mutable -> Task<> {
              const auto maximum = given.take<std::uint64_t>("maximum");
              given.refuse_unknown();
              check_memory("bytes", bytes);
              if (maximum) check_memory("maximum", *maximum);
              const auto plan = plan_change<MemoryChange>(*machine_, bytes, maximum, machine_->maximum_memory, "bytes");
              hypervisor_->require(Feature::memory);
              co_await change(Lane::work, [uuid = machine_->uuid, plan](Port& port) { port.set_memory(uuid, plan); });
          });
}

void MachineObject::SetVcpus(Result&& result, std::uint32_t vcpus, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, vcpus, given = Options(std::move(options))](Call&) mutable -> Task<> {
              const auto maximum = given.take<std::uint32_t>("maximum");
              given.refuse_unknown();
              check_vcpus("vcpus", vcpus);
              if (maximum) check_vcpus("maximum", *maximum);
              const auto plan = plan_change<VcpuChange>(*machine_, vcpus, maximum, machine_->maximum_vcpus, "vcpus");
              hypervisor_->require(Feature::vcpus);
              co_await change(Lane::work, [uuid = machine_->uuid, plan](Port& port) { port.set_vcpus(uuid, plan); });
          });
}

void MachineObject::SetTitle(Result&& result, std::string title, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, title = std::move(title), given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              check_title("title", title);
              hypervisor_->require(Feature::metadata);
              auto work = [uuid = machine_->uuid, title](Port& port) { port.set_title(uuid, title); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::SetDescription(Result&& result, std::string description, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, description = std::move(description), given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              check_description("description", description);
              hypervisor_->require(Feature::metadata);
              auto work = [uuid = machine_->uuid, description](Port& port) { port.set_description(uuid, description); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::SetTags(Result&& result, std::vector<std::string> tags, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, tags = std::move(tags), given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              const auto clean = check_tags("tags", tags);
              hypervisor_->require(Feature::metadata);
              auto work = [uuid = machine_->uuid, clean](Port& port) { port.set_tags(uuid, clean); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::GetAddresses(sdbus::Result<std::vector<VariantMap>>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_inspect,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<std::vector<VariantMap>> {
              const auto source = take_address_source(given);
              given.refuse_unknown();
              const auto addresses = co_await find_addresses(hypervisor_, machine_, source);
              co_return to_dictionaries(addresses);
          });
}

void MachineObject::GetXml(sdbus::Result<std::string, std::uint64_t>&& result, VariantMap options) {
    using Answer = std::tuple<std::string, std::uint64_t>;
    serve(getObject(), std::move(result), Action::machine_inspect,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<Answer> {
              const bool inactive = given.take<bool>("inactive").value_or(false);
              given.refuse_unknown();
              const auto read = [uuid = machine_->uuid, inactive](Port& port) {
                  return port.machine_xml(uuid, inactive);
              };
              for (int tries = 1;; ++tries) {
                  const auto known = machine_;
                  auto xml = co_await hypervisor_->run(Lane::query, read);
                  // The generation is the mirror's, which may not have seen yet what others have changed. Where one
                  // change follows another the older is told: DefineXml refuses it then, and nothing is lost.
                  if (xml.definition == known->definition || tries == 3)
                      co_return Answer(std::move(xml.text), known->generation);
                  co_await hypervisor_->inventory().refreshed(known->uuid);
              }
          });
}

void MachineObject::DefineXml(Result&& result, std::string xml, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_define,
          [this, xml = std::move(xml), given = Options(std::move(options))](Call&) mutable -> Task<> {
              const auto generation = given.take<std::uint64_t>("generation");
              given.refuse_unknown();
              if (generation && *generation != machine_->generation)
                  throw Error(Code::stale_generation,
                              fmt::format("the definition of {} has changed since generation {}; it is {} now: read it "
                                          "again",
                                          machine_->name, *generation, machine_->generation));
              hypervisor_->require(Feature::define);
              const auto expected = generation ? std::optional(machine_->definition) : std::nullopt;
              auto work = [uuid = machine_->uuid, xml = std::move(xml), expected](Port& port) {
                  port.redefine(uuid, xml, expected);
              };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::OpenConsole(sdbus::Result<sdbus::UnixFd>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_console,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<sdbus::UnixFd> {
              const bool force = given.take<bool>("force").value_or(false);
              given.refuse_unknown();
              require_active();
              hypervisor_->require(Feature::console);
              auto console = co_await hypervisor_->run(
                  Lane::work, [uuid = machine_->uuid, force](Port& port) { return port.open_console(uuid, force); });
              co_return sdbus::UnixFd(console.release(), sdbus::adopt_fd);
          });
}

sdbus::ObjectPath MachineObject::Hypervisor() { return hypervisor_path(hypervisor_->name()); }
sdbus::ObjectPath MachineObject::CurrentJob() { return job_path(machine_->current_job); }

Claims::Claim MachineObject::claim_images() const {
    return claim_disks(jobs_, *hypervisor_, "the start of machine " + machine_->name, machine_->disks);
}

}  // namespace virtbus::bus
