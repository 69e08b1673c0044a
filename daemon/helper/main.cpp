// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbus-helper: one request about images of this host or its machine-id; see request.h. It has one thread and no
// state; whatever happens, what it did not finish is gone.
#include "helper/operations.h"
#include "helper/request.h"
#include "model/error.h"

#include <array>
#include <string_view>

namespace {

using nlohmann::json;
using virtbus::Code;
using virtbus::Error;
using virtbus::Peer;
namespace operations = virtbus::operations;

struct Operation {
    std::string_view name;
    virtbus::Perform perform;
};

constexpr std::array all_operations{
    Operation{"create", operations::create},
    Operation{"measure", operations::measure},
    Operation{"convert", operations::convert},
    Operation{"rebase", operations::rebase},
    Operation{"resize", operations::resize},
    Operation{"wipe", operations::wipe},
    Operation{"check", operations::check},
    Operation{"adopt", operations::adopt},
    Operation{"publish", operations::publish},
    Operation{"remove_temporary", operations::remove_temporary},
    Operation{"host_ensure", operations::host_ensure},
    Operation{"host_link_dbus", operations::host_link_dbus},
    Operation{"host_replace", operations::host_replace},
};

json perform(const json& request, Peer& peer) {
    const auto wanted = request.at("operation").get<std::string>();
    for (const auto& operation : all_operations)
        if (wanted == operation.name) return operation.perform(request, peer);
    throw Error(Code::invalid_args, "There is no operation \"" + wanted + "\"");
}

}  // namespace

int main() { return virtbus::answer_request(perform); }
