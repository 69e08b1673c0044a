// SPDX-License-Identifier: LGPL-2.1-or-later
// What the methods of a machine take as options, where that is more than a word or two. All throw Error invalid_args
// naming the key.
#pragma once

#include "bus/options.h"
#include "model/address.h"
#include "model/machine_clone.h"
#include "model/machine_jobs.h"

#include <optional>
#include <string>

namespace virtbus::bus {

GuestMode take_mode(Options& options);
ShutdownPlan take_shutdown_plan(Options& options);
ClonePlan take_clone_plan(Options& options, const std::string& name);
std::optional<AddressSource> take_address_source(Options& options);

}  // namespace virtbus::bus
