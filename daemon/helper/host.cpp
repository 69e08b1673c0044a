// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations on this host's machine-id, as model/host_tool.h says it. One thread.
#include "helper/operations.h"
#include "model/error.h"
#include "model/identity_files.h"

namespace virtbus::operations {

namespace {

/// As a service it works for this host alone; other roots are for tests.
IdentityFiles files_of(const Json& request, const Peer& peer) {
    const std::string root = request.at("root");
    if (!peer.part().empty() && root != "/") throw Error(Code::invalid_args, root + " is not this host's root");
    return IdentityFiles(root);
}

}  // namespace

Json host_ensure(const Json& request, Peer& peer) {
    const auto file = to_id_file(request.at("file").get<std::string>());
    if (!file) throw Error(Code::invalid_args, "file must be \"\", etc or dbus");
    const auto ensured = files_of(request, peer).ensure(*file);
    return {{"created", ensured.created}, {"id", ensured.id.text()}};
}

Json host_link_dbus(const Json& request, Peer& peer) { return {{"changed", files_of(request, peer).link_dbus()}}; }

Json host_replace(const Json& request, Peer& peer) {
    const auto id = MachineId::parse(request.at("id").get<std::string>());
    if (!id) throw Error(Code::invalid_args, "id must be 32 hexadecimal digits");
    files_of(request, peer).replace(*id);
    return Json::object();
}

}  // namespace virtbus::operations
