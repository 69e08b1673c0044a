// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbus-helper: one request about images of this host or its machine-id, from standard input, which is a socket; see
// protocol.h. Then it ends. It has one thread and no state; whatever happens, what it did not finish is gone.
#include "helper/operations.h"
#include "helper/protocol.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <string_view>

namespace {

using nlohmann::json;
using virtbus::Code;
using virtbus::Error;
using virtbus::error_to_json;
using virtbus::Peer;
namespace operations = virtbus::operations;

struct Operation {
    std::string_view name;
    json (*perform)(const json& request, Peer& peer);
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

json outcome_of_request(Peer& peer) {
    try {
        return {{"done", perform(json::parse(peer.request()), peer)}};
    } catch (const Error& error) {
        return {{"error", error_to_json(error)}};
    } catch (const json::exception& error) {
        return {
            {"error", error_to_json({Code::failed, std::string("A message is not as it should be: ") + error.what()})}};
    } catch (const std::exception& error) {
        return {{"error", error_to_json({Code::failed, error.what()})}};
    }
}

}  // namespace

int main() {
    ::umask(077);
    struct stat in {};
    if (::fstat(STDIN_FILENO, &in) != 0 || !S_ISSOCK(in.st_mode)) {
        std::fputs("This is a part of virtbusd, and does its work for it: standard input must be its socket.\n",
                   stderr);
        return 2;
    }
    try {
        Peer peer(STDIN_FILENO);
        const auto outcome = outcome_of_request(peer);
        peer.answer(outcome);
        return outcome.contains("done") ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
