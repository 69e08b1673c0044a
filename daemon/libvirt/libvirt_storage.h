// SPDX-License-Identifier: LGPL-2.1-or-later
// The storage part of the port implemented, on the connections of its LibvirtPort. Worker threads, several at once.
#pragma once

#include "libvirt/connection_pool.h"
#include "model/storage_port.h"

namespace virtbus {

class LibvirtStorage final : public StoragePort {
public:
    explicit LibvirtStorage(ConnectionPool& connections) : connections_(connections) {}

    std::vector<std::string> list_pools() override;
    std::optional<Pool> read_pool(const std::string& name) override;
    ImageMap list_images(const std::string& pool, const ImageMap& known) override;

    void create_pool(const PoolSpec& spec) override;
    void start_pool(const std::string& name) override;
    void stop_pool(const std::string& name) override;
    void delete_pool(const std::string& name) override;
    void set_pool_autostart(const std::string& name, bool autostart) override;
    void refresh_pool(const std::string& name) override;

    void delete_image(const std::string& pool, const std::string& name) override;
    std::uint64_t upload(const std::string& pool, const std::string& name, const std::string& format,
                         const UniqueFd& source, Transfer& transfer, std::string* sha256) override;
    std::uint64_t download(const std::string& pool, const std::string& name, const UniqueFd& target,
                           Transfer& transfer) override;

private:
    ConnectionPool& connections_;
};

}  // namespace virtbus
