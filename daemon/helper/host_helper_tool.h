// SPDX-License-Identifier: LGPL-2.1-or-later
// This host's machine-id changed by virtbus-helper, one process of it a call. Blocks, so: worker threads.
#pragma once

#include "model/host_tool.h"

#include <string>
#include <utility>

namespace virtbus {

class HostHelperTool : public HostTool {
public:
    /// `program`: the path of virtbus-helper. `root`: "/", but for tests.
    HostHelperTool(std::string program, std::string root) : program_(std::move(program)), root_(std::move(root)) {}

    IdentityFiles::Ensured ensure(IdFile file) override;
    bool link_dbus() override;
    void replace(const MachineId& id) override;

private:
    std::string program_;
    std::string root_;
};

}  // namespace virtbus
