// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands in containers by virtbus-container-helper, one process of it a call. Blocks, so: worker threads, several at
// once.
#pragma once

#include "model/container_command.h"

#include <string>
#include <utility>

namespace virtbus {

class ContainerHelperTool : public ContainerTool {
public:
    /// `program`: the path of virtbus-container-helper, which is started as a child process.
    explicit ContainerHelperTool(std::string program) : program_(std::move(program)) {}

    CommandEnd run(const std::vector<UniqueFd>& namespaces, const ContainerCommand& command,
                   Transfer& transfer) override;

private:
    std::string program_;
};

}  // namespace virtbus
