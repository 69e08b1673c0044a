// SPDX-License-Identifier: LGPL-2.1-or-later
// This host's machine-id changed by virtbus-helper, one process of it a call. Blocks, so: worker threads.
#pragma once

#include "helper/helper_place.h"
#include "model/host_tool.h"

#include <string>
#include <utility>

namespace virtbus {

class HostHelperTool : public HostTool {
public:
    /// `root`: "/", but for tests.
    HostHelperTool(HelperPlace place, std::string root) : place_(std::move(place)), root_(std::move(root)) {}

    IdentityFiles::Ensured ensure(IdFile file) override;
    bool link_dbus() override;
    void replace(const MachineId& id) override;

private:
    HelperPlace place_;
    std::string root_;
};

}  // namespace virtbus
