// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/host_helper_tool.h"

#include "helper/conversation.h"
#include "model/error.h"

namespace virtbus {

namespace {

std::string_view word_of(IdFile file) {
    switch (file) {
        case IdFile::standard: return "";
        case IdFile::etc: return "etc";
        case IdFile::dbus: return "dbus";
    }
    return "";
}

}  // namespace

IdentityFiles::Ensured HostHelperTool::ensure(IdFile file) {
    const auto done = ask_helper(place_, {{"operation", "host_ensure"}, {"root", root_}, {"file", word_of(file)}});
    const auto id = MachineId::parse(done.at("id").get<std::string>());
    if (!id) throw Error(Code::failed, "The helper program gave no machine-id");
    return {done.at("created"), *id};
}

bool HostHelperTool::link_dbus() {
    return ask_helper(place_, {{"operation", "host_link_dbus"}, {"root", root_}}).at("changed");
}

void HostHelperTool::replace(const MachineId& id) {
    ask_helper(place_, {{"operation", "host_replace"}, {"root", root_}, {"id", id.text()}});
}

}  // namespace virtbus
