// SPDX-License-Identifier: LGPL-2.1-or-later
// Work on what is inside guests by virtbus-guest-helper, one process of it a call. Blocks, so: worker threads, several
// at once.
#pragma once

#include "helper/helper_place.h"
#include "model/guest_tool.h"

#include <string>
#include <utility>

namespace virtbus {

/// A call that is cancelled ends with Error cancelled, and nothing is changed; one that has begun to change something
/// ends as if nobody had asked.
class GuestHelperTool : public GuestTool {
public:
    enum class Acceleration {
        none,  ///< works everywhere: that /dev/kvm is there does not say that it can run a guest
        kvm,   ///< QEMU may use it
    };

    explicit GuestHelperTool(HelperPlace place, Acceleration acceleration = Acceleration::none)
        : place_(std::move(place)), acceleration_(acceleration) {}

    GuestIdentity read_identity(const GuestSystem& system, Transfer& transfer) override;
    GuestIdentity change_identity(const GuestSystem& system, const IdentityChange& change, Transfer& transfer) override;

private:
    HelperPlace place_;
    Acceleration acceleration_;
};

}  // namespace virtbus
