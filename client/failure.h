// SPDX-License-Identifier: LGPL-2.1-or-later
// What can go wrong, in words for people: the exceptions of the client, and what a D-Bus error means.
#pragma once

#include <sdbus-c++/Error.h>

#include <stdexcept>
#include <string>

namespace virtbusctl {

/// The command line makes no sense: exit code 2.
class UsageError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Something that was asked for did not work: exit code 1.
class Failure : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Nobody is there to talk to: no further call makes sense.
class Unreachable : public Failure {
    using Failure::Failure;
};

enum class BusKind { system, session };

/// The bus could not be connected to.
[[nodiscard]] std::string explain_no_bus(const sdbus::Error& error, BusKind kind);

/// A call failed because there is no daemon on the bus.
[[nodiscard]] bool means_no_daemon(const sdbus::Error& error);
[[nodiscard]] std::string explain_no_daemon(BusKind kind);

/// A call failed. The daemon's own messages are for people already; those of the bus are not.
[[nodiscard]] std::string explain(const std::string& name, const std::string& message);
[[nodiscard]] std::string explain(const sdbus::Error& error);

}  // namespace virtbusctl
