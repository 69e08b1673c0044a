// SPDX-License-Identifier: LGPL-2.1-or-later
#include "storage_text.h"

#include <fmt/format.h>

#include "object_name.h"
#include "output.h"
#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

std::string size_at(const Json& object, const char* key) { return exact_size_text(number_at(object, key)); }

std::string yes_no(const Json& object, const char* key) { return flag_at(object, key) ? "yes" : "no"; }

std::string path_text(const Json& path) { return path.is_string() ? path.get<std::string>() : ""; }

std::string hypervisor_of(const Json& image) {
    const auto pool = storage_name(text_at(image, "Pool"));
    return pool ? printable(pool->hypervisor) : "";
}

/// The image that it is based on, or the file where that is in no pool.
std::string backing_text(const Json& image) {
    const auto path = text_at(image, "BackingImage");
    if (path.size() > 1) return printable(short_name(path));
    const auto file = shown(image, "BackingFile");
    return file.empty() ? "" : file + " (in no running pool)";
}

std::string chain_text(const Json& image) {
    const auto chain = array_at(image, "BackingChain");
    std::string text;
    for (const auto& path : chain) text += (text.empty() ? "" : " → ") + printable(short_name(path_text(path)));
    return chain.size() > 1 ? text : "";  // the first is told already
}

std::string users_text(const Json& image, const std::map<std::string, std::string>& machines) {
    std::string text;
    for (const auto& user : array_at(image, "UsedBy")) {
        const auto path = path_text(user);
        const auto other = kind_and_name(path);
        text +=
            (text.empty() ? "" : "\n") + (other.empty() ? "machine " + printable(subject_name(machines, path)) : other);
    }
    return text;
}

std::string modified_text(const Json& image) {
    const auto modified = number_at(image, "ModifiedUSec");
    return modified == 0 ? "" : time_text(modified);
}

/// "3 corruptions"; nothing for none.
std::string count_text(std::uint64_t count, const char* thing, const char* further = "") {
    return count == 0 ? "" : fmt::format("{} {}{}{}", count, thing, count == 1 ? "" : "s", further);
}

}  // namespace

std::string image_text(const Json& image, const std::map<std::string, std::string>& machines) {
    Block block;
    block.add("Name", shown(image, "Name"));
    block.add("Pool", printable(short_name(text_at(image, "Pool"))));
    block.add("Hypervisor", hypervisor_of(image));
    block.add("Path", shown(image, "Path"));
    block.add("Format", shown(image, "Format"));
    block.add("Virtual size", size_at(image, "VirtualSize"));
    block.add("Allocation", size_at(image, "Allocation"));
    block.add("Preallocated", shown(image, "Preallocated"));
    block.add("Encrypted", yes_no(image, "Encrypted"));
    block.add("Modified", modified_text(image));
    block.add("Backing image", backing_text(image));
    block.add("Backing chain", chain_text(image));
    block.add("Used by", users_text(image, machines));
    return block.text();
}

std::string pool_text(const Json& pool) {
    Block block;
    block.add("Name", shown(pool, "Name"));
    block.add("UUID", shown(pool, "Uuid"));
    block.add("Hypervisor", printable(short_name(text_at(pool, "Hypervisor"))));
    block.add("Type", shown(pool, "Type"));
    block.add("State", shown(pool, "State"));
    block.add("Path", shown(pool, "Path"));
    if (number_at(pool, "Capacity") > 0) {
        block.add("Capacity", size_at(pool, "Capacity"));
        block.add("Allocation", size_at(pool, "Allocation"));
        block.add("Available", size_at(pool, "Available"));
    }
    block.add("Images", fmt::to_string(number_at(pool, "ImageCount")));
    block.add("Autostart", yes_no(pool, "Autostart"));
    block.add("Persistent", yes_no(pool, "Persistent"));
    return block.text();
}

std::string check_text(const Json& result) {
    std::string found;
    for (const auto& part : {count_text(number_at(result, "corruptions"), "corruption"),
                             count_text(number_at(result, "leaks"), "leaked cluster"),
                             count_text(number_at(result, "errors"), "error", " while checking")})
        if (!part.empty()) found += (found.empty() ? ": " : ", ") + part;
    return (flag_at(result, "consistent") ? "consistent" : "inconsistent") + found;
}

}  // namespace virtbusctl
