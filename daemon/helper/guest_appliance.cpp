// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_appliance.h"

#include "base/utf8.h"
#include "helper/failure.h"
#include "helper/qemu_leash.h"

#include <fmt/format.h>
#include <guestfs.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace virtbus {

namespace {

constexpr int memory_mebibytes = 512;
constexpr std::size_t log_max = 8'192;
constexpr std::size_t message_max = 500;
constexpr std::size_t list_max = 256;
constexpr std::size_t name_max = 4'096;

struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};
using OwnedText = std::unique_ptr<char, FreeMemory>;

void keep_log(guestfs_h*, void* opaque, std::uint64_t, int, int, const char* text, std::size_t size,
              const std::uint64_t*, std::size_t) {
    auto& log = *static_cast<std::string*>(opaque);
    log.append(text, size);
    if (log.size() > log_max) log.erase(0, log.size() - log_max);
}

}  // namespace

GuestAppliance::GuestAppliance(Options options) : options_(std::move(options)) {
    handle_ = ::guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT | GUESTFS_CREATE_NO_CLOSE_ON_EXIT);
    if (handle_ == nullptr)
        throw Error(Code::not_supported, fmt::format("Cannot {}: libguestfs does not work here", options_.act));
    try {
        configure();
        launch();
    } catch (...) {
        ::guestfs_close(handle_);
        throw;
    }
}

GuestAppliance::~GuestAppliance() {
    if (handle_ != nullptr) ::guestfs_close(handle_);
}

void GuestAppliance::configure() {
    ::guestfs_set_error_handler(handle_, nullptr, nullptr);
    ::guestfs_set_event_callback(handle_, keep_log,
                                 GUESTFS_EVENT_LIBRARY | GUESTFS_EVENT_APPLIANCE | GUESTFS_EVENT_WARNING, 0, &log_);
    check(::guestfs_set_backend(handle_, "direct"), options_.act);
    if (!options_.is_accelerated) check(::guestfs_set_backend_setting(handle_, "force_tcg", "1"), options_.act);
    check(::guestfs_set_network(handle_, 0), options_.act);
    check(::guestfs_set_autosync(handle_, 1), options_.act);
    check(::guestfs_set_smp(handle_, 1), options_.act);
    check(::guestfs_set_memsize(handle_, memory_mebibytes), options_.act);
    check(::guestfs_set_cachedir(handle_, options_.cache.c_str()), options_.act);
    check(::guestfs_set_tmpdir(handle_, options_.temporary.c_str()), options_.act);
    prepare_leash(take(::guestfs_get_hv(handle_), options_.act));
    check(::guestfs_set_hv(handle_, options_.leash.c_str()), options_.act);
    for (const auto& disk : options_.disks)
        check(::guestfs_add_drive_opts(handle_, disk.path.c_str(), GUESTFS_ADD_DRIVE_OPTS_FORMAT, disk.format.c_str(),
                                       -1),
              options_.act);
}

void GuestAppliance::launch() {
    if (::guestfs_launch(handle_) == 0) return;
    if (log_.find("Failed to get") != std::string::npos && log_.find("lock") != std::string::npos)
        throw qemu_img_failure(options_.act, log_);
    const char* error = ::guestfs_last_error(handle_);
    const auto said = log_.substr(log_.size() - std::min(log_.size(), message_max));
    throw Error(Code::not_supported,
                fmt::format("Cannot {}: libguestfs's appliance does not start, which needs QEMU and a kernel in /boot "
                            "that may be read: {}; the last it said: {}",
                            options_.act, to_utf8(error == nullptr ? "no reason given" : error), to_utf8(said)));
}

void GuestAppliance::close() {
    const auto result = ::guestfs_shutdown(handle_);
    if (result != 0) fail(options_.act + " (its last writes)");
    ::guestfs_close(handle_);
    handle_ = nullptr;
}

void GuestAppliance::check(int result, const std::string& act) {
    if (result != 0) fail(act);
}

void GuestAppliance::fail(const std::string& act) {
    const int number = ::guestfs_last_errno(handle_);
    const char* error = ::guestfs_last_error(handle_);
    const auto reason = to_utf8(std::string_view(error == nullptr ? "no reason given" : error).substr(0, message_max));
    const bool is_full = number == ENOSPC || number == EDQUOT;
    throw Error(is_full ? Code::no_space : Code::failed, fmt::format("Cannot {}: {}", act, reason));
}

std::vector<std::string> GuestAppliance::take(char** list, const std::string& act) {
    if (list == nullptr) fail(act);
    std::vector<std::string> found;
    bool is_too_much = false;
    for (char** entry = list; *entry != nullptr; ++entry) {
        const OwnedText text(*entry);
        is_too_much = is_too_much || found.size() == list_max || std::string_view(*entry).size() > name_max;
        if (!is_too_much) found.emplace_back(*entry);
    }
    std::free(list);
    if (is_too_much) throw Error(Code::unsupported_guest, fmt::format("Cannot {}: there are too many of them", act));
    return found;
}

std::string GuestAppliance::take(char* text, const std::string& act) {
    const OwnedText owned(text);
    if (text == nullptr) fail(act);
    return std::string(std::string_view(text).substr(0, name_max));
}

std::vector<std::string> GuestAppliance::find_systems() {
    return take(::guestfs_inspect_os(handle_), "find an operating system");
}

std::string GuestAppliance::type_of(const std::string& root) {
    return take(::guestfs_inspect_get_type(handle_, root.c_str()), "find the type of an operating system");
}

std::string GuestAppliance::name_of(const std::string& root) {
    return take(::guestfs_inspect_get_product_name(handle_, root.c_str()), "find the name of an operating system");
}

std::map<std::string, std::string> GuestAppliance::mountpoints_of(const std::string& root) {
    const auto list = take(::guestfs_inspect_get_mountpoints(handle_, root.c_str()), "find out what a guest mounts");
    std::map<std::string, std::string> found;
    for (std::size_t i = 0; i + 1 < list.size(); i += 2) found[list[i]] = list[i + 1];
    return found;
}

std::map<std::string, std::string> GuestAppliance::file_systems() {
    const auto list = take(::guestfs_list_filesystems(handle_), "list the file systems");
    std::map<std::string, std::string> found;
    for (std::size_t i = 0; i + 1 < list.size(); i += 2) found[list[i]] = list[i + 1];
    return found;
}

std::map<std::string, std::string> GuestAppliance::other_contents() {
    auto all = take(::guestfs_list_devices(handle_), "list the disks");
    for (auto& part : take(::guestfs_list_partitions(handle_), "list the partitions")) all.push_back(std::move(part));
    std::map<std::string, std::string> found;
    for (const auto& device : all) {
        const OwnedText type(::guestfs_vfs_type(handle_, device.c_str()));
        found[device] = type == nullptr ? "" : std::string(std::string_view(type.get()).substr(0, name_max));
    }
    return found;
}

std::vector<std::string> GuestAppliance::partitions_of_type(const std::string& guid) {
    std::vector<std::string> found;
    for (auto& part : take(::guestfs_list_partitions(handle_), "list the partitions")) {
        const OwnedText disk(::guestfs_part_to_dev(handle_, part.c_str()));
        const int number = ::guestfs_part_to_partnum(handle_, part.c_str());
        if (disk == nullptr || number < 1) continue;
        const OwnedText table(::guestfs_part_get_parttype(handle_, disk.get()));
        if (table == nullptr || std::string_view(table.get()) != "gpt") continue;
        const OwnedText type(::guestfs_part_get_gpt_type(handle_, disk.get(), number));
        if (type != nullptr && ::strcasecmp(type.get(), guid.c_str()) == 0) found.push_back(std::move(part));
    }
    return found;
}

void GuestAppliance::mount(const std::string& file_system, const std::string& mountpoint) {
    check(::guestfs_mount(handle_, file_system.c_str(), mountpoint.c_str()),
          fmt::format("mount the guest's {} from {}", mountpoint, file_system));
}

}  // namespace virtbus
