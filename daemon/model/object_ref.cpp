// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/object_ref.h"

#include <fmt/format.h>

namespace virtbus {

namespace {

struct Text {
    std::string operator()(const MachineRef& machine) const { return "machine " + machine.uuid.text(); }
    std::string operator()(const PoolRef& pool) const { return "pool " + pool.name; }
    std::string operator()(const HostRef&) const { return "this host"; }
    std::string operator()(const ImageRef& image) const { return fmt::format("image {}/{}", image.pool, image.name); }
};

}  // namespace

std::string hypervisor_of(const ObjectRef& object) {
    if (const auto* machine = std::get_if<MachineRef>(&object)) return machine->hypervisor;
    if (const auto* pool = std::get_if<PoolRef>(&object)) return pool->hypervisor;
    if (const auto* image = std::get_if<ImageRef>(&object)) return image->hypervisor;
    return "";
}

std::string to_string(const ObjectRef& object) { return std::visit(Text{}, object); }

}  // namespace virtbus
