// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/network.h"

#include "base/utf8.h"

namespace virtbus {

void clean_text(Network& network) {
    for (auto* text : {&network.name, &network.forward, &network.bridge, &network.domain}) *text = to_utf8(*text);
}

}  // namespace virtbus
