// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbus itself knows of a machine is kept in libvirt's <metadata>, in an element of our namespace:
//   <virtbus:machine xmlns:virtbus="https://virtbus.org/machine/1" owner="1000"><virtbus:tag>web</virtbus:tag></…>
// Pure functions, any thread.
#pragma once

#include "model/machine.h"

#include <pugixml.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace virtbus {

constexpr const char* metadata_namespace = "https://virtbus.org/machine/1";
constexpr const char* metadata_prefix = "virtbus";

struct Metadata {
    std::vector<std::string> tags;  ///< sorted, without doubles
    std::uint32_t owner = no_owner;
};

/// Reads our element of a <domain>, whatever its prefix.
Metadata read_metadata(const pugi::xml_node& domain);

/// Adds our element to a new <domain>; nothing when there is nothing to say.
void write_metadata(pugi::xml_node& domain, const Metadata& metadata);

/// Puts the owner into the element of a <domain> that somebody else wrote, whatever stands there.
void set_owner(pugi::xml_node& domain, std::uint32_t owner);

/// Our element as virDomainGetMetadata gives it (it strips the namespace; "" for none), with other tags, as
/// virDomainSetMetadata takes it; what else is in it stays. "" when nothing is left in it.
std::string with_tags(const std::string& element, const std::vector<std::string>& tags);

/// The libosinfo id of the operating system, which virt-install and others write; "" for none.
std::string read_operating_system(const pugi::xml_node& domain);

}  // namespace virtbus
