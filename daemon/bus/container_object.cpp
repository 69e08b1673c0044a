// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/container_object.h"

#include "bus/changes.h"
#include "bus/descriptor.h"
#include "bus/paths.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace virtbus::bus {

namespace {

constexpr std::uint64_t limit_min = 1'000'000;
constexpr std::uint64_t limit_max = 86'400'000'000;
constexpr std::uint64_t limit_usual = 3'600'000'000;

std::chrono::microseconds take_limit(Options& options) {
    const auto limit = options.take<std::uint64_t>("timeout_usec").value_or(limit_usual);
    if (limit < limit_min || limit > limit_max)
        throw Error(Code::invalid_args, "timeout_usec: must be between 1 s (1000000) and 24 h (86400000000)");
    return std::chrono::microseconds(limit);
}

/// What is inside can open anew whatever it was given, for writing too: of a file it must not have it.
std::shared_ptr<UniqueFd> take_stream(std::string_view key, sdbus::UnixFd descriptor, Access access) {
    auto stream = take_descriptor(key, std::move(descriptor), access);
    struct stat status {};
    if (::fstat(stream->get(), &status) != 0 || S_ISREG(status.st_mode))
        throw Error(Code::invalid_args, fmt::format("{}: must be a pipe or a stream socket: a container could write "
                                                    "to a file that it shall only read",
                                                    key));
    return stream;
}

}  // namespace

ContainerObject::ContainerObject(Services services, std::shared_ptr<virtbus::Hypervisor> hypervisor, Jobs& jobs,
                                 std::shared_ptr<ContainerTool> tool, MachinePtr machine)
    : Published(services, machine_path(hypervisor->name(), machine->uuid)),
      MachineFace(std::move(hypervisor), jobs, std::move(machine)),
      tool_(std::move(tool)) {}

void ContainerObject::show(const MachinePtr& after) {
    Changes changes;
    changes.compare("Root", machine_->root, after->root);
    changes.compare("Init", machine_->init, after->init);
    machine_ = after;
    announce_changes(changes.names());
}

void ContainerObject::RunCommand(sdbus::Result<sdbus::ObjectPath>&& result, std::vector<std::string> argv,
                                 sdbus::UnixFd input, sdbus::UnixFd output, sdbus::UnixFd errors, VariantMap options) {
    auto body = [this, argv = std::move(argv), input = std::move(input), output = std::move(output),
                 errors = std::move(errors),
                 given = Options(std::move(options))](Call& call) mutable -> Task<sdbus::ObjectPath> {
        ContainerCommand command;
        command.limit = take_limit(given);
        given.refuse_unknown();
        check_command(argv);
        command.words = argv;
        command.streams = {take_stream("input", std::move(input), Access::reading),
                           take_stream("output", std::move(output), Access::writing),
                           take_stream("errors", std::move(errors), Access::writing)};
        require_awake();
        hypervisor_->require(Feature::run_commands);  // which one may be a secret
        const MachineRef machine{hypervisor_->name(), machine_->uuid};
        auto work = run_command_work(hypervisor_, machine_->uuid, tool_, std::move(command));
        // Several may run at once, and beside whatever else is done with the container.
        co_return job_path(jobs_.start({JobKind::run, machine, call.uid, {}, {}}, std::move(work)));
    };
    serve(getObject(), std::move(result), Action::container_run, std::move(body));
}

}  // namespace virtbus::bus
