// SPDX-License-Identifier: LGPL-2.1-or-later
// Asio's own code, compiled once (ASIO_SEPARATE_COMPILATION) instead of in every file that includes it.
#include <asio/impl/src.hpp>
