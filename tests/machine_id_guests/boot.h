// SPDX-License-Identifier: LGPL-2.1-or-later
// Boots the Debian guest of support/debian and hears from it which machine-id it has. The calling thread waits; guests
// on different disks can run at the same time.
#pragma once

#include "disk.h"

#include <filesystem>
#include <string>
#include <utility>

namespace virtbus::test {

/// What a guest says of itself before it powers off (support/debian/report).
struct Report {
    std::string etc;      // /etc/machine-id
    std::string dbus;     // what dbus-uuidgen --get prints
    std::string journal;  // what journald puts into its entries
    std::string host;
    std::string from;  // where systemd has taken a new id from, in its own words; "" when it had one
};

/// The line that starts with "VBMID" in what a guest has written; throws when it has written none.
Report parse_report(const std::string& serial);

/// The kernel options of a boot entry (Boot Loader Specification, type 1).
std::string options_of(const std::string& boot_entry);

/// A machine with the Debian guest on its disk.
class Guest {
public:
    static constexpr const char* boot_entry = "/boot/loader/entries/debian.conf";

    /// `uuid` is the machine's, as its firmware tells it. The disk outlives this.
    Guest(Disk& disk, std::string uuid) : disk_(disk), uuid_(std::move(uuid)) {}

    /// Boots until the guest has powered off. The boot loader is ours: it starts the kernel of support/debian with the
    /// options that it reads from the boot entry on the disk. All that comes after is the guest's own.
    [[nodiscard]] Report boot() const;

private:
    Disk& disk_;
    std::string uuid_;
};

/// The directory that make-debian has made.
std::filesystem::path debian_directory();

}  // namespace virtbus::test
