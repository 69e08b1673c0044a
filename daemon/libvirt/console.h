// SPDX-License-Identifier: LGPL-2.1-or-later
// A machine's console, pumped between libvirt's stream and a socket by a thread of its own, which alone touches the
// stream: it may wait for libvirt without holding up anything else. It ends when the client closes its socket, when the
// machine's side ends, or when the Console is destroyed.
// It also has a libvirt connection of its own: where a guest does not read what was written to it, libvirtd soon stops
// reading that connection, and every other call on it would hang.
#pragma once

#include "base/unique_fd.h"
#include "base/uuid.h"
#include "libvirt/connection.h"

#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace virtbus {

class Console {
public:
    /// Opens the first console of a machine; the second value is the client's socket. Error invalid_state if the
    /// machine is off or has no console, machine_busy if it is open elsewhere and `force` is not set.
    static std::pair<std::unique_ptr<Console>, UniqueFd> open(OpenedConnection connection, const Uuid& uuid,
                                                              bool force);

    /// Ends it, and waits a while for libvirt to close its side.
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    [[nodiscard]] bool has_ended() const;

private:
    class Pump;

    explicit Console(std::shared_ptr<Pump> pump);

    std::shared_ptr<Pump> pump_;
    std::future<void> ended_;
    std::thread thread_;
};

}  // namespace virtbus
