// SPDX-License-Identifier: LGPL-2.1-or-later
// Prints what virtbus says of each driver that it knows, as JSON: {driver: {"type": …, "features": […]}}.
#include "model/driver_features.h"

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

int main() {
    using namespace virtbus;
    nlohmann::json all;
    for (const std::string_view driver :
         {"qemu", "lxc", "test", "xen", "esx", "vmware", "vbox", "hyper-v", "openvz", "bhyve", "vz", "ch"}) {
        std::vector<std::string_view> words;
        for (const auto feature : known_features(driver)) words.push_back(to_string(feature));
        all[std::string(driver)] = {{"type", to_string(hypervisor_type(driver, {}))}, {"features", words}};
    }
    std::cout << all.dump(4) << '\n';
}
