// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/virtualization.h"

namespace virtbus {

Verdict classify(const VirtualizationFacts& facts) {
    Verdict verdict;
    verdict.evidence.push_back("os type " + (facts.os_type.empty() ? std::string("not given") : facts.os_type));
    const auto add = [&](const std::vector<std::string>& more) {
        verdict.evidence.insert(verdict.evidence.end(), more.begin(), more.end());
    };

    if (facts.os_type == "exe") {
        verdict.virtualization = Virtualization::container;
    } else if (facts.os_type == "xen" || facts.os_type == "linux") {
        verdict.virtualization = Virtualization::para;
    } else if (facts.os_type == "xenpvh") {
        verdict.virtualization = Virtualization::hybrid;
    } else if (facts.os_type == "hvm") {
        add(facts.paravirtual_devices);
        add(facts.enlightenments);
        const bool paravirtual = !facts.paravirtual_devices.empty() || !facts.enlightenments.empty();
        verdict.virtualization = paravirtual ? Virtualization::hybrid : Virtualization::full;
        if (!paravirtual) verdict.evidence.emplace_back("no paravirtual device");
    }
    return verdict;
}

}  // namespace virtbus
