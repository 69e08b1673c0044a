// SPDX-License-Identifier: LGPL-2.1-or-later
// A helper that is a child process of ours.
#pragma once

#include "helper/running_helper.h"

#include <sys/types.h>

namespace virtbus {

class HelperProcess : public RunningHelper {
public:
    explicit HelperProcess(const std::string& program);
    ~HelperProcess() override;

    [[nodiscard]] int errors() const override { return errors_.get(); }
    void read_errors() override;
    /// Says how it ended, and what it wrote last.
    std::string wait() override;

private:
    UniqueFd errors_;
    std::string text_;
    pid_t pid_ = -1;
};

}  // namespace virtbus
