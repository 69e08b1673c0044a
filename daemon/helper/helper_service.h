// SPDX-License-Identifier: LGPL-2.1-or-later
// A helper that systemd starts when we connect to its socket, in a unit of its own.
#pragma once

#include "helper/running_helper.h"

namespace virtbus {

class HelperService : public RunningHelper {
public:
    explicit HelperService(std::string socket_path);

    std::string wait() override;

private:
    std::string path_;
};

}  // namespace virtbus
