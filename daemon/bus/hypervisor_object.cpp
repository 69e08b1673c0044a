// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/hypervisor_object.h"

#include "bus/machine_spec_reader.h"
#include "bus/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace virtbus::bus {

namespace {

template <typename Word>
std::vector<std::string> to_strings(const std::vector<Word>& words) {
    std::vector<std::string> texts;
    std::transform(words.begin(), words.end(), std::back_inserter(texts),
                   [](Word word) { return std::string(to_string(word)); });
    return texts;
}

}  // namespace

HypervisorObject::HypervisorObject(Services services, std::shared_ptr<Hypervisor> hypervisor,
                                   const AllowedFiles& allowed)
    : AdaptorInterfaces(services.connection, hypervisor_path(hypervisor->name())),
      ServedObject(services),
      hypervisor_(std::move(hypervisor)),
      allowed_(allowed) {
    registerAdaptor();
}

void HypervisorObject::announce() { getObject().emitInterfacesAddedSignal({INTERFACE_NAME}); }

void HypervisorObject::show(const HypervisorStatus& before, const HypervisorStatus& after) {
    std::vector<std::string> names;
    const auto compare = [&](const char* name, const auto& old_value, const auto& new_value) {
        if (old_value != new_value) names.emplace_back(name);
    };
    const auto connected = [](const HypervisorStatus& status) {
        return status.connection == virtbus::ConnectionState::connected;
    };
    compare("Driver", before.info.driver, after.info.driver);
    compare("Type", before.info.type, after.info.type);
    compare("Connected", connected(before), connected(after));
    compare("ConnectionState", before.connection, after.connection);
    compare("ConnectionError", before.error, after.error);
    compare("Version", before.info.version, after.info.version);
    compare("LibvirtVersion", before.info.libvirt_version, after.info.libvirt_version);
    compare("Hostname", before.info.hostname, after.info.hostname);
    compare("Arch", before.info.arch, after.info.arch);
    compare("Cpu", before.info.cpu, after.info.cpu);
    compare("HardwareVirtualization", before.info.hardware, after.info.hardware);
    compare("Accelerations", before.info.accelerations, after.info.accelerations);
    compare("GuestTypes", before.info.guest_types, after.info.guest_types);
    compare("Cpus", before.info.cpus, after.info.cpus);
    compare("Memory", before.info.memory, after.info.memory);
    if (!names.empty()) getObject().emitPropertiesChangedSignal(INTERFACE_NAME, names);
}

void HypervisorObject::CreateMachine(PathResult&& result, VariantMap spec) {
    serve(getObject(), std::move(result), Action::machine_create,
          [this, values = std::move(spec)](Call& call) mutable -> Task<sdbus::ObjectPath> {
              auto wanted = read_machine_spec(std::move(values));
              validate(wanted, allowed_);
              wanted.owner = call.uid;
              const auto uuid = wanted.uuid.value_or(Uuid::random());
              wanted.uuid = uuid;
              log_call(call, "create machine " + wanted.name);
              auto work = [wanted = std::move(wanted)](Port& port) { return port.create(wanted); };
              co_await settled(hypervisor_->run(Lane::work, std::move(work)), uuid);
              co_return machine_path(hypervisor_->name(), uuid);
          });
}

Task<> HypervisorObject::settled(Task<Uuid> making, Uuid uuid) {
    std::exception_ptr failure;
    try {
        co_await std::move(making);
    } catch (...) {
        failure = std::current_exception();
    }
    try {
        co_await hypervisor_->inventory().refreshed(uuid);
    } catch (...) {
        if (!failure) throw;
    }
    if (failure) std::rethrow_exception(failure);
}

void HypervisorObject::DefineXml(PathResult&& result, std::string xml, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_create,
          [this, xml = std::move(xml),
           given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              log_call(call, "define a machine");
              auto work = [xml = std::move(xml)](Port& port) { return port.define(xml); };
              const auto uuid = co_await hypervisor_->run(Lane::work, std::move(work));
              co_await hypervisor_->inventory().refreshed(uuid);
              co_return machine_path(hypervisor_->name(), uuid);
          });
}

void HypervisorObject::GetCapabilitiesXml(sdbus::Result<std::string>&& result) {
    serve(getObject(), std::move(result), Action::hypervisor_inspect, [this](Call&) -> Task<std::string> {
        co_return co_await hypervisor_->run(Lane::query, [](Port& port) { return port.capabilities_xml(); });
    });
}

void HypervisorObject::Reconnect(sdbus::Result<>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::hypervisor_manage,
          [this, given = Options(std::move(options))](Call& call) -> Task<> {
              given.refuse_unknown();
              log_call(call, "reconnect");
              hypervisor_->reconnect();
              co_return;
          });
}

std::vector<std::string> HypervisorObject::Accelerations() { return to_strings(info().accelerations); }
std::vector<std::string> HypervisorObject::GuestTypes() { return to_strings(info().guest_types); }

void HypervisorObject::log_call(const Call& call, std::string_view verb) const {
    log::info(fmt::format("uid {}: {} on hypervisor {}", call.uid, verb, hypervisor_->name()),
              {{"VIRTBUS_HYPERVISOR", hypervisor_->name()},
               {"VIRTBUS_UID", std::to_string(call.uid)},
               {"VIRTBUS_SENDER", call.sender}});
}

}  // namespace virtbus::bus
