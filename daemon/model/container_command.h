// SPDX-License-Identifier: LGPL-2.1-or-later
// A command that is run inside a container: what it is, who runs it, and the job around it.
#pragma once

#include "base/unique_fd.h"
#include "model/hypervisor.h"
#include "model/jobs.h"
#include "model/transfer.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace virtbus {

struct ContainerCommand {
    std::vector<std::string> words;                    ///< the program, as it is called inside, and its arguments
    std::array<std::shared_ptr<UniqueFd>, 3> streams;  ///< its standard input, output and errors
    std::chrono::microseconds limit{};                 ///< then it is killed
};

/// How it ended: by a signal, if that is not 0.
struct CommandEnd {
    std::uint64_t exit_code = 0;
    std::uint64_t signal = 0;
};

/// Runs commands in containers: helper/ implements it by a program of its own, as a process of ours must not enter what
/// a guest rules; tests fake it.
class ContainerTool {
public:
    virtual ~ContainerTool() = default;

    /// Runs it in the container whose namespaces these are, with no more rights than its first process has. Blocks
    /// until it has ended. Error invalid_args where there is no such program; invalid_state when the container ends
    /// before; timeout and cancelled, when it was killed.
    virtual CommandEnd run(const std::vector<UniqueFd>& namespaces, const ContainerCommand& command,
                           Transfer& transfer) = 0;
};

/// Refuses (invalid_args) what no program could be started with.
void check_command(const std::vector<std::string>& words);

/// Runs it; the job's result is how it ended.
Jobs::Work run_command_work(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid, std::shared_ptr<ContainerTool> tool,
                            ContainerCommand command);

}  // namespace virtbus
