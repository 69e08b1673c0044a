// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/call.h"

#include "base/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace virtbus::bus {

namespace {

/// Between spaces, so that a rule can look for " web " or split it. libvirt lets others write any tag: one with a blank
/// in it is left out, or it would pass for several.
std::string join_tags(const std::vector<std::string>& tags) {
    std::vector<std::string> plain;
    std::copy_if(tags.begin(), tags.end(), std::back_inserter(plain),
                 [](const std::string& tag) { return !has_control(tag) && tag.find(' ') == std::string::npos; });
    return fmt::format("{}", fmt::join(plain, " "));
}

struct AboutRef {
    Details operator()(const HostRef&) const { return {}; }
    Details operator()(const MachineRef& machine) const {
        return {{"hypervisor", machine.hypervisor}, {"uuid", machine.uuid.text()}};
    }
    Details operator()(const ImageRef& image) const {
        return {{"hypervisor", image.hypervisor}, {"pool", image.pool}, {"image", image.name}};
    }
    Details operator()(const PoolRef& pool) const { return {{"hypervisor", pool.hypervisor}, {"pool", pool.name}}; }
};

}  // namespace

Details about(const Hypervisor& hypervisor) { return {{"hypervisor", hypervisor.name()}}; }

Details about(const Hypervisor& hypervisor, const Machine& machine) {
    auto details = about(hypervisor);
    details["machine"] = to_utf8(machine.name);
    details["uuid"] = machine.uuid.text();
    details["tags"] = to_utf8(join_tags(machine.tags));
    if (machine.owner != no_owner) details["owner"] = std::to_string(machine.owner);
    return details;
}

Details about(const Hypervisor& hypervisor, const Pool& pool) {
    auto details = about(hypervisor);
    details["pool"] = to_utf8(pool.name);
    return details;
}

Details about(const Hypervisor& hypervisor, const Image& image) {
    auto details = about(hypervisor);
    details["pool"] = to_utf8(image.pool);
    details["image"] = to_utf8(image.name);
    return details;
}

Details about(const Hypervisor& hypervisor, const Network& network) {
    auto details = about(hypervisor);
    details["network"] = to_utf8(network.name);
    return details;
}

Details about(const ObjectRef& object) {
    auto details = std::visit(AboutRef(), object);
    for (auto& [key, value] : details) value = to_utf8(value);
    return details;
}

std::string describe(const Details& details) {
    const auto has = [&](const char* key) { return details.contains(key); };
    if (has("job")) return "job " + details.at("job");
    if (has("image")) return fmt::format("image {}/{}", details.at("pool"), details.at("image"));
    for (const char* noun : {"pool", "root", "network", "machine", "hypervisor"})
        if (has(noun)) return fmt::format("{} {}", noun, details.at(noun));
    return "";
}

}  // namespace virtbus::bus
