// SPDX-License-Identifier: LGPL-2.1-or-later
#include "storage.h"

#include <algorithm>

#include "hypervisor_text.h"
#include "program.h"
#include "storage_choice.h"

namespace virtbusctl {

namespace {

constexpr const char* default_pool = "default";

}  // namespace

Dictionary Storage::filter() const {
    if (program_.hypervisor().empty()) return {};
    return {{"hypervisor", program_.hypervisor()}};
}

const Bus::ImageRow& Storage::image(const std::string& text, const std::string& hypervisor) {
    if (!images_) images_ = program_.bus().list_images(filter());
    return choose_image(*images_, text, hypervisor);
}

const Bus::PoolRow& Storage::pool(const std::string& text, const std::string& hypervisor) {
    if (!pools_) pools_ = program_.bus().list_pools(filter());
    return choose_pool(*pools_, text, hypervisor);
}

bool Storage::is_yet_to_be_made(const std::string& pool) {
    if (!pools_) pools_ = program_.bus().list_pools(filter());
    return pool == default_pool &&
           std::none_of(pools_->begin(), pools_->end(), [](const auto& row) { return row.name == default_pool; });
}

Storage::Place Storage::place(const std::string& pool) {
    if (!pool.empty() && !is_yet_to_be_made(pool)) {
        const auto& row = this->pool(pool);
        return {row.path, row.hypervisor};
    }
    const auto hypervisor = program_.bus().find_hypervisor(program_.hypervisor(), serves_pools);
    const std::string path = Hypervisor(program_.bus().connection(), hypervisor.path).GetDefaultPool({});
    return {path, text_at(hypervisor.properties, "Name")};
}

}  // namespace virtbusctl
