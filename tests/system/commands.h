// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests do to the throwaway system that they run in as root: commands, units, and time to wait.
#pragma once

#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace virtbus::test {

/// How a command ended, and all that it wrote.
struct Output {
    int code = 0;
    std::string text;

    friend std::ostream& operator<<(std::ostream& stream, const Output& output) {
        return stream << output.text << "(code " << output.code << ")";
    }
};

Output run_command(std::vector<std::string> words);
/// The same as another user, such as "nobody".
Output run_as(const std::string& user, const std::vector<std::string>& words);
/// The same at a terminal, where somebody types a password when he is asked for one.
Output run_at_terminal(const std::string& user, const std::vector<std::string>& words, const std::string& password);
/// What it wrote, without the last newline; std::runtime_error if it fails.
std::string output_of(const std::vector<std::string>& words);

/// A property of a unit.
std::string unit_property(const std::string& unit, const std::string& property);
/// What a unit has written to the journal.
std::string journal_of(const std::string& unit);

/// Waits, though not forever, until it holds.
bool wait_until(const std::function<bool()>& holds, std::chrono::seconds patience = std::chrono::seconds(30));

void write_file(const std::string& path, const std::string& text);

/// A part of a unit's settings, as long as the object lives.
class DropIn {
public:
    DropIn(const std::string& unit, const std::string& text);
    DropIn(const DropIn&) = delete;
    DropIn& operator=(const DropIn&) = delete;
    ~DropIn();

private:
    std::string directory_;
};

/// The configuration that the tests begin with: QEMU and containers.
void write_configuration(const std::string& more_hypervisors = {}, const std::string& more_settings = {});

}  // namespace virtbus::test
