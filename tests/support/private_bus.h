// SPDX-License-Identifier: LGPL-2.1-or-later
// A message bus of the test's own: a dbus-daemon that lives as long as this object, with nobody else on it.
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace virtbus::test {

class PrivateBus {
public:
    /// session: its user only, who may do everything. system: everybody may connect, the limits are those of the
    /// system bus, and the policy is what virtbus installs.
    enum class Policy { session, system };

    explicit PrivateBus(Policy policy = Policy::session);
    PrivateBus(const PrivateBus&) = delete;
    PrivateBus& operator=(const PrivateBus&) = delete;
    ~PrivateBus();

    [[nodiscard]] const std::string& address() const { return address_; }

private:
    void end();

    std::filesystem::path directory_;
    std::string address_;
    pid_t daemon_ = -1;
};

}  // namespace virtbus::test
