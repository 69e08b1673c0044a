// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/image_jobs.h"

#include "model/image_rules.h"
#include "model/image_work.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

namespace virtbus {

namespace {

/// What the work of a job stands on.
struct Bench {
    std::shared_ptr<Hypervisor> hypervisor;
    JobJournal* journal;
    std::shared_ptr<ImageTool> tool;
};

/// Makes a file under its temporary name, and gives it its own.
using Making = std::function<void(Port&, const NewFile&, Transfer&)>;

ImageFile file_of(const Image& image) { return {image.path, image.format}; }

NewFile file_for(const Pool& pool, const NewImage& image) {
    return {pool.path, {}, image.name, image.format, image.preallocation, false};
}

/// As transfer(), of work that makes a temporary file: when it fails nothing is left of that, nor of what was said of
/// it, and libvirt looks again and forgets what it has seen.
Task<> transfer_draft(Bench bench, JobControl& job, std::string pool, const Draft& draft,
                      std::function<void(Port&, Transfer&)> work) {
    auto& storage = bench.hypervisor->storage();
    const auto path = draft.file.directory + "/" + draft.file.name;
    std::exception_ptr failure;
    try {
        // Before the file has its name: what it is must be known as soon as it can be seen, even if we do not live to
        // say it.
        if (draft.declared) co_await storage.declare(path, draft.file.format);
        co_await transfer(bench.hypervisor, job, std::move(work));
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure && !draft.file.name.empty()) co_return;
    co_await bench.journal->clean_up(bench.tool, *draft.line, draft.file.directory, draft.file.temporary);
    if (draft.declared) storage.withdraw(path);
    storage.look_again(pool);
    if (failure) std::rethrow_exception(failure);
}

/// Makes an image as `making` does it, and shows it.
Task<> make(Bench bench, JobControl& job, JobKind kind, std::string pool, NewFile file, Making making) {
    auto job_text = fmt::format("{} ({} image {}/{})", job.number(), to_string(kind), pool, file.name);
    auto draft = co_await begin_draft(*bench.journal, job, std::move(job_text), std::move(file));
    const auto target = draft.file;
    const auto path = target.directory + "/" + target.name;
    auto& storage = bench.hypervisor->storage();
    draft.declared = storage.can_declare_early(path);
    auto work = [target, making = std::move(making)](Port& port, Transfer& progress) {
        making(port, target, progress);
    };
    co_await transfer_draft(bench, job, pool, draft, std::move(work));
    if (!draft.declared) co_await storage.declare(path, target.format);
    co_await show_image(bench.hypervisor, pool, target.name);
    const ImageRef made{bench.hypervisor->name(), std::move(pool), target.name};
    job.set_result("image", made);
}

/// Runs `work`, and returns when the mirror has seen what it did to the pool.
Task<> change(std::shared_ptr<Hypervisor> hypervisor, JobControl& job, std::string pool, bool look_again,
              std::function<void(Port&, Transfer&)> work) {
    co_await transfer(hypervisor, job, std::move(work));
    co_await hypervisor->storage().refreshed(std::move(pool), look_again);
}

Task<> check_work(Bench bench, JobControl& job, ImageFile file) {
    const auto report = std::make_shared<CheckReport>();
    auto work = [file, report, tool = bench.tool](Port&, Transfer& progress) { *report = tool->check(file, progress); };
    co_await transfer(bench.hypervisor, job, std::move(work));
    job.set_result("consistent", report->corruptions == 0 && report->errors == 0);
    job.set_result("corruptions", report->corruptions);
    job.set_result("leaks", report->leaks);
    job.set_result("errors", report->errors);
}

/// Writes the image's file as it is.
Task<> export_work(Bench bench, JobControl& job, ImageRef image, std::shared_ptr<UniqueFd> target) {
    const auto size = std::make_shared<std::uint64_t>(0);
    auto work = [image, target, size](Port& port, Transfer& progress) {
        *size = port.storage().download(image.pool, image.name, *target, progress);
    };
    co_await transfer(bench.hypervisor, job, std::move(work));
    job.set_result("size", *size);
}

/// Makes another file of it first, and writes that.
Task<> convert_and_export_work(Bench bench, JobControl& job, ImageFile source, std::string pool, NewFile file,
                               std::shared_ptr<UniqueFd> target) {
    auto job_text = fmt::format("{} (export image {}/{})", job.number(), pool, file.name);
    auto draft = co_await begin_draft(*bench.journal, job, std::move(job_text), std::move(file));
    draft.file.name.clear();  // it is never given a name: it stays what the journal knows as half made
    const auto size = std::make_shared<std::uint64_t>(0);
    auto work = [=, made = draft.file, tool = bench.tool](Port& port, Transfer& progress) {
        tool->convert(source, made, progress);
        port.storage().refresh_pool(pool);
        *size = port.storage().download(pool, made.temporary, *target, progress);
    };
    co_await transfer_draft(bench, job, pool, draft, std::move(work));
    job.set_result("size", *size);
}

/// How many bytes `source` will give, as far as that can be told beforehand.
std::uint64_t expected_bytes(const ImportPlan& plan) {
    struct stat status {};
    if (::fstat(plan.source->get(), &status) == 0 && S_ISREG(status.st_mode))
        return std::min<std::uint64_t>(static_cast<std::uint64_t>(status.st_blocks) * 512,
                                       static_cast<std::uint64_t>(status.st_size));
    return plan.size.value_or(0);
}

}  // namespace

std::uint64_t ImageJobs::refresh(const JobOrigin& origin, const std::string& pool) {
    require_pool(*origin.hypervisor, pool);
    const JobPlan plan{JobKind::refresh, PoolRef{origin.hypervisor->name(), pool}, origin.owner, {}, {}};
    return jobs_.start(plan, [hypervisor = origin.hypervisor, pool](JobControl&) {
        return hypervisor->storage().refreshed(pool, true);
    });
}

std::uint64_t ImageJobs::create(const JobOrigin& origin, const NewImage& image, std::uint64_t size,
                                const std::optional<ImageRef>& backing) {
    auto& hypervisor = *origin.hypervisor;
    const auto pool = require_writable_pool(hypervisor, image.pool);
    refuse_existing(hypervisor, image.pool, image.name);
    const ImageRef made{hypervisor.name(), image.pool, image.name};
    JobPlan plan{JobKind::create, made, origin.owner, {made}, {}};
    std::optional<ImageFile> base;
    if (backing) {
        const auto below = require_image(hypervisor, backing->pool, backing->name);
        require_plain(hypervisor, *below, "base an image on");
        refuse_running(hypervisor, *below, "base an image on");
        if (size == 0) size = below->virtual_size;
        base = file_of(*below);
        plan.reads.emplace_back(*backing);
    }
    size = check_image_size("size", size);
    if (image.preallocation == Preallocation::full) require_space(*pool, size);
    const auto warning =
        size <= pool->available
            ? std::string()
            : fmt::format("pool {} has {} bytes left: it cannot hold the image should a machine fill it", pool->name,
                          pool->available);
    const Bench bench{origin.hypervisor, &journal_, tool_};
    return jobs_.start(plan, [=, file = file_for(*pool, image), pool = image.pool](JobControl& job) {
        if (!warning.empty()) job.set_result("warning", warning);
        return make(bench, job, JobKind::create, pool, file, [=](Port&, const NewFile& target, Transfer& progress) {
            bench.tool->create(target, size, base, progress);
        });
    });
}

std::uint64_t ImageJobs::import_image(const JobOrigin& origin, const NewImage& image, const ImportPlan& plan) {
    auto& hypervisor = *origin.hypervisor;
    const auto pool = require_writable_pool(hypervisor, image.pool);
    refuse_existing(hypervisor, image.pool, image.name);
    require_space(*pool, expected_bytes(plan));
    const ImageRef made{hypervisor.name(), image.pool, image.name};
    const auto upload = [plan, tool = tool_, pool = image.pool](Port& port, const NewFile& target, Transfer& progress) {
        std::string digest;
        if (plan.size) progress.at(0, *plan.size);
        const auto size = port.storage().upload(pool, target.temporary, target.format, *plan.source, progress,
                                                plan.sha256 ? &digest : nullptr);
        if (plan.size && size != *plan.size)
            throw Error(Code::invalid_args, fmt::format("size: {} bytes came instead of {}", size, *plan.size));
        if (plan.sha256 && digest != *plan.sha256)
            throw Error(Code::invalid_args, fmt::format("sha256: that of what came is {}", digest));
        tool->adopt(target, progress);
    };
    const Bench bench{origin.hypervisor, &journal_, tool_};
    return jobs_.start({JobKind::import_image, made, origin.owner, {made}, {}},
                       [=, file = file_for(*pool, image), pool = image.pool](JobControl& job) {
                           return make(bench, job, JobKind::import_image, pool, file, upload);
                       });
}

std::uint64_t ImageJobs::clone(const JobOrigin& origin, const Image& source, const NewImage& image, bool linked) {
    auto& hypervisor = *origin.hypervisor;
    const auto pool = require_writable_pool(hypervisor, image.pool);
    require_writable_pool(hypervisor, source.pool);
    refuse_existing(hypervisor, image.pool, image.name);
    require_plain(hypervisor, source, "clone");
    refuse_running(hypervisor, source, "clone");
    if (image.preallocation == Preallocation::full) require_space(*pool, source.virtual_size);
    const ImageRef from{hypervisor.name(), source.pool, source.name};
    const ImageRef made{hypervisor.name(), image.pool, image.name};
    const Making making = [tool = tool_, linked, file = file_of(source), size = source.virtual_size](
                              Port&, const NewFile& target, Transfer& progress) {
        if (linked)
            tool->create(target, size, file, progress);
        else
            tool->convert(file, target, progress);
    };
    const Bench bench{origin.hypervisor, &journal_, tool_};
    return jobs_.start({JobKind::clone, from, origin.owner, {made}, {from}},
                       [=, file = file_for(*pool, image), pool = image.pool](JobControl& job) {
                           return make(bench, job, JobKind::clone, pool, file, making);
                       });
}

std::uint64_t ImageJobs::replace(JobKind kind, const JobOrigin& origin, const Image& image, NewImage as,
                                 std::function<void(const NewFile&, Transfer&)> work,
                                 const std::optional<ImageRef>& backing) {
    auto& hypervisor = *origin.hypervisor;
    const auto pool = require_writable_pool(hypervisor, image.pool);
    as.pool = image.pool;
    as.name = image.name;
    const ImageRef subject{hypervisor.name(), image.pool, image.name};
    JobPlan plan{kind, subject, origin.owner, {subject}, {}};
    for (const auto& below : hypervisor.storage().chain(image))
        plan.reads.emplace_back(ImageRef{hypervisor.name(), below->pool, below->name});
    if (backing) plan.reads.emplace_back(*backing);
    auto file = file_for(*pool, as);
    file.replace = true;
    const Bench bench{origin.hypervisor, &journal_, tool_};
    return jobs_.start(plan, [=](JobControl& job) {
        return make(bench, job, kind, as.pool, file,
                    [work](Port&, const NewFile& target, Transfer& progress) { work(target, progress); });
    });
}

std::uint64_t ImageJobs::convert(const JobOrigin& origin, const Image& image, const std::string& format,
                                 Preallocation preallocation) {
    require_plain(*origin.hypervisor, image, "convert");
    refuse_running(*origin.hypervisor, image, "convert");
    refuse_machines(*origin.hypervisor, image, "convert", "Clone it in the other format instead");
    refuse_overlays(*origin.hypervisor, image, "convert");
    return replace(JobKind::convert, origin, image, {{}, {}, format, preallocation},
                   [tool = tool_, file = file_of(image)](const NewFile& target, Transfer& progress) {
                       tool->convert(file, target, progress);
                   });
}

std::uint64_t ImageJobs::flatten(const JobOrigin& origin, const Image& image) {
    require_plain(*origin.hypervisor, image, "flatten");
    if (image.backing_file.empty())
        throw Error(Code::invalid_state, fmt::format("image {}/{} is based on none", image.pool, image.name));
    refuse_running(*origin.hypervisor, image, "flatten");
    refuse_overlays(*origin.hypervisor, image, "flatten");
    return replace(JobKind::flatten, origin, image, {{}, {}, image.format, Preallocation::off},
                   [tool = tool_, file = file_of(image)](const NewFile& target, Transfer& progress) {
                       tool->convert(file, target, progress);
                   });
}

std::uint64_t ImageJobs::rebase(const JobOrigin& origin, const Image& image, const ImageRef& backing) {
    auto& hypervisor = *origin.hypervisor;
    const auto below = require_image(hypervisor, backing.pool, backing.name);
    require_plain(hypervisor, image, "rebase");
    require_plain(hypervisor, *below, "base an image on");
    if (image.format != "qcow2")
        throw Error(Code::invalid_state, fmt::format("image {}/{} is {}: only qcow2 can be based on another",
                                                     image.pool, image.name, image.format));
    const auto chain = hypervisor.storage().chain(*below);
    const auto is_image = [&](const ImagePtr& each) { return each->path == image.path; };
    if (is_image(below) || std::any_of(chain.begin(), chain.end(), is_image))
        throw Error(Code::invalid_args, fmt::format("backing: image {}/{} is {}", below->pool, below->name,
                                                    is_image(below) ? "the same" : "based on this one"));
    refuse_running(hypervisor, image, "rebase");
    refuse_overlays(hypervisor, image, "rebase");
    refuse_running(hypervisor, *below, "base an image on");
    return replace(
        JobKind::rebase, origin, image, {{}, {}, "qcow2", Preallocation::off},
        [tool = tool_, file = file_of(image), base = file_of(*below)](const NewFile& target, Transfer& progress) {
            tool->rebase(file, target, base, progress);
        },
        backing);
}

std::uint64_t ImageJobs::resize(const JobOrigin& origin, const Image& image, std::uint64_t size, bool shrink) {
    auto& hypervisor = *origin.hypervisor;
    require_writable_pool(hypervisor, image.pool);
    require_plain(hypervisor, image, "resize");
    size = check_image_size("size", size);
    if (size < image.virtual_size && !shrink)
        throw Error(Code::invalid_args,
                    fmt::format("size: image {}/{} has {} bytes; what lies beyond {} would be lost: "
                                "\"shrink\" allows that",
                                image.pool, image.name, image.virtual_size, size));
    refuse_overlays(hypervisor, image, "resize");
    refuse_running_elsewhere(hypervisor, image, "resize");
    std::vector<MachinePtr> running;
    for (const auto& machine : hypervisor.storage().machines(image))
        if (is_active(machine->state)) running.push_back(machine);
    if (size < image.virtual_size || running.size() > 1) refuse_running(hypervisor, image, "resize");
    if (!running.empty()) hypervisor.require(Feature::resize_online);

    const ImageRef subject{hypervisor.name(), image.pool, image.name};
    const auto work = [=, tool = tool_](Port& port, Transfer&) {
        if (running.empty())
            tool->resize(file_of(image), size, shrink);
        else
            port.resize_disk(running.front()->uuid, image.path, size);
    };
    return jobs_.start({JobKind::resize, subject, origin.owner, {subject}, {}},
                       [=, hypervisor = origin.hypervisor, pool = image.pool](JobControl& job) {
                           return change(hypervisor, job, pool, true, work);
                       });
}

std::uint64_t ImageJobs::export_image(const JobOrigin& origin, const Image& image, std::shared_ptr<UniqueFd> target,
                                      const std::string& format) {
    auto& hypervisor = *origin.hypervisor;
    const auto pool = require_pool(hypervisor, image.pool);
    refuse_running(hypervisor, image, "export");
    const ImageRef subject{hypervisor.name(), image.pool, image.name};
    const JobPlan plan{JobKind::export_image, subject, origin.owner, {}, {subject}};
    const Bench bench{origin.hypervisor, &journal_, tool_};
    const bool as_it_is = (format.empty() || format == image.format) && image.backing_file.empty();
    if (as_it_is) return jobs_.start(plan, [=](JobControl& job) { return export_work(bench, job, subject, target); });

    require_writable_pool(hypervisor, image.pool);
    require_plain(hypervisor, image, "export");
    auto file = file_for(*pool, {image.pool, image.name, format.empty() ? image.format : format, Preallocation::off});
    return jobs_.start(plan, [=, source = file_of(image), pool = image.pool](JobControl& job) {
        return convert_and_export_work(bench, job, source, pool, file, target);
    });
}

std::uint64_t ImageJobs::wipe(const JobOrigin& origin, const Image& image) {
    auto& hypervisor = *origin.hypervisor;
    require_plain(hypervisor, image, "wipe");
    refuse_running(hypervisor, image, "wipe");
    refuse_overlays(hypervisor, image, "wipe");
    return replace(JobKind::wipe, origin, image, {{}, {}, image.format, Preallocation::off},
                   [tool = tool_, file = file_of(image), size = image.virtual_size](
                       const NewFile& target, Transfer& progress) { tool->wipe(file, target, size, progress); });
}

std::uint64_t ImageJobs::check(const JobOrigin& origin, const Image& image) {
    auto& hypervisor = *origin.hypervisor;
    require_writable_pool(hypervisor, image.pool);
    if (image.format != "qcow2")
        throw Error(Code::not_supported, fmt::format("image {}/{} is {}, which has no structure to check", image.pool,
                                                     image.name, image.format));
    refuse_running(hypervisor, image, "check");
    const ImageRef subject{hypervisor.name(), image.pool, image.name};
    const Bench bench{origin.hypervisor, &journal_, tool_};
    return jobs_.start({JobKind::check, subject, origin.owner, {}, {subject}},
                       [=, file = file_of(image)](JobControl& job) { return check_work(bench, job, file); });
}

std::uint64_t ImageJobs::remove(const JobOrigin& origin, const Image& image, bool force) {
    auto& hypervisor = *origin.hypervisor;
    require_pool(hypervisor, image.pool);
    refuse_running(hypervisor, image, "delete");
    refuse_overlays(hypervisor, image, "delete");
    if (!force) refuse_machines(hypervisor, image, "delete", "\"force\" deletes it all the same");
    const ImageRef subject{hypervisor.name(), image.pool, image.name};
    const auto work = [subject](Port& port, Transfer&) { port.storage().delete_image(subject.pool, subject.name); };
    return jobs_.start({JobKind::remove, subject, origin.owner, {subject}, {}},
                       [=, hypervisor = origin.hypervisor, pool = image.pool](JobControl& job) {
                           return change(hypervisor, job, pool, false, work);
                       });
}

}  // namespace virtbus
