// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/log.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <vector>

namespace virtbus::log {

namespace {

struct LevelName {
    Level level;
    std::string_view name;
};

constexpr std::array level_names{
    LevelName{Level::emerg, "emerg"}, LevelName{Level::alert, "alert"},     LevelName{Level::crit, "crit"},
    LevelName{Level::err, "err"},     LevelName{Level::warning, "warning"}, LevelName{Level::notice, "notice"},
    LevelName{Level::info, "info"},   LevelName{Level::debug, "debug"},
};

struct TargetName {
    Target target;
    std::string_view name;
};

constexpr std::array target_names{
    TargetName{Target::automatic, "auto"},
    TargetName{Target::journal, "journal"},
    TargetName{Target::console, "console"},
};

std::atomic<Level> current_level{Level::info};
std::atomic<Target> current_target{Target::automatic};

/// systemd.exec(5), $JOURNAL_STREAM: device and inode of the stream that leads to the journal.
bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
    return stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

bool to_journal() {
    static const bool automatic = stderr_is_journal();
    switch (current_target.load()) {
        case Target::automatic: return automatic;
        case Target::journal: return true;
        case Target::console: return false;
    }
    return false;
}

void write_journal(Level level, std::string_view message, const Fields& fields) {
    std::vector<std::string> entries{
        fmt::format("MESSAGE={}", message),
        fmt::format("PRIORITY={}", static_cast<int>(level)),
        "SYSLOG_IDENTIFIER=virtbusd",
    };
    for (const auto& field : fields)
        if (!field.value.empty()) entries.push_back(fmt::format("{}={}", field.name, field.value));
    std::vector<iovec> parts;
    for (auto& entry : entries) parts.push_back({entry.data(), entry.size()});
    sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

void write_console(Level level, std::string_view message, const Fields& fields) {
    std::string line = fmt::format("virtbusd: {}: {}", to_string(level), message);
    if (current_level.load() == Level::debug)
        for (const auto& field : fields) line += fmt::format(" {}={}", field.name, field.value);
    line += '\n';
    // One write(2): lines of several threads do not mix.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void write(Level level, std::string_view message, const Fields& fields) {
    if (level > current_level.load()) return;
    if (to_journal())
        write_journal(level, message, fields);
    else
        write_console(level, message, fields);
}

void set_level(Level level) { current_level = level; }
Level level() { return current_level; }
void set_target(Target target) { current_target = target; }
Target target() { return current_target; }

std::string_view to_string(Level level) { return level_names.at(static_cast<std::size_t>(level)).name; }
std::string_view to_string(Target target) { return target_names.at(static_cast<std::size_t>(target)).name; }

std::optional<Level> level_from(std::string_view name) {
    for (const auto& entry : level_names)
        if (entry.name == name) return entry.level;
    return std::nullopt;
}

std::optional<Target> target_from(std::string_view name) {
    for (const auto& entry : target_names)
        if (entry.name == name) return entry.target;
    return std::nullopt;
}

}  // namespace virtbus::log
