// SPDX-License-Identifier: LGPL-2.1-or-later
// Logging: to the journal with fields of its own when standard error is the journal's, else plain lines on standard
// error. May be used from any thread. The level and target are the one state that is process-wide, as standard error
// is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtbus::log {

/// syslog(3)'s levels, the numbers too.
enum class Level { emerg, alert, crit, err, warning, notice, info, debug };

enum class Target { automatic, journal, console };

/// A journal field: upper-case, see systemd.journal-fields(7). Ours begin with VIRTBUS_.
struct Field {
    std::string name;
    std::string value;
};

using Fields = std::vector<Field>;

/// Writes one line, unless it is less important than the level set.
void write(Level level, std::string_view message, const Fields& fields = {});

inline void debug(std::string_view message, const Fields& fields = {}) { write(Level::debug, message, fields); }
inline void info(std::string_view message, const Fields& fields = {}) { write(Level::info, message, fields); }
inline void warning(std::string_view message, const Fields& fields = {}) { write(Level::warning, message, fields); }
inline void error(std::string_view message, const Fields& fields = {}) { write(Level::err, message, fields); }

void set_level(Level level);
Level level();
void set_target(Target target);
Target target();

/// The names that org.freedesktop.LogControl1(5) gives them.
std::string_view to_string(Level level);
std::string_view to_string(Target target);
std::optional<Level> level_from(std::string_view name);
std::optional<Target> target_from(std::string_view name);

}  // namespace virtbus::log
