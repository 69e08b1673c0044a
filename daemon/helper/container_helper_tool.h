// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands in containers by virtbus-container-helper, one process of it a call. Blocks, so: worker threads, several at
// once.
#pragma once

#include "helper/helper_place.h"
#include "model/container_command.h"

#include <string>
#include <utility>

namespace virtbus {

class ContainerHelperTool : public ContainerTool {
public:
    explicit ContainerHelperTool(HelperPlace place) : place_(std::move(place)) {}

    CommandEnd run(const std::vector<UniqueFd>& namespaces, const ContainerCommand& command,
                   Transfer& transfer) override;

private:
    HelperPlace place_;
};

}  // namespace virtbus
