// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks the person at the terminal before something that cannot be undone.
#pragma once

#include <string>

namespace virtbusctl {

/// "y" and "yes", in any case of letters: everything else is no.
[[nodiscard]] bool means_yes(std::string answer);

/// `question`: printable, such as "Wipe default/web?". Throws UsageError where nobody can be asked.
[[nodiscard]] bool confirm(const std::string& question);

}  // namespace virtbusctl
