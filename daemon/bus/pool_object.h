// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Pool: shows one pool of the mirror, and makes images in it. Main thread only.
#pragma once

#include "bus/options.h"
#include "bus/published.h"
#include "model/hypervisor.h"
#include "model/image_jobs.h"

#include <org.virtbus1.Pool_adaptor.h>
#include <org.virtbus1.Pool_properties.h>

#include <functional>
#include <memory>

namespace virtbus::bus {

class PoolObject final : public Published<PoolObject, org::virtbus1::Pool_adaptor, org::virtbus1::Pool_properties> {
public:
    PoolObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs, ImageJobs& image_jobs,
               PoolPtr pool);

    /// Shows `after`, and announces which properties differ.
    void show(const PoolPtr& after);
    [[nodiscard]] virtbus::Error gone() const;

private:
    friend org::virtbus1::Pool_properties;
    using Result = sdbus::Result<>;
    using JobResult = sdbus::Result<sdbus::ObjectPath>;

    [[nodiscard]] Details details() const override { return about(*hypervisor_, *pool_); }
    void CreateImage(JobResult&& result, std::string name, std::uint64_t size, VariantMap options) override;
    void ImportImage(JobResult&& result, std::string name, sdbus::UnixFd source, std::string format,
                     VariantMap options) override;
    void Refresh(JobResult&& result, VariantMap options) override;
    void Start(Result&& result, VariantMap options) override;
    void Stop(Result&& result, VariantMap options) override;
    void Delete(Result&& result, VariantMap options) override;
    void SetAutostart(Result&& result, bool autostart, VariantMap options) override;

    std::string Name() override { return pool_->name; }
    sdbus::ObjectPath Hypervisor() override;
    std::string Uuid() override { return pool_->uuid.text(); }
    std::string Type() override { return pool_->type; }
    std::string State() override { return std::string(to_string(pool_->state)); }
    std::string Path() override { return pool_->path; }
    std::uint64_t Capacity() override { return pool_->capacity; }
    std::uint64_t Allocation() override { return pool_->allocation; }
    std::uint64_t Available() override { return pool_->available; }
    bool Persistent() override { return pool_->persistent; }
    bool Autostart() override { return pool_->autostart; }
    std::uint32_t ImageCount() override { return image_count(); }

    using PortWork = std::function<void(StoragePort&, const std::string& name)>;
    using Ending = void (StoragePort::*)(const std::string& name);
    /// A call of the port, and replies when its effect shows.
    void serve_work(Result&& result, Action action, VariantMap options, PortWork work);
    /// The same of what may end it, which `rule` may refuse.
    void serve_work(Result&& result, Action action, VariantMap options, Ending work, std::function<void()> rule);
    Task<> call_port(PortWork work);
    [[nodiscard]] std::uint32_t image_count() const;
    /// Error in_use when a job works on one of its images.
    void refuse_jobs() const;
    /// Error in_use when a running machine has one of its images as a disk.
    void refuse_running_machines() const;

    std::shared_ptr<virtbus::Hypervisor> hypervisor_;
    Jobs& jobs_;
    ImageJobs& image_jobs_;
    PoolPtr pool_;
    std::uint32_t shown_count_ = 0;
};

}  // namespace virtbus::bus
