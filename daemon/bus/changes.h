// SPDX-License-Identifier: LGPL-2.1-or-later
// Which properties of an object differ between what was shown and what is shown from now on. The values of the model
// are compared, not those of the bus: they would all have to be made, twice, and variants cannot be compared.
#pragma once

#include <string>
#include <vector>

namespace virtbus::bus {

class Changes {
public:
    template <typename Value>
    void compare(const char* property, const Value& before, const Value& after) {
        if (before != after) names_.emplace_back(property);
    }
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

private:
    std::vector<std::string> names_;
};

}  // namespace virtbus::bus
