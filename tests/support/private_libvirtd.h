// SPDX-License-Identifier: LGPL-2.1-or-later
// A libvirtd of a test's own: its own directories, sockets and configuration in a temporary directory, never root (as
// root it is started as nobody). Its test driver is a hypervisor behind a real daemon, with nothing to clean up.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace virtbus::test {

class PrivateLibvirtd {
public:
    /// Who may connect, and with which password.
    struct Login {
        std::string user;
        std::string password;
    };

    /// Starts it and waits until it can be connected to.
    PrivateLibvirtd();
    /// The same, of one that asks for a password (SASL, SCRAM-SHA-256).
    explicit PrivateLibvirtd(const Login& login);
    /// Kills it and removes its directory.
    ~PrivateLibvirtd();
    PrivateLibvirtd(const PrivateLibvirtd&) = delete;
    PrivateLibvirtd& operator=(const PrivateLibvirtd&) = delete;

    /// For its test driver: "test+unix:///default?socket=…".
    [[nodiscard]] std::string uri() const;
    /// For another driver of it, such as "qemu" with path "/session".
    [[nodiscard]] std::string uri(const std::string& driver, const std::string& path) const;
    [[nodiscard]] pid_t pid() const { return pid_; }

    void freeze();   ///< SIGSTOP
    void thaw();     ///< SIGCONT
    void kill();     ///< SIGKILL; waits until it has gone
    void restart();  ///< kills it, if it runs, and starts it anew

    /// Runs virsh as another client of its test driver; its output, both standard ones. Throws when virsh fails.
    std::string virsh(const std::vector<std::string>& arguments) const;

private:
    void configure(const std::string& authentication);
    void start();
    [[nodiscard]] std::filesystem::path socket() const;

    std::filesystem::path directory_;
    pid_t pid_ = -1;
};

}  // namespace virtbus::test
