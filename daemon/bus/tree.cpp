// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/tree.h"

#include "bus/paths.h"

#include <asio/post.hpp>
#include <fmt/format.h>

namespace virtbus::bus {

Tree::Tree(Services services, std::vector<std::shared_ptr<Hypervisor>> hypervisors, Jobs& jobs, ImageJobs& image_jobs,
           AllowedFiles allowed, StatusListener listener)
    : services_(services),
      hypervisors_(std::move(hypervisors)),
      jobs_(jobs),
      image_jobs_(image_jobs),
      allowed_(std::move(allowed)),
      listener_(std::move(listener)),
      log_control_(services.connection),
      manager_(std::make_shared<ManagerObject>(services, hypervisors_, jobs)) {
    const Branch::Surroundings surroundings{services_, jobs_, image_jobs_, allowed_, *manager_,
                                            [this] { tell_status(); }};
    for (const auto& hypervisor : hypervisors_) branches_.push_back(std::make_unique<Branch>(surroundings, hypervisor));
    jobs_.observe(this);
}

Tree::~Tree() {
    jobs_.observe(nullptr);
    for (const auto& [number, job] : job_objects_) job->take_off(stopping());
    branches_.clear();
    manager_->retire(stopping());
    manager_->unregisterAdaptor();
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
    // Not in this turn: it may be serving the call that ends it.
    asio::post(services_.loop, [object = job_objects_.extract(job.number).mapped()] { object->end(); });
}

}  // namespace virtbus::bus
