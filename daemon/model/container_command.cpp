// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/container_command.h"

#include "model/error.h"
#include "model/image_work.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

/// All in all, as one line goes to the program that runs it.
constexpr std::size_t command_bytes = 32'768;

Task<> run_command(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, std::shared_ptr<ContainerTool> tool,
                   std::shared_ptr<const ContainerCommand> command, JobControl& job) {
    const auto end = std::make_shared<CommandEnd>();
    auto work = [=](Port& port, Transfer& progress) {
        *end = tool->run(port.open_namespaces(uuid), *command, progress);
    };
    co_await transfer(hypervisor, job, std::move(work), Counts::nothing, Lane::agent);
    if (end->signal != 0)
        job.set_result("signal", end->signal);
    else
        job.set_result("exit_code", end->exit_code);
}

}  // namespace

void check_command(const std::vector<std::string>& words) {
    if (words.empty() || words.front().empty()) throw Error(Code::invalid_args, "argv: a program is required");
    std::size_t size = 0;
    for (const auto& word : words) size += word.size() + 1;
    if (size > command_bytes)
        throw Error(Code::invalid_args, fmt::format("argv: {} bytes are too many, at most {}", size, command_bytes));
}

Jobs::Work run_command_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, std::shared_ptr<ContainerTool> tool,
                            ContainerCommand command) {
    const auto shared = std::make_shared<const ContainerCommand>(std::move(command));
    return [=](JobControl& job) { return run_command(hypervisor, uuid, tool, shared, job); };
}

}  // namespace virtbus
