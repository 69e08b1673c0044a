// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/image_object.h"

#include "bus/changes.h"
#include "bus/descriptor.h"
#include "bus/image_options.h"
#include "bus/paths.h"

#include <fmt/format.h>

namespace virtbus::bus {

ImageObject::ImageObject(Services services, std::shared_ptr<Hypervisor> hypervisor, ImageJobs& image_jobs,
                         ImagePtr image)
    : Published(services, image_path(hypervisor->name(), image->pool, image->name)),
      hypervisor_(std::move(hypervisor)),
      image_jobs_(image_jobs),
      image_(std::move(image)) {
    shown_chain_ = BackingChain();
    shown_users_ = UsedBy();
}

void ImageObject::show(const ImagePtr& after) {
    Changes changes;
    changes.compare("Path", image_->path, after->path);
    changes.compare("Format", image_->format, after->format);
    changes.compare("VirtualSize", image_->virtual_size, after->virtual_size);
    changes.compare("Allocation", image_->allocation, after->allocation);
    changes.compare("Preallocated", preallocation(*image_), preallocation(*after));
    changes.compare("Encrypted", image_->encrypted, after->encrypted);
    changes.compare("ModifiedUSec", image_->modified, after->modified);
    changes.compare("BackingFile", image_->backing_file, after->backing_file);
    image_ = after;
    announce_changes(changes.names());
    show_links();
}

void ImageObject::show_links() {
    auto chain = BackingChain();
    auto users = UsedBy();
    Changes changes;
    changes.compare("BackingImage", shown_chain_, chain);
    changes.compare("BackingChain", shown_chain_, chain);
    changes.compare("UsedBy", shown_users_, users);
    shown_chain_ = std::move(chain);
    shown_users_ = std::move(users);
    announce_changes(changes.names());
}

void ImageObject::Clone(JobResult&& result, std::string name, VariantMap options) {
    serve(getObject(), std::move(result), Action::image_create,
          [this, name = std::move(name),
           given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
              const bool linked = given.take<bool>("linked").value_or(false);
              auto image = take_new_image(given, image_->pool, name, linked ? "qcow2" : image_->format);
              const auto pool = take_pool(given, "pool", hypervisor_->name());
              given.refuse_unknown();
              if (linked && image.format != "qcow2") throw Error(Code::invalid_args, "format: a linked clone is qcow2");
              if (pool && pool->name != image_->pool) {
                  co_await require(Action::image_create, call, about(*pool));
                  image.pool = pool->name;
              }
              co_return job_path(image_jobs_.clone({hypervisor_, call.uid}, *image_, image, linked));
          });
}

void ImageObject::Convert(JobResult&& result, std::string format, VariantMap options) {
    serve_job(std::move(result), Action::image_edit, std::move(options),
              [this, format = std::move(format)](Options& given, const JobOrigin& origin) {
                  check_image_format("format", format);
                  const auto preallocation = take_preallocation(given, format);
                  given.refuse_unknown();
                  return image_jobs_.convert(origin, *image_, format, preallocation);
              });
}

void ImageObject::Resize(JobResult&& result, std::uint64_t size, VariantMap options) {
    serve_job(std::move(result), Action::image_edit, std::move(options),
              [this, size](Options& given, const JobOrigin& origin) {
                  const bool shrink = given.take<bool>("shrink").value_or(false);
                  given.refuse_unknown();
                  return image_jobs_.resize(origin, *image_, size, shrink);
              });
}

void ImageObject::Flatten(JobResult&& result, VariantMap options) {
    serve_job(std::move(result), Action::image_edit, std::move(options),
              [this](Options& given, const JobOrigin& origin) {
                  given.refuse_unknown();
                  return image_jobs_.flatten(origin, *image_);
              });
}

void ImageObject::Rebase(JobResult&& result, sdbus::ObjectPath backing, VariantMap options) {
    serve(getObject(), std::move(result), Action::image_edit,
          [this, backing = std::move(backing),
           given = Options(std::move(options))](Call& call) -> Task<sdbus::ObjectPath> {
              given.refuse_unknown();
              const auto below = image_at("backing", backing, hypervisor_->name());
              co_await require(Action::image_create, call, about(below));
              co_return job_path(image_jobs_.rebase({hypervisor_, call.uid}, *image_, below));
          });
}

void ImageObject::Export(JobResult&& result, sdbus::UnixFd target, VariantMap options) {
    serve_job(std::move(result), Action::image_export, std::move(options),
              [this, target](Options& given, const JobOrigin& origin) {
                  const auto format = given.take<std::string>("format").value_or("");
                  given.refuse_unknown();
                  if (!format.empty()) check_image_format("format", format);
                  auto descriptor = take_descriptor("target", target, Access::writing);
                  return image_jobs_.export_image(origin, *image_, std::move(descriptor), format);
              });
}

void ImageObject::Wipe(JobResult&& result, VariantMap options) {
    serve_job(std::move(result), Action::image_delete, std::move(options),
              [this](Options& given, const JobOrigin& origin) {
                  given.refuse_unknown();
                  return image_jobs_.wipe(origin, *image_);
              });
}

void ImageObject::Check(JobResult&& result, VariantMap options) {
    serve_job(std::move(result), Action::image_inspect, std::move(options),
              [this](Options& given, const JobOrigin& origin) {
                  given.refuse_unknown();
                  return image_jobs_.check(origin, *image_);
              });
}

void ImageObject::Delete(JobResult&& result, VariantMap options) {
    serve_job(std::move(result), Action::image_delete, std::move(options),
              [this](Options& given, const JobOrigin& origin) {
                  const bool force = given.take<bool>("force").value_or(false);
                  given.refuse_unknown();
                  return image_jobs_.remove(origin, *image_, force);
              });
}

void ImageObject::serve_job(JobResult&& result, Action action, VariantMap options, Begin begin) {
    serve(getObject(), std::move(result), action,
          [this, given = Options(std::move(options)),
           begin = std::move(begin)](Call& call) mutable -> Task<sdbus::ObjectPath> {
              co_return job_path(begin(given, {hypervisor_, call.uid}));
          });
}

sdbus::ObjectPath ImageObject::path_of(const Image& image) const {
    return image_path(hypervisor_->name(), image.pool, image.name);
}

sdbus::ObjectPath ImageObject::Pool() { return pool_path(hypervisor_->name(), image_->pool); }

sdbus::ObjectPath ImageObject::BackingImage() {
    const auto backing = hypervisor_->storage().image_at(image_->backing_file);
    return backing ? path_of(*backing) : sdbus::ObjectPath(no_object);
}

std::vector<sdbus::ObjectPath> ImageObject::BackingChain() {
    std::vector<sdbus::ObjectPath> paths;
    for (const auto& image : hypervisor_->storage().chain(*image_)) paths.push_back(path_of(*image));
    return paths;
}

std::vector<sdbus::ObjectPath> ImageObject::UsedBy() {
    std::vector<sdbus::ObjectPath> paths;
    for (const auto& machine : hypervisor_->storage().machines(*image_))
        paths.push_back(machine_path(hypervisor_->name(), machine->uuid));
    for (const auto& image : hypervisor_->storage().overlays(*image_)) paths.push_back(path_of(*image));
    return paths;
}

Error ImageObject::gone() const {
    return {Code::no_such_image, fmt::format("image {}/{} is gone", image_->pool, image_->name)};
}

}  // namespace virtbus::bus
