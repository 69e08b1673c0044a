// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/branch.h"

#include "bus/paths.h"

namespace virtbus::bus {

namespace {

std::string key_of(const Image& image) { return image.pool + "/" + image.name; }

}  // namespace

Branch::Branch(Surroundings surroundings, std::shared_ptr<Hypervisor> hypervisor)
    : around_(std::move(surroundings)),
      hypervisor_(std::move(hypervisor)),
      object_(std::make_shared<HypervisorObject>(around_.services, hypervisor_, around_.jobs, around_.allowed)),
      machines_(around_.services.loop),
      pools_(around_.services.loop),
      images_(around_.services.loop),
      networks_(around_.services.loop) {
    object_->announce();
    hypervisor_->observe(this);
    hypervisor_->inventory().observe(this);
    hypervisor_->storage().observe(this);
    hypervisor_->networks().observe(this);
}

Branch::~Branch() {
    hypervisor_->observe(nullptr);
    hypervisor_->inventory().ignore(this);
    hypervisor_->storage().ignore(this);
    hypervisor_->networks().ignore(this);
    object_->take_off(stopping());  // nothing, when it has ended
}

void Branch::end() {
    images_.clear();
    pools_.clear();
    networks_.clear();
    machines_.clear();
    object_->end();
}

void Branch::status_changed(const HypervisorStatus& before, const HypervisorStatus& after) {
    object_->show(before, after);
    around_.status_changed();
}

void Branch::added(const MachinePtr& machine) {
    const auto& services = around_.services;
    MachineObjects::Faces faces;
    faces.machine = std::make_shared<MachineObject>(services, hypervisor_, around_.jobs, around_.clones, machine);
    faces.id = std::make_shared<MachineIdObject>(services, around_.identity_jobs.identities(),
                                                 machine_subject(hypervisor_, *machine, around_.identity_jobs));
    if (machine->kind == Kind::container)
        faces.container =
            std::make_shared<ContainerObject>(services, hypervisor_, around_.jobs, around_.containers, machine);
    else
        faces.virtual_machine = std::make_shared<VirtualMachineObject>(services, hypervisor_, around_.jobs, machine);
    machines_.put(machine->uuid, std::move(faces));
}

void Branch::changed(const MachinePtr&, const MachinePtr& after) { machines_.at(after->uuid).show(after); }

void Branch::happened(const Uuid& uuid, const LifecycleEvent& event) {
    const auto sequence = around_.manager.tell_lifecycle(machine_path(hypervisor_->name(), uuid), event);
    if (auto* machine = machines_.find(uuid)) machine->tell(event, sequence);
}

void Branch::removed(const MachinePtr& machine) { machines_.remove(machine->uuid); }

void Branch::identity_changed(const Uuid& machine) {
    if (auto* objects = machines_.find(machine)) objects->show_identity();
}

void Branch::resynced() {
    around_.manager.tell_resynced(*hypervisor_);
    around_.status_changed();
}

void Branch::pool_added(const PoolPtr& pool) {
    pools_.put(pool->name, around_.services, hypervisor_, around_.jobs, around_.image_jobs, pool);
    object_->show_pools();
}

void Branch::pool_changed(const PoolPtr& after) { pools_.at(after->name).show(after); }

void Branch::pool_removed(const PoolPtr& pool) {
    pools_.remove(pool->name);
    object_->show_pools();
}

void Branch::image_added(const ImagePtr& image) {
    images_.put(key_of(*image), around_.services, hypervisor_, around_.image_jobs, image);
}

void Branch::image_changed(const ImagePtr& after) { images_.at(key_of(*after)).show(after); }

void Branch::image_removed(const ImagePtr& image) { images_.remove(key_of(*image)); }

void Branch::links_changed(const ImagePtr& image) {
    if (auto* object = images_.find(key_of(*image))) object->show_links();
}

void Branch::network_added(const NetworkPtr& network) {
    networks_.put(network->name, around_.services, hypervisor_, network);
    object_->show_networks();
}

void Branch::network_changed(const NetworkPtr& after) { networks_.at(after->name).show(after); }

void Branch::network_removed(const NetworkPtr& network) {
    networks_.remove(network->name);
    object_->show_networks();
}

}  // namespace virtbus::bus
