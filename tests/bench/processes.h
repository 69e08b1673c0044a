// SPDX-License-Identifier: LGPL-2.1-or-later
// The programs that are compared, and what the kernel knows of them.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace virtbus::bench {

class Process {
public:
    /// Its standard error goes to $VIRTBUS_LOG, its standard output nowhere.
    explicit Process(const std::vector<std::string>& command,
                     const std::map<std::string, std::string>& environment = {});
    /// Ends it with SIGTERM, and waits.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Waits until it has ended; throws if it failed.
    void wait();

private:
    pid_t pid_;
};

/// Its memory that nobody else has, in KiB.
double private_memory(pid_t pid);
/// How often its threads whose name begins so have slept and were woken.
long wake_ups(pid_t pid, const std::string& thread = "");

/// Keeps processes stopped.
class Standstill {
public:
    explicit Standstill(std::vector<pid_t> processes);
    ~Standstill();
    Standstill(const Standstill&) = delete;
    Standstill& operator=(const Standstill&) = delete;

private:
    std::vector<pid_t> processes_;
};

/// Where a program that has its path as NOTIFY_SOCKET tells that it is ready.
class ReadySocket {
public:
    ReadySocket();
    ~ReadySocket();
    ReadySocket(const ReadySocket&) = delete;
    ReadySocket& operator=(const ReadySocket&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }
    void wait() const;

private:
    std::string path_;
    int socket_;
};

}  // namespace virtbus::bench
