// SPDX-License-Identifier: LGPL-2.1-or-later
// The processes of the instance that the suite runs in: virtbusd, which it starts and kills by itself, and libvirt's
// session daemon, which virtbusd's connection starts.
#pragma once

#include <sys/types.h>

#include <string>

namespace virtbus::test {

class Daemon {
public:
    /// The one of this program.
    static Daemon& instance();

    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Starts it if it is not running.
    void start();
    /// SIGKILL, and waits for its end.
    void kill();
    /// The same, and its helpers with it: nobody is left to clean up.
    void kill_with_helpers();
    /// SIGTERM; what it ended with, or -1 when it did not in time.
    int stop();
    [[nodiscard]] bool is_running();
    /// What it has written since it was started last.
    [[nodiscard]] std::string log() const;

private:
    Daemon() = default;

    pid_t pid_ = 0;
    int status_ = 0;
    int number_ = 0;
    std::string log_file_;
};

/// The process of libvirt's session daemon that serves QEMU and its storage; 0 when there is none now.
pid_t find_libvirtd();
/// How many helper programs there are.
int count_helpers();

}  // namespace virtbus::test
