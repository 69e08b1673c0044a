// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/disk_layers.h"

#include "base/unique_fd.h"
#include "helper/failure.h"
#include "helper/qemu_img.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdlib>

namespace virtbus {

namespace {

UniqueFd open_disk(const std::string& path, int flags, const std::string& act) {
    UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
    if (!file) throw system_failure(act, errno);
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0 || (!S_ISREG(facts.st_mode) && !S_ISBLK(facts.st_mode)))
        throw Error(Code::invalid_args, fmt::format("Cannot {}: it is neither a file nor a block device", act));
    return file;
}

bool is_block_device(const std::string& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 && S_ISBLK(facts.st_mode);
}

/// As QEMU names a file that it opens as what we say, and without its locks.
std::string unlocked(const ImageFile& disk) {
    const auto* driver = is_block_device(disk.path) ? "host_device" : "file";
    const nlohmann::json name{{"driver", disk.format},
                              {"file", {{"driver", driver}, {"filename", disk.path}, {"locking", "off"}}}};
    return "json:" + name.dump();
}

}  // namespace

void check_disks(const std::vector<ImageFile>& disks, Hold hold) {
    const bool is_read = hold == Hold::still;
    for (const auto& disk : disks) {
        const auto act = fmt::format("{} the system on {}", is_read ? "read" : "change", disk.path);
        lock_image(open_disk(disk.path, is_read ? O_RDONLY : O_RDWR, act).get(), hold, act);
    }
}

DiskLayers::DiskLayers(const Peer& peer, const std::vector<ImageFile>& disks, const std::string& temporary) {
    auto name = temporary + "/virtbus-guest-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw system_failure("make a directory in " + temporary, errno);
    directory_ = name;
    try {
        for (const auto& disk : disks) {
            const auto layer = (directory_ / fmt::format("{}.qcow2", layers_.size())).string();
            qemu_img(peer, "read the system on " + disk.path,
                     {.arguments = {"create", "-q", "-f", "qcow2", "-b", unlocked(disk), "-F", disk.format, layer}});
            layers_.push_back({.path = layer, .format = "qcow2"});
        }
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
        throw;
    }
}

DiskLayers::~DiskLayers() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

}  // namespace virtbus
