// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Image: shows one image of the mirror, and begins the jobs that work on it. Main thread only.
#pragma once

#include "bus/options.h"
#include "bus/published.h"
#include "model/hypervisor.h"
#include "model/image_jobs.h"

#include <org.virtbus1.Image_adaptor.h>
#include <org.virtbus1.Image_properties.h>

#include <functional>
#include <memory>

namespace virtbus::bus {

class ImageObject final : public Published<ImageObject, org::virtbus1::Image_adaptor, org::virtbus1::Image_properties> {
public:
    ImageObject(Services services, std::shared_ptr<Hypervisor> hypervisor, ImageJobs& image_jobs, ImagePtr image);

    /// Shows `after`, and announces which properties differ.
    void show(const ImagePtr& after);
    /// Announces what of that which it is linked with has changed.
    void show_links();
    [[nodiscard]] Error gone() const;

private:
    friend org::virtbus1::Image_properties;
    using JobResult = sdbus::Result<sdbus::ObjectPath>;
    /// Takes the options, and begins the job.
    using Begin = std::function<std::uint64_t(Options&, const JobOrigin&)>;

    [[nodiscard]] Details details() const override { return about(*hypervisor_, *image_); }
    void Clone(JobResult&& result, std::string name, VariantMap options) override;
    void Convert(JobResult&& result, std::string format, VariantMap options) override;
    void Resize(JobResult&& result, std::uint64_t size, VariantMap options) override;
    void Flatten(JobResult&& result, VariantMap options) override;
    void Rebase(JobResult&& result, sdbus::ObjectPath backing, VariantMap options) override;
    void Export(JobResult&& result, sdbus::UnixFd target, VariantMap options) override;
    void Wipe(JobResult&& result, VariantMap options) override;
    void Check(JobResult&& result, VariantMap options) override;
    void Delete(JobResult&& result, VariantMap options) override;

    std::string Name() override { return image_->name; }
    sdbus::ObjectPath Pool() override;
    std::string Path() override { return image_->path; }
    std::string Format() override { return image_->format; }
    std::uint64_t VirtualSize() override { return image_->virtual_size; }
    std::uint64_t Allocation() override { return image_->allocation; }
    std::string Preallocated() override { return std::string(to_string(preallocation(*image_))); }
    bool Encrypted() override { return image_->encrypted; }
    std::uint64_t ModifiedUSec() override { return image_->modified; }
    sdbus::ObjectPath BackingImage() override;
    std::string BackingFile() override { return image_->backing_file; }
    std::vector<sdbus::ObjectPath> BackingChain() override;
    std::vector<sdbus::ObjectPath> UsedBy() override;

    /// Serves a method that begins a job.
    void serve_job(JobResult&& result, Action action, VariantMap options, Begin begin);
    [[nodiscard]] sdbus::ObjectPath path_of(const Image& image) const;

    std::shared_ptr<Hypervisor> hypervisor_;
    ImageJobs& image_jobs_;
    ImagePtr image_;
    std::vector<sdbus::ObjectPath> shown_chain_;
    std::vector<sdbus::ObjectPath> shown_users_;
};

}  // namespace virtbus::bus
