// SPDX-License-Identifier: LGPL-2.1-or-later
// What somebody has meant who has mistyped a word, or has it from another tool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace virtbusctl {

/// The one of `known` that differs least, by letters that are wrong, missing, too many, or swapped with their
/// neighbour: of short words one, of long ones two. "" when none is near.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// The nearest of `verbs`, or the one that does what virsh, podman, machinectl or git call by this word; "" for
/// neither.
[[nodiscard]] std::string guess_verb(std::string_view word, const std::vector<std::string>& verbs);

}  // namespace virtbusctl
