// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_helper_tool.h"

#include "helper/conversation.h"
#include "helper/guest_protocol.h"

#include <cstdlib>
#include <initializer_list>

namespace virtbus {

namespace {

/// The first of these variables that names a directory; of several, separated by colons, the first one.
std::string directory_from(std::initializer_list<const char*> variables, const char* otherwise) {
    for (const auto* variable : variables) {
        const char* value = std::getenv(variable);
        if (value == nullptr) continue;
        const std::string text(value);
        if (auto first = text.substr(0, text.find(':')); !first.empty()) return first;
    }
    return otherwise;
}

/// The appliance, some 200 MB, is made at the first call and kept: in the service's CacheDirectory=, if it has one.
nlohmann::json request_for(const GuestSystem& system, const char* operation, bool is_accelerated) {
    return {{"operation", operation},
            {"system", system},
            {"cache", directory_from({"CACHE_DIRECTORY", "LIBGUESTFS_CACHEDIR", "TMPDIR"}, "/var/tmp")},
            {"temporary", directory_from({"TMPDIR"}, "/tmp")},
            {"kvm", is_accelerated}};
}

}  // namespace

GuestIdentity GuestHelperTool::read_identity(const GuestSystem& system, Transfer& transfer) {
    const auto request = request_for(system, "read_identity", acceleration_ == Acceleration::kvm);
    return ask_helper(program_, request, &transfer).get<GuestIdentity>();
}

GuestIdentity GuestHelperTool::change_identity(const GuestSystem& system, const IdentityChange& change,
                                               Transfer& transfer) {
    auto request = request_for(system, "change_identity", acceleration_ == Acceleration::kvm);
    request["change"] = change;
    return ask_helper(program_, request, &transfer).get<GuestIdentity>();
}

}  // namespace virtbus
