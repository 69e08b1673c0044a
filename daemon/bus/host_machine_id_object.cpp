// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/host_machine_id_object.h"

#include "bus/changes.h"
#include "bus/paths.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus::bus {

namespace {

IdFile read_file_word(const std::string& word) {
    const auto file = to_id_file(word);
    if (!file) throw Error(Code::invalid_args, "file: must be \"\", etc or dbus; paths are not taken");
    return *file;
}

std::string text_of(const std::optional<MachineId>& id) { return id ? id->text() : std::string(); }

}  // namespace

HostMachineIdObject::HostMachineIdObject(Services services, HostIdentity& host, const Hypervisors& hypervisors)
    : Published(services, object_path(HostRef{})), host_(host), hypervisors_(hypervisors), shown_(now()) {}

HostMachineIdObject::Shown HostMachineIdObject::now() const {
    return {text_of(host_.reading().etc.systemd), text_of(host_.dbus_id()), host_.reboot_required()};
}

void HostMachineIdObject::show() {
    const auto after = now();
    Changes changes;
    changes.compare("EtcId", shown_.etc, after.etc);
    changes.compare("DbusId", shown_.dbus, after.dbus);
    changes.compare("RebootRequired", shown_.reboot_required, after.reboot_required);
    shown_ = after;
    announce_changes(changes.names());
}

std::size_t HostMachineIdObject::running_guests() const {
    std::size_t count = 0;
    for (const auto& hypervisor : hypervisors_.all())
        for (const auto& [uuid, machine] : hypervisor->inventory().machines())
            if (is_active(machine->state)) ++count;
    return count;
}

void HostMachineIdObject::Get(sdbus::Result<std::string>&& result, std::string file) {
    serve(getObject(), std::move(result), Action::read, [this, file = std::move(file)](Call&) -> Task<std::string> {
        const auto id = co_await host_.get(read_file_word(file));
        co_return id.text();
    });
}

void HostMachineIdObject::Ensure(sdbus::Result<bool, std::string>&& result, std::string file, VariantMap options) {
    serve(getObject(), std::move(result), Action::host_machine_id_ensure,
          [this, file = std::move(file),
           given = Options(std::move(options))](Call&) -> Task<std::tuple<bool, std::string>> {
              given.refuse_unknown();
              const auto word = read_file_word(file);
              const auto ensured = co_await host_.ensure(word);
              co_return std::tuple{ensured.created, ensured.id.text()};
          });
}

void HostMachineIdObject::LinkDbus(sdbus::Result<bool>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::host_machine_id_ensure,
          [this, given = Options(std::move(options))](Call&) -> Task<bool> {
              given.refuse_unknown();
              co_return co_await host_.link_dbus();
          });
}

void HostMachineIdObject::PrepareRegenerate(sdbus::Result<std::string, Consequences, std::uint64_t>&& result,
                                            VariantMap options) {
    serve(getObject(), std::move(result), Action::host_machine_id_regenerate,
          [this, given = Options(std::move(options))](
              Call& call) -> Task<std::tuple<std::string, Consequences, std::uint64_t>> {
              given.refuse_unknown();
              const auto prepared = co_await host_.prepare(call.sender, running_guests());
              Consequences consequences;
              for (const auto& [word, text] : prepared.consequences) consequences.emplace_back(word, text);
              co_return std::tuple{prepared.token, std::move(consequences), prepared.expires};
          });
}

void HostMachineIdObject::Regenerate(sdbus::Result<std::string>&& result, std::string token, VariantMap options) {
    serve(getObject(), std::move(result), Action::host_machine_id_regenerate,
          [this, token = std::move(token), given = Options(std::move(options))](Call& call) -> Task<std::string> {
              given.refuse_unknown();
              const auto id = co_await host_.regenerate(call.sender, token, running_guests());
              co_return id.text();
          });
}

}  // namespace virtbus::bus
