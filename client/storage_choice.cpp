// SPDX-License-Identifier: LGPL-2.1-or-later
#include "storage_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "text.h"

namespace virtbusctl {

namespace {

bool is_meant(const Bus::ImageRow& row, const std::string& text) {
    return row.name == text || row.pool + "/" + row.name == text || row.path == text;
}

bool is_meant(const Bus::PoolRow& row, const std::string& text) { return row.name == text || row.path == text; }

bool is_meant(const Bus::NetworkRow& row, const std::string& text) { return row.name == text || row.path == text; }

std::string name_of(const Bus::ImageRow& row) { return row.pool + "/" + row.name; }
std::string name_of(const Bus::PoolRow& row) { return row.name; }
std::string name_of(const Bus::NetworkRow& row) { return row.name; }

template <typename Row>
std::vector<const Row*> candidates(const std::vector<Row>& rows, const std::string& text,
                                   const std::string& hypervisor) {
    std::vector<const Row*> found;
    for (const auto& row : rows)
        if (is_meant(row, text) && (hypervisor.empty() || row.hypervisor == hypervisor)) found.push_back(&row);
    return found;
}

/// "a/web.qcow2, b/web.qcow2", with the hypervisors where they tell them apart.
template <typename Row>
std::string names_of(const std::vector<const Row*>& rows, bool with_hypervisor) {
    std::string names;
    for (const auto* row : rows) {
        names += (names.empty() ? "" : ", ") + printable(name_of(*row));
        if (with_hypervisor) names += " on " + printable(row->hypervisor);
    }
    return names;
}

template <typename Row>
const Row& only_one(const std::vector<const Row*>& found, const char* things, const std::string& text,
                    const char* way_out) {
    if (found.size() == 1) return *found.front();
    const bool elsewhere = std::any_of(found.begin(), found.end(),
                                       [&](const Row* row) { return row->hypervisor != found.front()->hypervisor; });
    throw Failure(fmt::format("there are several {} \"{}\": {}; {}", things, printable(text),
                              names_of(found, elsewhere), elsewhere ? "choose a hypervisor with -H" : way_out));
}

std::string on(const std::string& hypervisor) {
    return hypervisor.empty() ? "" : " on hypervisor " + printable(hypervisor);
}

}  // namespace

const Bus::ImageRow& choose_image(const std::vector<Bus::ImageRow>& rows, const std::string& text,
                                  const std::string& hypervisor) {
    const auto found = candidates(rows, text, hypervisor);
    if (found.empty())
        throw Failure(
            fmt::format("there is no image \"{}\"{}; \"virtbusctl image list\" shows those of all pools "
                        "that run",
                        printable(text), on(hypervisor)));
    return only_one(found, "images", text, "say which as POOL/NAME");
}

const Bus::PoolRow& choose_pool(const std::vector<Bus::PoolRow>& rows, const std::string& text,
                                const std::string& hypervisor) {
    const auto found = candidates(rows, text, hypervisor);
    if (found.empty())
        throw Failure(fmt::format("there is no pool \"{}\"{}; \"virtbusctl pool list\" shows all", printable(text),
                                  on(hypervisor)));
    return only_one(found, "pools", text, "give its object path");
}

const Bus::NetworkRow& choose_network(const std::vector<Bus::NetworkRow>& rows, const std::string& text,
                                      const std::string& hypervisor, const SameNetwork& same) {
    auto found = candidates(rows, text, hypervisor);
    if (found.size() > 1 && same)
        found.erase(
            std::remove_if(found.begin() + 1, found.end(), [&](const auto* row) { return same(*found.front(), *row); }),
            found.end());
    if (found.empty())
        throw Failure(fmt::format("there is no network \"{}\"{}; \"virtbusctl network list\" shows all",
                                  printable(text), on(hypervisor)));
    return only_one(found, "networks", text, "give its object path");
}

NewImage new_image(const std::string& text, const std::string& pool) {
    const auto slash = text.find('/');
    if (!pool.empty() || slash == 0 || slash == std::string::npos) return {pool, text};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

}  // namespace virtbusctl
