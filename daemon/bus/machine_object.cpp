// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_object.h"

#include "bus/machine_properties.h"
#include "bus/paths.h"
#include "model/hostname.h"
#include "model/image_rules.h"
#include "model/machine_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace virtbus::bus {

namespace {

constexpr std::uint64_t shutdown_timeout_min = 1'000'000;
constexpr std::uint64_t shutdown_timeout_max = 3'600'000'000;

GuestMode take_mode(Options& options) {
    const auto mode = options.take<std::string>("mode").value_or("auto");
    if (mode == "auto") return GuestMode::automatic;
    if (mode == "acpi") return GuestMode::acpi;
    if (mode == "agent") return GuestMode::agent;
    throw Error(Code::invalid_args, "mode: must be auto, acpi or agent");
}

ShutdownPlan take_shutdown_plan(Options& options) {
    ShutdownPlan plan;
    plan.mode = take_mode(options);
    if (const auto timeout = options.take<std::uint64_t>("timeout_usec")) {
        if (*timeout < shutdown_timeout_min || *timeout > shutdown_timeout_max)
            throw Error(Code::invalid_args, "timeout_usec: must be between 1 s (1000000) and 1 h (3600000000)");
        plan.timeout = std::chrono::microseconds(*timeout);
    }
    const auto on_timeout = options.take<std::string>("on_timeout").value_or("fail");
    if (on_timeout == "fail")
        plan.on_timeout = OnTimeout::fail;
    else if (on_timeout == "poweroff")
        plan.on_timeout = OnTimeout::power_off;
    else if (on_timeout == "leave")
        plan.on_timeout = OnTimeout::leave;
    else
        throw Error(Code::invalid_args, "on_timeout: must be fail, poweroff or leave");
    options.refuse_unknown();
    return plan;
}

ClonePlan take_clone_plan(Options& options, const std::string& name) {
    using IdentityOf = ClonePlan::IdentityOf;
    ClonePlan plan;
    plan.name = name;
    options.take_into("linked", plan.linked);
    plan.pool = options.take<std::string>("pool");
    plan.hostname = options.take<std::string>("hostname");
    const auto word = options.take<std::string>("machine-id").value_or("regenerate");
    options.refuse_unknown();
    if (word == "seal") {
        plan.identity = IdentityOf::none;
    } else if (word == "keep") {
        plan.identity = IdentityOf::the_source;
    } else if (word != "regenerate") {
        plan.identity = IdentityOf::a_given_one;
        plan.id = MachineId::parse(word);
        if (!plan.id) throw Error(Code::invalid_args, "machine-id: must be regenerate, seal, keep, or 32 hexadecimal digits");
    }
    if (plan.hostname) check_hostname(*plan.hostname);
    if (plan.hostname && plan.identity == IdentityOf::the_source)
        throw Error(Code::invalid_args, "hostname: nothing is changed inside of a copy that keeps its machine-id");
    return plan;
}

void require_active(const Machine& machine) {
    if (!is_active(machine.state))
        throw Error(Code::invalid_state, fmt::format("machine {} is {}: it does not run", machine.name,
                                                     to_string(machine.state)));
}

/// A guest whose CPUs stand still hears nothing.
void require_listening(const Machine& machine) {
    require_active(machine);
    if (machine.state == MachineState::paused || machine.state == MachineState::suspended)
        throw Error(Code::invalid_state, fmt::format("machine {} is {}: Resume it first", machine.name,
                                                     to_string(machine.state)));
}

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
        throw Error(Code::invalid_args, fmt::format("{}: {} is beyond the maximum of the running machine, {}", what,
                                                    amount, maximum_now));
    return {amount, std::nullopt};
}

template <typename Device>
std::vector<VariantMap> to_dictionaries(const std::vector<Device>& devices) {
    std::vector<VariantMap> list;
    std::transform(devices.begin(), devices.end(), std::back_inserter(list),
                   [](const Device& device) { return to_dictionary(device); });
    return list;
}

}  // namespace

MachineObject::MachineObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs,
                             MachineClones& clones, MachinePtr machine)
    : Published(services, machine_path(hypervisor->name(), machine->uuid)),
      hypervisor_(std::move(hypervisor)),
      jobs_(jobs),
      clones_(clones),
      machine_(std::move(machine)) {}

void MachineObject::show(const MachinePtr& after) {
    const auto changes = changes_between(*machine_, *after);
    machine_ = after;
    announce_changes(changes.names());
}

void MachineObject::tell(const LifecycleEvent& event, std::uint64_t sequence) {
    emitLifecycle(event.event, event.detail, sequence);
}

Error MachineObject::gone() const {
    return {Code::no_such_machine, fmt::format("machine {} is gone", machine_->name)};
}

Task<> MachineObject::change(Lane lane, PortWork work) {
    const auto uuid = machine_->uuid;
    co_await hypervisor_->run(lane, std::move(work));
    co_await hypervisor_->inventory().refreshed(uuid);
}

void MachineObject::serve_work(Result&& result, Action action, std::string verb, Feature feature, VariantMap options,
                               PortWork work) {
    serve(getObject(), std::move(result), action,
          [=, this, verb = std::move(verb), given = Options(std::move(options))](Call& call) -> Task<> {
              given.refuse_unknown();
              admit(call, verb, feature);
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
              log_call(call, "start");
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
              require_listening(*machine_);
              log_call(call, "shutdown");
              co_return start_job(JobKind::shutdown, call, shutdown_work(hypervisor_, machine_->uuid, plan));
          });
}

void MachineObject::Reboot(Result&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call& call) mutable -> Task<> {
              const auto mode = take_mode(given);
              given.refuse_unknown();
              admit(call, "reboot", Feature::reboot);
              co_await change(Lane::work, [uuid = machine_->uuid, mode](Port& port) { port.reboot(uuid, mode); });
          });
}

void MachineObject::PowerOff(Result&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call& call) mutable -> Task<> {
              const bool graceful = given.take<bool>("graceful").value_or(false);
              given.refuse_unknown();
              log_call(call, "power off");
              co_await change(Lane::control,
                              [uuid = machine_->uuid, graceful](Port& port) { port.power_off(uuid, graceful); });
          });
}

void MachineObject::Reset(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::machine_control, "reset", Feature::reset, std::move(options),
               [uuid = machine_->uuid](Port& port) { port.reset(uuid); });
}

void MachineObject::Pause(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::machine_control, "pause", Feature::pause, std::move(options),
               [uuid = machine_->uuid](Port& port) { port.pause(uuid); });
}

void MachineObject::Resume(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::machine_control, "resume", Feature::pause, std::move(options),
               [uuid = machine_->uuid](Port& port) { port.resume(uuid); });
}

void MachineObject::Save(JobResult&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call& call) -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              require_active(*machine_);
              if (!machine_->persistent)
                  throw Error(Code::invalid_state, fmt::format("machine {} is transient: it would be lost",
                                                               machine_->name));
              admit(call, "save", Feature::save);
              co_return start_job(JobKind::save, call, save_work(hypervisor_, machine_->uuid));
          });
}

void MachineObject::Clone(JobResult&& result, std::string name, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_create,
          [this, name = std::move(name), given = Options(std::move(options))](
              Call& call) mutable -> Task<sdbus::ObjectPath> {
              const auto plan = take_clone_plan(given, name);
              admit(call, "clone", Feature::define);
              co_return job_path(clones_.clone({hypervisor_, call.uid}, *machine_, plan));
          });
}

void MachineObject::Delete(Result&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_delete,
          [this, given = Options(std::move(options))](Call& call) mutable -> Task<> {
              const bool force = given.take<bool>("force").value_or(false);
              given.refuse_unknown();
              log_call(call, "delete");
              co_await change(Lane::work, [uuid = machine_->uuid, force](Port& port) { port.remove(uuid, force); });
          });
}

void MachineObject::Rename(Result&& result, std::string new_name, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, new_name = std::move(new_name), given = Options(std::move(options))](Call& call) -> Task<> {
              given.refuse_unknown();
              check_name("new_name", new_name);
              admit(call, "rename", Feature::rename);
              auto work = [uuid = machine_->uuid, new_name](Port& port) { port.rename(uuid, new_name); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::SetAutostart(Result&& result, bool autostart, VariantMap options) {
    serve_work(std::move(result), Action::machine_edit, "set autostart", Feature::autostart, std::move(options),
               [uuid = machine_->uuid, autostart](Port& port) { port.set_autostart(uuid, autostart); });
}

void MachineObject::SetMemory(Result&& result, std::uint64_t bytes, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, bytes, given = Options(std::move(options))](Call& call) mutable -> Task<> {
              const auto maximum = given.take<std::uint64_t>("maximum");
              given.refuse_unknown();
              check_memory("bytes", bytes);
              if (maximum) check_memory("maximum", *maximum);
              const auto plan =
                  plan_change<MemoryChange>(*machine_, bytes, maximum, machine_->maximum_memory, "bytes");
              admit(call, "set memory", Feature::memory);
              co_await change(Lane::work, [uuid = machine_->uuid, plan](Port& port) { port.set_memory(uuid, plan); });
          });
}

void MachineObject::SetVcpus(Result&& result, std::uint32_t vcpus, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, vcpus, given = Options(std::move(options))](Call& call) mutable -> Task<> {
              const auto maximum = given.take<std::uint32_t>("maximum");
              given.refuse_unknown();
              check_vcpus("vcpus", vcpus);
              if (maximum) check_vcpus("maximum", *maximum);
              const auto plan = plan_change<VcpuChange>(*machine_, vcpus, maximum, machine_->maximum_vcpus, "vcpus");
              admit(call, "set vcpus", Feature::vcpus);
              co_await change(Lane::work, [uuid = machine_->uuid, plan](Port& port) { port.set_vcpus(uuid, plan); });
          });
}

void MachineObject::SetTitle(Result&& result, std::string title, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, title = std::move(title), given = Options(std::move(options))](Call& call) -> Task<> {
              given.refuse_unknown();
              check_title("title", title);
              admit(call, "set title", Feature::metadata);
              auto work = [uuid = machine_->uuid, title](Port& port) { port.set_title(uuid, title); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::SetDescription(Result&& result, std::string description, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, description = std::move(description), given = Options(std::move(options))](Call& call) -> Task<> {
              given.refuse_unknown();
              check_description("description", description);
              admit(call, "set description", Feature::metadata);
              auto work = [uuid = machine_->uuid, description](Port& port) { port.set_description(uuid, description); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::SetTags(Result&& result, std::vector<std::string> tags, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, tags = std::move(tags), given = Options(std::move(options))](Call& call) -> Task<> {
              given.refuse_unknown();
              const auto clean = check_tags("tags", tags);
              admit(call, "set tags", Feature::metadata);
              auto work = [uuid = machine_->uuid, clean](Port& port) { port.set_tags(uuid, clean); };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::GetXml(sdbus::Result<std::string, std::uint64_t>&& result, VariantMap options) {
    using Answer = std::tuple<std::string, std::uint64_t>;
    serve(getObject(), std::move(result), Action::machine_inspect,
          [this, given = Options(std::move(options))](Call&) mutable -> Task<Answer> {
              const bool inactive = given.take<bool>("inactive").value_or(false);
              given.refuse_unknown();
              // Taken before the XML: should the definition change in between, DefineXml refuses and nothing is lost.
              const auto generation = machine_->generation;
              auto xml = co_await hypervisor_->run(Lane::query, [uuid = machine_->uuid, inactive](Port& port) {
                  return port.machine_xml(uuid, inactive);
              });
              co_return Answer(std::move(xml), generation);
          });
}

void MachineObject::DefineXml(Result&& result, std::string xml, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_edit,
          [this, xml = std::move(xml), given = Options(std::move(options))](Call& call) mutable -> Task<> {
              const auto generation = given.take<std::uint64_t>("generation");
              given.refuse_unknown();
              if (generation && *generation != machine_->generation)
                  throw Error(Code::stale_generation,
                              fmt::format("the definition of {} has changed since generation {}; it is {} now: read it "
                                          "again", machine_->name, *generation, machine_->generation));
              admit(call, "define", Feature::define);
              const auto expected = generation ? std::optional(machine_->definition) : std::nullopt;
              auto work = [uuid = machine_->uuid, xml = std::move(xml), expected](Port& port) {
                  port.redefine(uuid, xml, expected);
              };
              co_await change(Lane::work, std::move(work));
          });
}

void MachineObject::OpenConsole(sdbus::Result<sdbus::UnixFd>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_console,
          [this, given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::UnixFd> {
              const bool force = given.take<bool>("force").value_or(false);
              given.refuse_unknown();
              require_active(*machine_);
              admit(call, "open console", Feature::console);
              auto console = co_await hypervisor_->run(
                  Lane::work, [uuid = machine_->uuid, force](Port& port) { return port.open_console(uuid, force); });
              co_return sdbus::UnixFd(console.release(), sdbus::adopt_fd);
          });
}

sdbus::ObjectPath MachineObject::Hypervisor() { return hypervisor_path(hypervisor_->name()); }
sdbus::ObjectPath MachineObject::CurrentJob() { return job_path(machine_->current_job); }
std::vector<VariantMap> MachineObject::Disks() { return to_dictionaries(machine_->disks); }
std::vector<VariantMap> MachineObject::Interfaces() { return to_dictionaries(machine_->interfaces); }
std::vector<VariantMap> MachineObject::Graphics() { return to_dictionaries(machine_->graphics); }

sdbus::ObjectPath MachineObject::start_job(JobKind kind, const Call& call, Jobs::Work work) {
    const MachineRef machine{hypervisor_->name(), machine_->uuid};
    return job_path(jobs_.start({kind, machine, call.uid, {machine}, {}}, std::move(work)));
}

Claims::Claim MachineObject::claim_images() const {
    return claim_disks(jobs_, *hypervisor_, "the start of machine " + machine_->name, machine_->disks);
}

void MachineObject::log_call(const Call& call, std::string_view verb) const {
    log::info(fmt::format("uid {}: {} machine {}", call.uid, verb, machine_->name),
              {{"VIRTBUS_MACHINE", machine_->uuid.text()},
               {"VIRTBUS_HYPERVISOR", hypervisor_->name()},
               {"VIRTBUS_UID", std::to_string(call.uid)},
               {"VIRTBUS_SENDER", call.sender}});
}

}  // namespace virtbus::bus
