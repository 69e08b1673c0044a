// SPDX-License-Identifier: LGPL-2.1-or-later
#include "storage.h"

#include "hypervisor_text.h"
#include "program.h"
#include "storage_choice.h"

namespace virtbusctl {

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

Storage::Place Storage::place(const std::string& pool) {
    if (!pool.empty()) {
        const auto& row = this->pool(pool);
        return {row.path, row.hypervisor};
    }
    const auto hypervisor = program_.bus().find_hypervisor(program_.hypervisor(), serves_pools);
    const std::string path = Hypervisor(program_.bus().connection(), hypervisor.path).GetDefaultPool({});
    return {path, text_at(hypervisor.properties, "Name")};
}

}  // namespace virtbusctl
