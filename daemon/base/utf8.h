// SPDX-License-Identifier: LGPL-2.1-or-later
// Text that comes from libvirt, guests or callers may be any bytes; D-Bus takes only UTF-8 without NUL, and one bad
// string in a property breaks GetManagedObjects for everybody.
#pragma once

#include <string>
#include <string_view>

namespace virtbus {

/// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong) without NUL.
bool is_utf8(std::string_view text);

/// `text` with each byte that does not belong replaced by U+FFFD.
std::string to_utf8(std::string_view text);

/// Whether `text` has a control character: C0 (below U+0020), DEL or C1 (U+0080 to U+009F).
bool has_control(std::string_view text);

}  // namespace virtbus
