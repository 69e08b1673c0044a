// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/log_control_object.h"

#include "base/log.h"
#include "bus/error.h"

namespace virtbus::bus {

namespace {

sdbus::Error refusal(const char* what) {
    return to_bus_error(std::make_exception_ptr(virtbus::Error(Code::invalid_args, what)));
}

}  // namespace

LogControlObject::LogControlObject(sdbus::IConnection& connection)
    : AdaptorInterfaces(connection, "/org/freedesktop/LogControl1") {
    registerAdaptor();
}

std::string LogControlObject::LogLevel() { return std::string(to_string(log::level())); }

void LogControlObject::LogLevel(const std::string& value) {
    const auto level = log::level_from(value);
    if (!level) throw refusal("LogLevel: must be emerg, alert, crit, err, warning, notice, info or debug");
    log::set_level(*level);
}

std::string LogControlObject::LogTarget() { return std::string(to_string(log::target())); }

void LogControlObject::LogTarget(const std::string& value) {
    const auto target = log::target_from(value);
    if (!target) throw refusal("LogTarget: must be auto, journal or console");
    log::set_target(*target);
}

}  // namespace virtbus::bus
