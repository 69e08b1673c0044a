// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/metadata.h"

#include "libvirt/xml.h"

#include <algorithm>

namespace virtbus {

namespace {

constexpr const char* libosinfo_namespace = "http://libosinfo.org/xmlns/libvirt/domain/1.0";
constexpr std::size_t most_tags = 100;
constexpr std::size_t most_tag_bytes = 100;

pugi::xml_node child_in(const pugi::xml_node& parent, std::string_view name, std::string_view name_space) {
    std::size_t seen = 0;
    for (const auto& child : parent.children()) {
        if (++seen > most_items) break;
        if (local_name(child) == name && namespace_of(child) == name_space) return child;
    }
    return {};
}

}  // namespace

Metadata read_metadata(const pugi::xml_node& domain) {
    Metadata metadata;
    const auto machine = child_in(domain.child("metadata"), "machine", metadata_namespace);
    const auto owner = number_from(machine.attribute("owner").value());
    if (owner && *owner < no_owner) metadata.owner = static_cast<std::uint32_t>(*owner);
    for (const auto& child : machine.children()) {
        if (metadata.tags.size() == most_tags) break;
        if (local_name(child) != "tag") continue;
        auto tag = text_of(child, most_tag_bytes);
        if (!tag.empty()) metadata.tags.push_back(std::move(tag));
    }
    std::sort(metadata.tags.begin(), metadata.tags.end());
    metadata.tags.erase(std::unique(metadata.tags.begin(), metadata.tags.end()), metadata.tags.end());
    return metadata;
}

void write_metadata(pugi::xml_node& domain, const Metadata& metadata) {
    if (metadata.tags.empty() && metadata.owner == no_owner) return;
    auto machine = domain.append_child("metadata").append_child("virtbus:machine");
    machine.append_attribute("xmlns:virtbus") = metadata_namespace;
    if (metadata.owner != no_owner) machine.append_attribute("owner") = metadata.owner;
    for (const auto& tag : metadata.tags) machine.append_child("virtbus:tag").text() = tag.c_str();
}

void set_owner(pugi::xml_node& domain, std::uint32_t owner) {
    auto metadata = domain.child("metadata");
    if (!metadata) metadata = domain.append_child("metadata");
    auto machine = child_in(metadata, "machine", metadata_namespace);
    if (!machine) {
        machine = metadata.append_child("virtbus:machine");
        machine.append_attribute("xmlns:virtbus") = metadata_namespace;
    }
    while (machine.remove_attribute("owner")) {
    }
    machine.append_attribute("owner") = owner;
}

std::string with_tags(const std::string& element, const std::vector<std::string>& tags) {
    pugi::xml_document document;
    auto machine = element.empty() ? document.append_child("machine") : parse_xml(document, element, "machine");
    for (auto child = machine.first_child(); child;) {
        const auto next = child.next_sibling();
        if (std::string_view(child.name()) == "tag") machine.remove_child(child);
        child = next;
    }
    for (const auto& tag : tags) machine.append_child("tag").text() = tag.c_str();
    const auto anything = [](const pugi::xml_node& node) { return node.type() == pugi::node_element; };
    return machine.first_attribute() || machine.find_child(anything) ? to_text(machine) : "";
}

std::string read_operating_system(const pugi::xml_node& domain) {
    const auto libosinfo = child_in(domain.child("metadata"), "libosinfo", libosinfo_namespace);
    return attribute(child_in(libosinfo, "os", libosinfo_namespace), "id");
}

}  // namespace virtbus
