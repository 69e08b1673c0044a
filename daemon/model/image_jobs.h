// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs on pools and images, one function each: it looks whether the rules allow it, which fails at once, claims
// what it works on, and begins the job. Returns the job's number. Main thread only.
#pragma once

#include "model/hypervisor.h"
#include "model/image_tool.h"
#include "model/job_journal.h"
#include "model/jobs.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtbus {

/// Where a job comes from.
struct JobOrigin {
    std::shared_ptr<Hypervisor> hypervisor;
    std::uint32_t owner = no_job_owner;
};

struct NewImage {
    std::string pool;
    std::string name;
    std::string format = "qcow2";
    Preallocation preallocation = Preallocation::off;
};

struct ImportPlan {
    std::shared_ptr<UniqueFd> source;
    std::optional<std::uint64_t> size;
    std::optional<std::string> sha256;  ///< lower-case
};

class ImageJobs {
public:
    ImageJobs(Jobs& jobs, JobJournal& journal, std::shared_ptr<ImageTool> tool)
        : jobs_(jobs), journal_(journal), tool_(std::move(tool)) {}

    std::uint64_t refresh(const JobOrigin& origin, const std::string& pool);
    /// `size` 0: as that of `backing`.
    std::uint64_t create(const JobOrigin& origin, const NewImage& image, std::uint64_t size,
                         const std::optional<ImageRef>& backing);
    std::uint64_t import_image(const JobOrigin& origin, const NewImage& image, const ImportPlan& plan);
    std::uint64_t clone(const JobOrigin& origin, const Image& source, const NewImage& image, bool linked);
    std::uint64_t convert(const JobOrigin& origin, const Image& image, const std::string& format,
                          Preallocation preallocation);
    std::uint64_t resize(const JobOrigin& origin, const Image& image, std::uint64_t size, bool shrink);
    std::uint64_t flatten(const JobOrigin& origin, const Image& image);
    std::uint64_t rebase(const JobOrigin& origin, const Image& image, const ImageRef& backing);
    /// `format` empty: the image's own.
    std::uint64_t export_image(const JobOrigin& origin, const Image& image, std::shared_ptr<UniqueFd> target,
                               const std::string& format);
    std::uint64_t wipe(const JobOrigin& origin, const Image& image);
    std::uint64_t check(const JobOrigin& origin, const Image& image);
    std::uint64_t remove(const JobOrigin& origin, const Image& image, bool force);

private:
    /// Begins a job whose `work` makes a file that takes the image's place, and that reads `backing` too.
    std::uint64_t replace(JobKind kind, const JobOrigin& origin, const Image& image, NewImage as,
                          std::function<void(const NewFile&, Transfer&)> work,
                          const std::optional<ImageRef>& backing = {});

    Jobs& jobs_;
    JobJournal& journal_;
    std::shared_ptr<ImageTool> tool_;
};

}  // namespace virtbus
