// SPDX-License-Identifier: LGPL-2.1-or-later
// org.freedesktop.LogControl1(5): the log level and target, for `systemctl service-log-level`. Main thread only.
#pragma once

#include <org.freedesktop.LogControl1_adaptor.h>

#include <string>

namespace virtbus::bus {

class LogControlObject final : public sdbus::AdaptorInterfaces<org::freedesktop::LogControl1_adaptor> {
public:
    explicit LogControlObject(sdbus::IConnection& connection);
    LogControlObject(const LogControlObject&) = delete;
    LogControlObject& operator=(const LogControlObject&) = delete;
    ~LogControlObject() { unregisterAdaptor(); }

private:
    // libsystemd lets only privileged callers set these: the XML marks them so.
    std::string LogLevel() override;
    void LogLevel(const std::string& value) override;
    std::string LogTarget() override;
    void LogTarget(const std::string& value) override;
    std::string SyslogIdentifier() override { return "virtbusd"; }
};

}  // namespace virtbus::bus
