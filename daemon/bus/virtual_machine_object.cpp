// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/virtual_machine_object.h"

#include "bus/changes.h"
#include "bus/paths.h"
#include "model/machine_jobs.h"

#include <fmt/format.h>

namespace virtbus::bus {

VirtualMachineObject::VirtualMachineObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor,
                                           Jobs& jobs, MachinePtr machine)
    : Published(services, machine_path(hypervisor->name(), machine->uuid)),
      MachineFace(std::move(hypervisor), jobs, std::move(machine)) {}

void VirtualMachineObject::show(const MachinePtr& after) {
    Changes changes;
    changes.compare("MachineType", machine_->machine_type, after->machine_type);
    changes.compare("Firmware", machine_->firmware, after->firmware);
    changes.compare("Saved", machine_->saved, after->saved);
    changes.compare("Disks", machine_->disks, after->disks);
    changes.compare("Graphics", machine_->graphics, after->graphics);
    changes.compare("Agent", machine_->agent, after->agent);
    machine_ = after;
    announce_changes(changes.names());
}

void VirtualMachineObject::Reset(sdbus::Result<>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              hypervisor_->require(Feature::reset);
              co_await change(Lane::work, [uuid = machine_->uuid](Port& port) { port.reset(uuid); });
          });
}

void VirtualMachineObject::Save(sdbus::Result<sdbus::ObjectPath>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::machine_control,
          [this, given = Options(std::move(options))](Call& call) -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              require_active();
              if (!machine_->persistent)
                  throw Error(Code::invalid_state,
                              fmt::format("machine {} is transient: it would be lost", machine_->name));
              hypervisor_->require(Feature::save);
              co_return start_job(JobKind::save, call, save_work(hypervisor_, machine_->uuid));
          });
}

}  // namespace virtbus::bus
