// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller of its own, that may run as somebody else: other_caller.cpp, or one from elsewhere.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace virtbus::test {

class OtherProgram {
public:
    /// `words`: the program and its arguments.
    explicit OtherProgram(std::vector<std::string> words);
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
