// SPDX-License-Identifier: LGPL-2.1-or-later
// libguestfs's appliance: a small Linux in a QEMU of its own, without network, that has a guest's disks. Nothing of the
// guest is ever mounted on this host. The only file that knows libguestfs. Its calls cannot be interrupted, so they are
// made in a process that can be ended (worker_process.h). One thread.
//
// The appliance is made by supermin of the host's kernel and packages, at the first launch, and kept in
// <cache>/.guestfs-<uid>: that takes a minute and 200 MB; it needs a readable kernel in /boot.
#pragma once

#include "helper/guest_files.h"
#include "model/image_tool.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

struct guestfs_h;

namespace virtbus {

class GuestAppliance final : public GuestFiles {
public:
    struct Options {
        std::vector<ImageFile> disks;
        bool is_accelerated = false;
        std::string cache;
        std::string temporary;
        std::string leash;  ///< the program that QEMU is started by, qemu_leash.h; an absolute path
        std::string act;    ///< "read the system on …", for messages
    };

    /// Starts it. Error in_use if somebody else has a disk open, not_supported if it does not start.
    explicit GuestAppliance(Options options);
    GuestAppliance(const GuestAppliance&) = delete;
    GuestAppliance& operator=(const GuestAppliance&) = delete;
    ~GuestAppliance() override;

    /// The end of it: errors of the last writes come here.
    void close();

    /// The roots of the operating systems that it finds.
    std::vector<std::string> find_systems();
    std::string type_of(const std::string& root);
    std::string name_of(const std::string& root);
    /// Where the system mounts what: mountpoint, file system.
    std::map<std::string, std::string> mountpoints_of(const std::string& root);
    /// Every file system and its type.
    std::map<std::string, std::string> file_systems();
    /// What has no type that libguestfs lists: partitions and volumes, and what blkid(8) calls each; "" for nothing.
    std::map<std::string, std::string> other_contents();
    /// The partitions whose type is this GUID.
    std::vector<std::string> partitions_of_type(const std::string& guid);
    void mount(const std::string& file_system, const std::string& mountpoint);

    FileFacts look(const std::string& path) override;
    FileFacts look_through(const std::string& path) override;
    std::string read(const std::string& path, std::uint64_t offset, std::size_t size) override;
    std::vector<std::string> match(const std::string& pattern) override;
    void write(const std::string& path, std::uint64_t offset, std::string_view bytes) override;
    void cut(const std::string& path, std::uint64_t size) override;
    void create(const std::string& path, std::string_view content, mode_t mode) override;
    void link(const std::string& target, const std::string& path) override;
    void rename(const std::string& from, const std::string& to) override;
    void remove(const std::string& path) override;
    void settle() override;

private:
    void configure();
    void launch();
    void check(int result, const std::string& act);
    [[noreturn]] void fail(const std::string& act);
    std::vector<std::string> take(char** list, const std::string& act);
    std::string take(char* text, const std::string& act);

    Options options_;
    guestfs_h* handle_ = nullptr;
    std::string log_;  // the last that the appliance, and QEMU, said
};

}  // namespace virtbus
