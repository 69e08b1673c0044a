// SPDX-License-Identifier: LGPL-2.1-or-later
// How the machine-id of a guest is reached: on its disks, or below its root, while the machine is off; by its agent
// while it runs. Main thread only; the functions in it are for worker threads.
#pragma once

#include "model/guest_tool.h"
#include "model/hypervisor.h"
#include "model/identity.h"
#include "model/object_ref.h"

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace virtbus {

struct GuestAccess {
    bool by_agent = false;
    Lane lane = Lane::transfer;     ///< where the functions run
    std::vector<ObjectRef> claims;  ///< what they work on
    IdentitySource read_source = IdentitySource::none;
    IdentitySource change_source = IdentitySource::none;
    std::function<GuestIdentity(Port&, Transfer&)> read;
    std::function<GuestIdentity(Port&, Transfer&, const IdentityChange&)> change;
};

/// invalid_state while the machine runs, or has saved memory; the errors of guest_disks.h.
GuestAccess access_at_rest(Hypervisor& hypervisor, const Machine& machine, const std::shared_ptr<GuestTool>& tool,
                           std::string_view verb);

/// The same, but of a machine that runs by its agent: invalid_state, with both ways out, when none is connected.
GuestAccess access_to(Hypervisor& hypervisor, const Machine& machine, const std::shared_ptr<GuestTool>& tool,
                      std::string_view verb);

}  // namespace virtbus
