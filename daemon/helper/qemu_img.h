// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs qemu-img. It dies with us, and when nobody wants its work any more. One thread.
#pragma once

#include "helper/peer.h"

#include <functional>
#include <string>
#include <vector>

namespace virtbus {

struct QemuImgRun {
    std::vector<std::string> arguments;
    /// For work on what strangers gave us: little time and memory.
    bool is_limited = false;
    /// Called with 0 to 1 as it goes, if it was told -p.
    std::function<void(double)> at = {};
};

struct QemuImgOutcome {
    int status = 0;      ///< its exit status; -1: it was ended by a signal, and `errors` says so
    std::string output;  ///< nothing where `at` took it
    std::string errors;  ///< the last that it wrote on standard error
};

/// Error cancelled when it was killed because the peer has gone; not_supported if there is no qemu-img.
QemuImgOutcome run_qemu_img(const Peer& peer, const QemuImgRun& run);

/// The same where only success will do: else the Error of "Cannot <act>: …".
std::string qemu_img(const Peer& peer, const std::string& act, const QemuImgRun& run);

}  // namespace virtbus
