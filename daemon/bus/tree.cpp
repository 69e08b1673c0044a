// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/tree.h"

#include "bus/paths.h"

#include <fmt/format.h>
#include <asio/post.hpp>

namespace virtbus::bus {

Tree::Tree(Services services, Model model, StatusListener listener)
    : services_(services),
      model_(std::move(model)),
      listener_(std::move(listener)),
      log_control_(services.connection),
      manager_(std::make_shared<ManagerObject>(services, model_.hypervisors, model_.jobs, model_.identity_jobs,
                                               model_.host, model_.read_configuration)),
      host_id_(std::make_shared<MachineIdObject>(services, model_.identity_jobs.identities(),
                                                 host_subject(model_.host, model_.jobs))),
      host_machine_id_(std::make_shared<HostMachineIdObject>(services, model_.host, model_.hypervisors)) {
    host_id_->announce();
    host_machine_id_->announce();
    model_.hypervisors.observe(this);
    model_.jobs.observe(this);
    model_.identity_jobs.identities().observe(this);
    model_.host.on_change([this] { host_machine_id_->show(); });
}

Tree::~Tree() {
    model_.host.on_change({});
    model_.identity_jobs.identities().observe(nullptr);
    model_.jobs.observe(nullptr);
    model_.hypervisors.ignore(this);
    for (const auto& [number, job] : job_objects_) job->take_off(stopping());
    branches_.clear();
    host_machine_id_->take_off(stopping());
    host_id_->take_off(stopping());
    manager_->retire(stopping());
    manager_->unregisterAdaptor();
}

void Tree::added(const std::shared_ptr<Hypervisor>& hypervisor) {
    const Branch::Surroundings surroundings{
        services_,         model_.jobs,    model_.image_jobs, model_.identity_jobs,     model_.clones,
        model_.containers, model_.allowed, *manager_,         [this] { tell_status(); }};
    branches_[hypervisor->name()] = std::make_unique<Branch>(surroundings, hypervisor);
    manager_->tell_hypervisors();
    tell_status();
}

void Tree::removed(const std::shared_ptr<Hypervisor>& hypervisor) {
    const auto branch = std::move(branches_.extract(hypervisor->name()).mapped());
    branch->end();
    manager_->tell_hypervisors();
    tell_status();
}

void Tree::identity_changed(const ObjectRef& subject) {
    if (const auto* machine = std::get_if<MachineRef>(&subject)) {
        const auto branch = branches_.find(machine->hypervisor);
        if (branch != branches_.end()) branch->second->identity_changed(machine->uuid);
    } else {
        host_id_->show();
    }
}

void Tree::duplicates_found(const std::string& fingerprint, const std::vector<ObjectRef>& subjects) {
    manager_->tell_duplicates(fingerprint, subjects);
}

void Tree::duplicates_resolved(const std::string& fingerprint) { manager_->tell_duplicates_resolved(fingerprint); }

void Tree::tell_status() const {
    std::vector<std::string> parts;
    for (const auto& hypervisor : model_.hypervisors.all())
        parts.push_back(fmt::format("{} {}, {} machines", hypervisor->name(),
                                    to_string(hypervisor->status().connection),
                                    hypervisor->inventory().machines().size()));
    listener_(fmt::format("{}", fmt::join(parts, "; ")));
}

void Tree::job_added(const JobStatus& job) {
    const auto object = std::make_shared<JobObject>(services_, model_.jobs, job);
    job_objects_[job.number] = object;
    object->announce();
    manager_->tell_job_added(job);
}

void Tree::job_changed(const JobStatus& before, const JobStatus& after) {
    job_objects_.at(after.number)->show(after);
    if (before.state == JobState::running && after.state != JobState::running) manager_->tell_job_ended(after);
}

void Tree::job_removed(const JobStatus& job) {
    // Not in this turn: it may be serving the call that ends it.
    asio::post(services_.loop, [object = job_objects_.extract(job.number).mapped()] { object->end(); });
}

}  // namespace virtbus::bus
