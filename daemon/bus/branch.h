// SPDX-License-Identifier: LGPL-2.1-or-later
// One hypervisor's object, and those of its machines, pools, images and networks: hears what the model tells, puts
// objects on the bus, lets them show what changed, and takes them away. Main thread only.
#pragma once

#include "bus/hypervisor_object.h"
#include "bus/image_object.h"
#include "bus/machine_objects.h"
#include "bus/manager_object.h"
#include "bus/network_object.h"
#include "bus/pool_object.h"
#include "bus/served_object.h"
#include "bus/shelf.h"

#include <functional>
#include <memory>
#include <string>

namespace virtbus::bus {

class Branch final : public InventoryObserver,
                     public StorageObserver,
                     public NetworksObserver,
                     public HypervisorObserver {
public:
    struct Surroundings {
        Services services;
        Jobs& jobs;
        ImageJobs& image_jobs;
        IdentityJobs& identity_jobs;
        MachineClones& clones;
        std::shared_ptr<ContainerTool> containers;
        const AllowedFiles& allowed;
        ManagerObject& manager;
        std::function<void()> status_changed;
    };

    Branch(Surroundings surroundings, std::shared_ptr<Hypervisor> hypervisor);
    Branch(const Branch&) = delete;
    Branch& operator=(const Branch&) = delete;
    ~Branch() override;

    /// Announces that all of them are gone, and takes them off the bus.
    void end();

    /// What is known of the machine-id of one of its machines has changed.
    void identity_changed(const Uuid& machine);

    void status_changed(const HypervisorStatus& before, const HypervisorStatus& after) override;

    void added(const MachinePtr& machine) override;
    void changed(const MachinePtr& before, const MachinePtr& after) override;
    void happened(const Uuid& uuid, const LifecycleEvent& event) override;
    void removed(const MachinePtr& machine) override;
    void resynced() override;

    void pool_added(const PoolPtr& pool) override;
    void pool_changed(const PoolPtr& after) override;
    void pool_removed(const PoolPtr& pool) override;
    void image_added(const ImagePtr& image) override;
    void image_changed(const ImagePtr& after) override;
    void image_removed(const ImagePtr& image) override;
    void links_changed(const ImagePtr& image) override;

    void network_added(const NetworkPtr& network) override;
    void network_changed(const NetworkPtr& after) override;
    void network_removed(const NetworkPtr& network) override;

private:
    Surroundings around_;
    std::shared_ptr<Hypervisor> hypervisor_;
    std::shared_ptr<HypervisorObject> object_;
    Shelf<Uuid, MachineObjects> machines_;
    Shelf<std::string, PoolObject> pools_;
    Shelf<std::string, ImageObject> images_;  // by pool/name
    Shelf<std::string, NetworkObject> networks_;
};

}  // namespace virtbus::bus
