// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/tree.h"

#include "bus/paths.h"

#include <fmt/format.h>

namespace virtbus::bus {

namespace {

/// Answers whoever still waits, before the object's vtable goes.
template <typename Object>
void take_off(Object& object) {
    object.retire(Error(Code::disconnected, "virtbusd is stopping"));
    object.unregisterAdaptor();
}

}  // namespace

/// One hypervisor's object and those of its machines.
class Tree::Branch final : public InventoryObserver, public HypervisorObserver {
public:
    Branch(Tree& tree, std::shared_ptr<Hypervisor> hypervisor)
        : tree_(tree),
          hypervisor_(std::move(hypervisor)),
          object_(std::make_shared<HypervisorObject>(tree.services_, hypervisor_, tree.allowed_)) {
        object_->announce();
        hypervisor_->observe(this);
        hypervisor_->inventory().observe(this);
    }
    Branch(const Branch&) = delete;
    Branch& operator=(const Branch&) = delete;
    ~Branch() override {
        hypervisor_->observe(nullptr);
        hypervisor_->inventory().observe(nullptr);
        for (const auto& [uuid, machine] : leaving_)
            if (const auto object = machine.lock()) object->end();
        for (const auto& [uuid, machine] : machines_) take_off(*machine);
        take_off(*object_);
    }

    void status_changed(const HypervisorStatus& before, const HypervisorStatus& after) override {
        object_->show(before, after);
        tree_.tell_status();
    }

    void added(const MachinePtr& machine) override {
        // The same UUID again, so soon that the old object is still replying to its last callers.
        if (const auto old = leaving_[machine->uuid].lock()) old->end();
        leaving_.erase(machine->uuid);
        auto& object = machines_[machine->uuid];
        object = std::make_shared<MachineObject>(tree_.services_, hypervisor_, tree_.jobs_, machine);
        object->announce();
    }
    void changed(const MachinePtr&, const MachinePtr& after) override { machines_.at(after->uuid)->show(after); }
    void happened(const Uuid& uuid, const LifecycleEvent& event) override {
        const auto sequence = tree_.manager_->tell_lifecycle(machine_path(hypervisor_->name(), uuid), event);
        if (const auto object = machines_.find(uuid); object != machines_.end()) object->second->tell(event, sequence);
    }
    void removed(const MachinePtr& machine) override {
        const auto object = machines_.extract(machine->uuid).mapped();
        std::erase_if(leaving_, [](const auto& entry) { return entry.second.expired(); });
        leaving_[machine->uuid] = object;
        spawn(tree_.services_.loop, MachineObject::leave(object), "a machine's leaving");
    }
    void resynced() override {
        tree_.manager_->tell_resynced(*hypervisor_);
        tree_.tell_status();
    }

private:
    Tree& tree_;
    std::shared_ptr<Hypervisor> hypervisor_;
    std::shared_ptr<HypervisorObject> object_;
    std::unordered_map<Uuid, std::shared_ptr<MachineObject>> machines_;
    std::unordered_map<Uuid, std::weak_ptr<MachineObject>> leaving_;
};

Tree::Tree(Services services, std::vector<std::shared_ptr<Hypervisor>> hypervisors, Jobs& jobs, AllowedFiles allowed,
           StatusListener listener)
    : services_(services),
      hypervisors_(std::move(hypervisors)),
      jobs_(jobs),
      allowed_(std::move(allowed)),
      listener_(std::move(listener)),
      log_control_(services.connection),
      manager_(std::make_shared<ManagerObject>(services, hypervisors_, jobs)) {
    for (const auto& hypervisor : hypervisors_) branches_.push_back(std::make_unique<Branch>(*this, hypervisor));
    jobs_.observe(this);
}

Tree::~Tree() {
    jobs_.observe(nullptr);
    for (const auto& [number, job] : job_objects_) take_off(*job);
    branches_.clear();
    take_off(*manager_);
}

void Tree::tell_status() const {
    std::vector<std::string> parts;
    for (const auto& hypervisor : hypervisors_)
        parts.push_back(fmt::format("{} {}, {} machines", hypervisor->name(), to_string(hypervisor->status().connection),
                                    hypervisor->inventory().machines().size()));
    listener_(fmt::format("{}", fmt::join(parts, "; ")));
}

void Tree::job_added(const JobStatus& job) {
    const auto object = std::make_shared<JobObject>(services_, jobs_, job);
    job_objects_[job.number] = object;
    object->announce();
    manager_->tell_job_added(job);
}

void Tree::job_changed(const JobStatus& before, const JobStatus& after) {
    job_objects_.at(after.number)->show(after);
    if (before.state == JobState::running && after.state != JobState::running) manager_->tell_job_ended(after);
}

void Tree::job_removed(const JobStatus& job) {
    const auto node = job_objects_.extract(job.number);
    node.mapped()->leave();
}

}  // namespace virtbus::bus
