// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/libvirt_storage.h"

#include "base/log.h"
#include "base/utf8.h"
#include "libvirt/error.h"
#include "libvirt/handle.h"
#include "libvirt/storage_reader.h"
#include "libvirt/volume_stream.h"
#include "libvirt/xml.h"
#include "model/qcow2_header.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <span>

namespace virtbus {

namespace {

/// How long a pool is waited for in which a volume is being made: mostly for moments.
constexpr std::chrono::seconds refresh_patience{10};

/// A pool of libvirt, which keeps its connection alive, and says in every error which pool it is about.
class StoragePool {
public:
    /// Error no_such_pool.
    StoragePool(ConnectionPool::Lease lease, const std::string& name) : lease_(std::move(lease)), name_(name) {
        handle_.reset(virStoragePoolLookupByName(lease_.get(), name.c_str()));
        if (!handle_) fail("find");
    }

    [[nodiscard]] virStoragePoolPtr get() const { return handle_.get(); }
    [[nodiscard]] virConnectPtr connection() const { return lease_.get(); }

    void check(int result, std::string_view act) const {
        if (result < 0) fail(act);
    }
    [[noreturn]] void fail(std::string_view act) const { fail(act, last_error()); }
    [[noreturn]] void fail(std::string_view act, const LibvirtError& error) const {
        throw_error(lease_.get(), error, fmt::format("Cannot {} pool {}", act, name_));
    }
    [[nodiscard]] bool ask(int result, std::string_view act) const {
        check(result, act);
        return result > 0;
    }

    /// Error no_such_image.
    [[nodiscard]] VolumeHandle volume(const std::string& name) const {
        VolumeHandle volume(virStorageVolLookupByName(get(), name.c_str()));
        if (!volume) throw_last(connection(), fmt::format("Cannot find image {}/{}", name_, name));
        return volume;
    }

private:
    ConnectionPool::Lease lease_;
    std::string name_;
    PoolHandle handle_;
};

PoolState pool_state_from(int state) {
    switch (state) {
        case VIR_STORAGE_POOL_BUILDING: return PoolState::building;
        case VIR_STORAGE_POOL_RUNNING: return PoolState::running;
        case VIR_STORAGE_POOL_DEGRADED: return PoolState::degraded;
        case VIR_STORAGE_POOL_INACCESSIBLE: return PoolState::inaccessible;
        default: return PoolState::inactive;
    }
}

/// Whether that is all there is to say against looking: a volume is being made there. libvirt has no code for it.
bool makes_volume(const LibvirtError& error) {
    return error.code == VIR_ERR_INTERNAL_ERROR && error.message.find("asynchronous jobs") != std::string::npos;
}

/// What the file is like, or all 0 where it cannot be seen from here.
FileStamp stamp_of(const std::string& path) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    return {status.st_ino, static_cast<std::uint64_t>(status.st_size), static_cast<std::uint64_t>(status.st_blocks),
            status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
}

/// libvirt does not tell. A file that cannot be opened from here cannot be looked at either.
bool has_external_data(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    std::array<std::byte, 104> header{};
    const auto length = file ? ::read(file.get(), header.data(), header.size()) : 0;
    return length > 0 && qcow2_has_external_data(std::span(header).first(static_cast<std::size_t>(length)));
}

std::string to_text_of(const PoolSpec& spec) {
    pugi::xml_document document;
    auto pool = document.append_child("pool");
    pool.append_attribute("type") = "dir";
    pool.append_child("name").text() = spec.name.c_str();
    pool.append_child("target").append_child("path").text() = spec.path.c_str();
    return to_text(pool);
}

/// An empty file that libvirt knows as a volume. It grows as it is written.
std::string empty_volume_xml(const std::string& name) {
    pugi::xml_document document;
    auto volume = document.append_child("volume");
    volume.append_child("name").text() = name.c_str();
    volume.append_child("capacity").text() = 0;
    volume.append_child("allocation").text() = 0;
    volume.append_child("target").append_child("format").append_attribute("type") = "raw";
    return to_text(volume);
}

/// Reads one volume; nothing for what is no image, or is going.
ImagePtr read_image(const StoragePool& pool, virStorageVolPtr volume, const FileStamp& stamp) {
    const TextHandle xml(virStorageVolGetXMLDesc(volume, 0));
    if (!xml) {
        const auto error = last_error();
        if (error.code != VIR_ERR_NO_STORAGE_VOL) log::debug("Left out a volume: " + error.message);
        return nullptr;
    }
    auto image = read_volume_xml(xml.get());
    if (!image) return nullptr;
    image->pool = virStoragePoolGetName(pool.get());
    image->stamp = stamp;
    image->changed = static_cast<std::uint64_t>(stamp.changed / 1'000);
    image->external_data = image->format == "qcow2" && has_external_data(image->path);
    return std::make_shared<const Image>(std::move(*image));
}

}  // namespace

std::vector<std::string> LibvirtStorage::list_pools() {
    const auto lease = connections_.take();
    virStoragePoolPtr* found = nullptr;
    const int count = virConnectListAllStoragePools(lease.get(), &found, 0);
    if (count < 0) {
        const auto error = last_error();
        if (code_from(error, lease.get()) == Code::not_supported) return {};  // a driver without pools
        throw_error(lease.get(), error, "Cannot list the pools");
    }
    const PoolList pools(found, count);
    std::vector<std::string> names;
    for (const auto pool : pools) names.emplace_back(virStoragePoolGetName(pool));
    return names;
}

std::optional<Pool> LibvirtStorage::read_pool(const std::string& name) try {
    const StoragePool pool(connections_.take(), name);
    const TextHandle xml(virStoragePoolGetXMLDesc(pool.get(), 0));
    if (!xml) pool.fail("read");
    auto value = read_pool_xml(xml.get());
    virStoragePoolInfo info{};
    pool.check(virStoragePoolGetInfo(pool.get(), &info), "read the state of");
    value.state = pool_state_from(info.state);
    value.persistent = pool.ask(virStoragePoolIsPersistent(pool.get()), "read");
    int autostart = 0;
    pool.check(virStoragePoolGetAutostart(pool.get(), &autostart), "read the autostart of");
    value.autostart = autostart > 0;
    return value;
} catch (const Error& error) {
    if (error.code() == Code::no_such_pool) return std::nullopt;
    throw;
}

ImageMap LibvirtStorage::list_images(const std::string& name, const ImageMap& known) try {
    const StoragePool pool(connections_.take(), name);
    ImageMap images;
    if (!pool.ask(virStoragePoolIsActive(pool.get()), "read")) return images;
    virStorageVolPtr* found = nullptr;
    const int count = virStoragePoolListAllVolumes(pool.get(), &found, 0);
    if (count < 0) pool.fail("list the images of");
    const VolumeList volumes(found, count);
    for (const auto volume : volumes) {
        const std::string volume_name = virStorageVolGetName(volume);
        if (volume_name.starts_with(temporary_prefix)) continue;
        const auto before = known.find(volume_name);
        const auto old = before == known.end() ? nullptr : before->second;
        const FileStamp unknown;
        // Its key is its path in pools of files; elsewhere there is no such file, and no stamp.
        const auto stamp = stamp_of(virStorageVolGetKey(volume));
        const bool same = old && stamp != unknown && old->stamp == stamp;
        if (auto image = same ? old : read_image(pool, volume, stamp)) images[volume_name] = std::move(image);
    }
    return images;
} catch (const Error& error) {
    if (error.code() == Code::no_such_pool || error.code() == Code::invalid_state) return {};
    throw;
}

void LibvirtStorage::create_pool(const PoolSpec& spec) {
    const auto lease = connections_.take();
    const PoolHandle existing(virStoragePoolLookupByName(lease.get(), spec.name.c_str()));
    if (existing) throw Error(Code::already_exists, "there is already a pool " + spec.name);
    const PoolHandle pool(virStoragePoolDefineXML(lease.get(), to_text_of(spec).c_str(), 0));
    const auto fail = [&] {
        const auto error = last_error();
        if (pool) virStoragePoolUndefine(pool.get());
        throw_error(lease.get(), error, "Cannot create pool " + spec.name);
    };
    if (!pool) fail();
    if (virStoragePoolBuild(pool.get(), VIR_STORAGE_POOL_BUILD_NEW) < 0) fail();
    if (virStoragePoolCreate(pool.get(), 0) < 0) fail();
    if (spec.autostart && virStoragePoolSetAutostart(pool.get(), 1) < 0) {
        const auto error = last_error();
        virStoragePoolDestroy(pool.get());
        virStoragePoolUndefine(pool.get());
        throw_error(lease.get(), error, "Cannot set the autostart of pool " + spec.name);
    }
}

void LibvirtStorage::start_pool(const std::string& name) {
    const StoragePool pool(connections_.take(), name);
    pool.check(virStoragePoolCreate(pool.get(), 0), "start");
}

void LibvirtStorage::stop_pool(const std::string& name) {
    const StoragePool pool(connections_.take(), name);
    pool.check(virStoragePoolDestroy(pool.get()), "stop");
}

void LibvirtStorage::delete_pool(const std::string& name) {
    const StoragePool pool(connections_.take(), name);
    const bool persistent = pool.ask(virStoragePoolIsPersistent(pool.get()), "read");
    if (pool.ask(virStoragePoolIsActive(pool.get()), "read")) pool.check(virStoragePoolDestroy(pool.get()), "stop");
    if (persistent) pool.check(virStoragePoolUndefine(pool.get()), "delete");
}

void LibvirtStorage::set_pool_autostart(const std::string& name, bool autostart) {
    const StoragePool pool(connections_.take(), name);
    if (!pool.ask(virStoragePoolIsPersistent(pool.get()), "read"))
        throw Error(Code::invalid_state, "Cannot set the autostart of pool " + name + ": it is transient");
    pool.check(virStoragePoolSetAutostart(pool.get(), autostart ? 1 : 0), "set the autostart of");
}

void LibvirtStorage::refresh_pool(const std::string& name) {
    const StoragePool pool(connections_.take(), name);
    if (!pool.ask(virStoragePoolIsActive(pool.get()), "read")) return;
    const auto end = std::chrono::steady_clock::now() + refresh_patience;
    while (virStoragePoolRefresh(pool.get(), 0) < 0) {
        const auto error = last_error();
        if (!makes_volume(error) || std::chrono::steady_clock::now() > end) pool.fail("refresh", error);
        ::poll(nullptr, 0, 50);
    }
}

void LibvirtStorage::delete_image(const std::string& pool_name, const std::string& name) {
    const StoragePool pool(connections_.take(), pool_name);
    const auto volume = pool.volume(name);
    if (virStorageVolDelete(volume.get(), 0) < 0)
        throw_last(pool.connection(), fmt::format("Cannot delete image {}/{}", pool_name, name));
}

std::uint64_t LibvirtStorage::upload(const std::string& pool_name, const std::string& name, const std::string& format,
                                     const UniqueFd& source, Transfer& transfer, std::string* sha256) {
    const StoragePool pool(connections_.take(), pool_name);
    const VolumeHandle volume(virStorageVolCreateXML(pool.get(), empty_volume_xml(name).c_str(), 0));
    if (!volume) throw_last(pool.connection(), "Cannot begin an image in pool " + pool_name);
    return write_volume(volume.get(), format, source, transfer, sha256);
}

std::uint64_t LibvirtStorage::download(const std::string& pool_name, const std::string& name, const UniqueFd& target,
                                       Transfer& transfer) {
    const StoragePool pool(connections_.take(), pool_name);
    const auto volume = pool.volume(name);
    return read_volume(volume.get(), target, transfer);
}

}  // namespace virtbus
