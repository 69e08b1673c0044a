// SPDX-License-Identifier: LGPL-2.1-or-later
// What model/guest_tool.h has, as virtbusd and virtbus-guest-helper say it to each other; see protocol.h. Both sides;
// any thread.
#pragma once

#include "model/guest_tool.h"

#include <nlohmann/json.hpp>

namespace virtbus {

void to_json(nlohmann::json& value, const GuestSystem& system);
void from_json(const nlohmann::json& value, GuestSystem& system);
void to_json(nlohmann::json& value, const IdentityChange& change);
void from_json(const nlohmann::json& value, IdentityChange& change);
void to_json(nlohmann::json& value, const GuestIdentity& identity);
void from_json(const nlohmann::json& value, GuestIdentity& identity);

}  // namespace virtbus
