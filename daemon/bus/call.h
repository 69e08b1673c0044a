// SPDX-License-Identifier: LGPL-2.1-or-later
// A method call: who makes it, and what it is about, in the words that polkit's rules and the journal get.
#pragma once

#include "model/hypervisor.h"
#include "model/object_ref.h"

#include <sys/types.h>

#include <map>
#include <string>

namespace virtbus::bus {

/// What a call is about, such as {"hypervisor": "qemu", "machine": "web"}. Each value is UTF-8.
using Details = std::map<std::string, std::string>;

/// Nobody's: chown(2) has it for "no change".
constexpr uid_t unknown_uid = static_cast<uid_t>(-1);

/// A call as its handler sees it.
struct Call {
    std::string sender;        ///< unique bus name
    std::string verb;          ///< the method's name
    bool interactive = false;  ///< its caller has a while, and lets somebody ask for a password
    uid_t uid = unknown_uid;   ///< known when the handler runs; never root's before
    Details details;           ///< those of the object; a handler adds what only the arguments say, for the journal
};

Details about(const Hypervisor& hypervisor);
Details about(const Hypervisor& hypervisor, const Machine& machine);
Details about(const Hypervisor& hypervisor, const Pool& pool);
Details about(const Hypervisor& hypervisor, const Image& image);
Details about(const Hypervisor& hypervisor, const Network& network);
/// Of an object that need not be there any more.
Details about(const ObjectRef& object);

/// For people: "machine web", "image default/web.qcow2"; "" when there is nothing to say.
std::string describe(const Details& details);

}  // namespace virtbus::bus
