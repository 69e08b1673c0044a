// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt's documents, which hold what others wrote: a machine's, whose copy must be readable too; networks', pools',
// volumes'.
#include "fuzz_target.h"

#include "base/utf8.h"
#include "libvirt/domain_copy.h"
#include "libvirt/domain_reader.h"
#include "libvirt/network_reader.h"
#include "libvirt/storage_reader.h"

#include <string>

namespace virtbus::fuzz {

namespace {

void require_utf8(const std::string& text) { require(to_utf8(text) == text, "texts of a machine are UTF-8"); }

void read_copy(std::string_view input) {
    MachineCopy copy;
    copy.name = "copy";
    copy.uuid = *Uuid::parse("b0c7a8f2-1111-4222-8333-444455556666");
    const auto machine = read_domain(copy_domain_xml(std::string(input), copy));
    require(machine.name == copy.name && machine.uuid == copy.uuid, "a copy has its own name and UUID");
}

}  // namespace

void read_anything(std::string_view input) {
    is_taken([&] {
        const auto machine = read_domain(input);
        for (const auto& text : {machine.name, machine.title, machine.description}) require_utf8(text);
        for (const auto& tag : machine.tags) require_utf8(tag);
    });
    is_taken([&] { read_copy(input); });
    is_taken([&] { read_network_xml(input); });
    is_taken([&] { connections_in(input); });
    is_taken([&] { read_pool_xml(input); });
    is_taken([&] { read_volume_xml(input); });
}

}  // namespace virtbus::fuzz
