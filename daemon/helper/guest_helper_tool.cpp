// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_helper_tool.h"

#include "helper/conversation.h"
#include "helper/guest_protocol.h"

namespace virtbus {

namespace {

nlohmann::json request_for(const GuestSystem& system, const char* operation, bool is_accelerated) {
    return {{"operation", operation}, {"system", system}, {"kvm", is_accelerated}};
}

}  // namespace

GuestIdentity GuestHelperTool::read_identity(const GuestSystem& system, Transfer& transfer) {
    const auto request = request_for(system, "read_identity", acceleration_ == Acceleration::kvm);
    return ask_helper(place_, request, &transfer).get<GuestIdentity>();
}

GuestIdentity GuestHelperTool::change_identity(const GuestSystem& system, const IdentityChange& change,
                                               Transfer& transfer) {
    auto request = request_for(system, "change_identity", acceleration_ == Acceleration::kvm);
    request["change"] = change;
    return ask_helper(place_, request, &transfer).get<GuestIdentity>();
}

}  // namespace virtbus
