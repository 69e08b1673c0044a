// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds in a domain's XML what decides on its Virtualization: model/virtualization.h judges, this collects. Pure.
#pragma once

#include "model/virtualization.h"

#include <pugixml.hpp>

namespace virtbus {

/// Virtio and Xen PV devices, by their models and buses, and the Hyper-V enlightenments that are on. What libvirt's
/// Xen driver gives every guest unasked (its balloon, its xenbus controller) tells nothing and is left out.
VirtualizationFacts virtualization_facts(const pugi::xml_node& domain);

}  // namespace virtbus
