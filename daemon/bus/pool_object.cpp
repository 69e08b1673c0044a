// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/pool_object.h"

#include "bus/changes.h"
#include "bus/descriptor.h"
#include "bus/image_options.h"
#include "bus/paths.h"
#include "model/image_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace virtbus::bus {

PoolObject::PoolObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs,
                       ImageJobs& image_jobs, PoolPtr pool)
    : Published(services, pool_path(hypervisor->name(), pool->name)),
      hypervisor_(std::move(hypervisor)),
      jobs_(jobs),
      image_jobs_(image_jobs),
      pool_(std::move(pool)) {}

void PoolObject::show(const PoolPtr& after) {
    Changes changes;
    changes.compare("Uuid", pool_->uuid, after->uuid);
    changes.compare("Type", pool_->type, after->type);
    changes.compare("State", pool_->state, after->state);
    changes.compare("Path", pool_->path, after->path);
    changes.compare("Capacity", pool_->capacity, after->capacity);
    changes.compare("Allocation", pool_->allocation, after->allocation);
    changes.compare("Available", pool_->available, after->available);
    changes.compare("Persistent", pool_->persistent, after->persistent);
    changes.compare("Autostart", pool_->autostart, after->autostart);
    changes.compare("ImageCount", shown_count_, image_count());
    pool_ = after;
    shown_count_ = image_count();
    announce_changes(changes.names());
}

void PoolObject::CreateImage(JobResult&& result, std::string name, std::uint64_t size, VariantMap options) {
    serve(getObject(), std::move(result), Action::image_create,
          [this, name = std::move(name), size,
           given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              const auto image = take_new_image(given, pool_->name, name, "qcow2");
              call.details["image"] = name;
              const auto backing = take_image(given, "backing", hypervisor_->name());
              given.refuse_unknown();
              if (backing && image.format != "qcow2")
                  throw virtbus::Error(Code::invalid_args, "backing: only a qcow2 image can be based on another");
              if (backing) co_await require(Action::image_create, call, about(*backing));
              co_return job_path(image_jobs_.create({hypervisor_, call.uid}, image, size, backing));
          });
}

void PoolObject::ImportImage(JobResult&& result, std::string name, sdbus::UnixFd source, std::string format,
                             VariantMap options) {
    serve(getObject(), std::move(result), Action::image_create,
          [this, name = std::move(name), source = std::move(source), format = std::move(format),
           given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              check_image_name("name", name);
              call.details["image"] = name;
              check_image_format("format", format);
              ImportPlan plan;
              plan.size = given.take<std::uint64_t>("size");
              plan.sha256 = take_sha256(given);
              given.refuse_unknown();
              plan.source = take_descriptor("source", std::move(source), Access::reading);
              const NewImage image{pool_->name, name, format, Preallocation::off};
              co_return job_path(image_jobs_.import_image({hypervisor_, call.uid}, image, plan));
          });
}

void PoolObject::Refresh(JobResult&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::pool_manage,
          [this, given = Options(std::move(options))](Call& call) -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              co_return job_path(image_jobs_.refresh({hypervisor_, call.uid}, pool_->name));
          });
}

void PoolObject::Start(Result&& result, VariantMap options) {
    serve_work(std::move(result), Action::pool_manage, std::move(options),
               [](StoragePort& port, const std::string& name) { port.start_pool(name); });
}

void PoolObject::Stop(Result&& result, VariantMap options) {
    const auto rule = [this] { refuse_jobs(); };
    serve_work(std::move(result), Action::pool_manage, std::move(options), &StoragePort::stop_pool, rule);
}

void PoolObject::Delete(Result&& result, VariantMap options) {
    const auto rule = [this] {
        refuse_jobs();
        refuse_running_machines();
    };
    serve_work(std::move(result), Action::pool_manage, std::move(options), &StoragePort::delete_pool, rule);
}

void PoolObject::SetAutostart(Result&& result, bool autostart, VariantMap options) {
    serve_work(std::move(result), Action::pool_manage, std::move(options),
               [autostart](StoragePort& port, const std::string& name) { port.set_pool_autostart(name, autostart); });
}

void PoolObject::serve_work(Result&& result, Action action, VariantMap options, PortWork work) {
    serve(getObject(), std::move(result), action,
          [this, given = Options(std::move(options)), work = std::move(work)](Call&) -> Task<> {
              given.refuse_unknown();
              co_await call_port(work);
              co_await hypervisor_->storage().refreshed(pool_->name, false);
          });
}

void PoolObject::serve_work(Result&& result, Action action, VariantMap options, Ending work,
                            std::function<void()> rule) {
    serve(getObject(), std::move(result), action,
          [this, given = Options(std::move(options)), work, rule = std::move(rule)](Call&) -> Task<> {
              given.refuse_unknown();
              rule();
              co_await call_port([work](StoragePort& port, const std::string& name) { (port.*work)(name); });
              co_await hypervisor_->storage().settled(pool_->name);
          });
}

Task<> PoolObject::call_port(PortWork work) {
    auto call = [work = std::move(work), name = pool_->name](Port& port) { work(port.storage(), name); };
    co_await hypervisor_->run(Lane::work, std::move(call));
}

std::uint32_t PoolObject::image_count() const {
    return static_cast<std::uint32_t>(hypervisor_->storage().images(pool_->name).size());
}

void PoolObject::refuse_jobs() const {
    jobs_.claims().refuse_any([this](const ObjectRef& object) {
        const auto* image = std::get_if<ImageRef>(&object);
        return image != nullptr && image->hypervisor == hypervisor_->name() && image->pool == pool_->name;
    });
}

void PoolObject::refuse_running_machines() const {
    for (const auto& [name, image] : hypervisor_->storage().images(pool_->name))
        refuse_running(*hypervisor_, *image, "remove the pool of");
}

sdbus::ObjectPath PoolObject::Hypervisor() { return hypervisor_path(hypervisor_->name()); }

virtbus::Error PoolObject::gone() const { return {Code::no_such_pool, fmt::format("pool {} is gone", pool_->name)}; }

}  // namespace virtbus::bus
