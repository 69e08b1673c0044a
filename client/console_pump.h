// SPDX-License-Identifier: LGPL-2.1-or-later
// Carries bytes between a console and the standard streams, in one loop. Nothing here knows the bus.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "signals.h"

namespace virtbusctl {

class ConsolePump {
public:
    struct Streams {
        int console;  // a socket
        int input;
        int output;
    };
    enum class End { console_closed, left, input_ended, signal };

    /// `escape`: whether Ctrl-] in the input leaves. `linger`: for how long the guest must have been silent after the
    /// end of the input; nothing: until it closes the console.
    ConsolePump(Streams streams, bool escape, std::optional<std::chrono::milliseconds> linger)
        : streams_(streams), escape_(escape), linger_(linger) {}

    /// Until one of the ends. Throws std::system_error.
    End run(SignalWatch& signals);

private:
    std::optional<End> step(SignalWatch& signals);
    [[nodiscard]] int timeout() const;
    std::optional<End> read_input();
    std::optional<End> read_console();
    void write_console();

    Streams streams_;
    bool escape_;
    std::optional<std::chrono::milliseconds> linger_;
    bool input_open_ = true;
    std::string pending_;  // read from the input, not yet taken by the guest
};

}  // namespace virtbusctl
