// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller that runs as somebody else, as other_caller.cpp says: only root can become another.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace virtbus::test {

class OtherProgram {
public:
    /// `words`: what follows the name of the program.
    explicit OtherProgram(const std::vector<std::string>& words);
    OtherProgram(const OtherProgram&) = delete;
    OtherProgram& operator=(const OtherProgram&) = delete;
    /// Kills it, unless it has ended.
    ~OtherProgram();

    /// The next line that it says; when it has no more, or takes too long, what is wrong in brackets.
    std::string line();
    void kill();

private:
    pid_t process_ = -1;
    int output_ = -1;
    std::string unread_;
};

}  // namespace virtbus::test
