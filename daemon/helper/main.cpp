// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbus-helper: one request about images of this host or its machine-id; see request.h. It has one thread and no
// state; whatever happens, what it did not finish is gone. As a service there are two of it, with sandboxes of their
// own: its parts are "images" and "host".
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
    std::string_view part = "images";
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
    Operation{"host_ensure", operations::host_ensure, "host"},
    Operation{"host_link_dbus", operations::host_link_dbus, "host"},
    Operation{"host_replace", operations::host_replace, "host"},
};

json perform(const json& request, Peer& peer) {
    const auto wanted = request.at("operation").get<std::string>();
    for (const auto& operation : all_operations) {
        if (wanted != operation.name) continue;
        if (!peer.part().empty() && peer.part() != operation.part)
            throw Error(Code::invalid_args, "The operation \"" + wanted + "\" is another service's");
        return operation.perform(request, peer);
    }
    throw Error(Code::invalid_args, "There is no operation \"" + wanted + "\"");
}

}  // namespace

int main(int count, char** arguments) { return virtbus::answer_request(count, arguments, perform); }
