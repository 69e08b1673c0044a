// SPDX-License-Identifier: LGPL-2.1-or-later
// Which properties of a machine's interfaces show which members of the value: what PropertiesChanged is derived from,
// and what its devices are as dictionaries.
#pragma once

#include "bus/changes.h"
#include "bus/dictionary.h"
#include "model/machine.h"

#include <cstdint>
#include <string>
#include <vector>

namespace virtbus::bus {

/// Those of org.virtbus1.Machine.
Changes machine_changes(const Machine& before, const Machine& after);

// What is in the dictionaries of Disks, Interfaces, Graphics and Addresses: keys that do not apply are left out.

template <typename Visit>
void visit_text(Visit& visit, const char* key, const std::string& text) {
    if (!text.empty()) visit(key, text);
}

template <typename Visit>
void each_entry(const Disk& disk, Visit&& visit) {
    visit_text(visit, "target", disk.target);
    visit_text(visit, "bus", disk.bus);
    visit_text(visit, "device", disk.device);
    visit_text(visit, "format", disk.format);
    visit_text(visit, "file", disk.file);
    visit_text(visit, "block", disk.block);
    visit_text(visit, "dir", disk.dir);
    visit_text(visit, "pool", disk.pool);
    visit_text(visit, "volume", disk.volume);
    visit_text(visit, "protocol", disk.protocol);
    visit_text(visit, "name", disk.name);
    visit("readonly", disk.readonly);
    visit("shareable", disk.shareable);
}

template <typename Visit>
void each_entry(const Interface& interface, Visit&& visit) {
    visit_text(visit, "mac", interface.mac);
    visit_text(visit, "type", interface.type);
    visit_text(visit, "model", interface.model);
    visit_text(visit, "network", interface.network);
    visit_text(visit, "bridge", interface.bridge);
    visit_text(visit, "target", interface.target);
}

template <typename Visit>
void each_entry(const Address& address, Visit&& visit) {
    std::vector<std::string> sources;
    for (const auto source : address.sources) sources.emplace_back(to_string(source));
    visit_text(visit, "address", address.address.text());
    visit_text(visit, "mac", address.mac);
    if (address.prefix != 0) visit("prefix", std::uint32_t{address.prefix});
    visit("sources", sources);
    visit_text(visit, "device", address.device);
}

template <typename Visit>
void each_entry(const Graphics& graphics, Visit&& visit) {
    visit_text(visit, "type", graphics.type);
    visit_text(visit, "listen", graphics.listen);
    visit_text(visit, "address", graphics.address);
    if (graphics.port != 0) visit("port", std::uint32_t{graphics.port});
}

}  // namespace virtbus::bus
