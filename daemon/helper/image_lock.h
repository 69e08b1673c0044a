// SPDX-License-Identifier: LGPL-2.1-or-later
// QEMU's locks on image files, which say who does what with one: block/file-posix.c of QEMU. They are on single bytes:
// 100 + n "I do n", 200 + n "nobody else may do n". They last as long as the open file. One thread.
#pragma once

#include <string>

namespace virtbus {

enum class Hold {
    still,  ///< others may read it, but not write or resize it
    alone,  ///< nobody else may have it open
};

/// Error in_use, "Cannot <act>: …", if somebody does what cannot be borne.
void lock_image(int fd, Hold hold, const std::string& act);

}  // namespace virtbus
