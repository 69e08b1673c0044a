// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/agent_identity.h"

#include "libvirt/agent_file.h"
#include "model/identity_survey.h"
#include "model/kernel_command_line.h"

#include <fmt/format.h>

#include <memory>

namespace virtbus {

namespace {

constexpr std::size_t id_file_max = 64;
/// More than any kernel takes.
constexpr std::size_t command_line_max = 8 * 1024;

using LookKind = IdFileLook::Kind;

struct AgentLook {
    IdFileLook etc;
    IdFileLook dbus;
    KernelMachineId kernel;
};

IdFileLook look_at_file(GuestAgent& agent, const std::string& path) {
    const auto content = read_agent_file(agent, path, id_file_max + 1);
    IdFileLook look;
    look.kind = !content ? LookKind::missing : content->size() > id_file_max ? LookKind::refused : LookKind::content;
    if (look.kind == LookKind::content)
        look.content = classify(*content);
    else
        look.content.state = content ? IdState::invalid : IdState::missing;
    return look;
}

AgentLook look_by_agent(GuestAgent& agent) {
    AgentLook look;
    look.etc = look_at_file(agent, etc_id_path);
    look.dbus = look_at_file(agent, dbus_id_path);
    const auto command_line = read_agent_file(agent, "/proc/cmdline", command_line_max);
    look.kernel = kernel_machine_id(command_line.value_or(""));
    return look;
}

GuestIdentity identity_of(const AgentLook& look) {
    const auto reading = judge_id_files(look.etc, look.dbus, false);
    GuestIdentity identity;
    identity.state = reading.etc.state;
    identity.dbus_state = reading.dbus_state;
    // The firmware's is in the file, if systemd has taken it.
    identity.id = look.kernel.id ? look.kernel.id : reading.id;
    identity.consistent = reading.consistent && identity.id == reading.id;
    if (look.kernel.is_set()) identity.overrides.emplace_back("kernel-command-line");
    return identity;
}

Error cannot_change(const GuestAgent& agent, const std::string& why) {
    return {Code::unsupported_guest,
            fmt::format("Cannot change the machine-id of {} while it runs: {}; shut it down first", agent.name(), why)};
}

/// What is written is as long as what is there, or longer: an agent can make no file shorter and keep it whole. And one
/// that it makes can be written by everybody in the guest.
void refuse_strange_content(const GuestAgent& agent, const std::string& path, const IdFileLook& look) {
    if (look.content.state == IdState::missing) throw cannot_change(agent, "it has no " + path);
    if (look.content.state == IdState::invalid)
        throw cannot_change(agent, fmt::format("there is something else than an id in its {}", path));
}

std::unique_ptr<AgentFile> open_to_change(GuestAgent& agent, const std::string& path) {
    try {
        return std::make_unique<AgentFile>(agent, path, AgentFile::Mode::change);
    } catch (const AgentRefusal& refusal) {
        throw cannot_change(agent, refusal.what());
    }
}

void refuse_change(const GuestAgent& agent, const AgentLook& look, const IdentityChange& change) {
    if (change.expected && identity_of(look).id != change.expected)
        throw Error(Code::stale_generation,
                    fmt::format("{} has another machine-id than expected: read it again", agent.name()));
    if (look.kernel.is_set())
        throw cannot_change(agent, "its kernel's command line sets one at each boot, systemd.machine_id=: remove that");
    refuse_strange_content(agent, etc_id_path, look.etc);
    if (look.dbus.kind != LookKind::missing) refuse_strange_content(agent, dbus_id_path, look.dbus);
}

/// If dbus is a link to etc it has the id by now.
void write_both(GuestAgent& agent, const IdFileLook& dbus, const std::string& line) {
    const auto etc_file = open_to_change(agent, etc_id_path);
    const auto dbus_file = dbus.kind == LookKind::missing ? nullptr : open_to_change(agent, dbus_id_path);
    etc_file->write(line);
    if (dbus_file && read_agent_file(agent, dbus_id_path, id_file_max + 1) != line) dbus_file->write(line);
}

}  // namespace

GuestIdentity read_agent_identity(GuestAgent& agent) {
    agent.require({"guest-file-open", "guest-file-read", "guest-file-close"});
    return identity_of(look_by_agent(agent));
}

GuestIdentity change_agent_identity(GuestAgent& agent, const IdentityChange& change) {
    if (change.kind != IdentityChange::Kind::assign || !change.id || change.hostname)
        throw Error(Code::invalid_state, fmt::format("{} runs: only its machine-id can be set then", agent.name()));
    agent.require({"guest-file-open", "guest-file-read", "guest-file-write", "guest-file-flush", "guest-file-close"});
    const auto look = look_by_agent(agent);
    refuse_change(agent, look, change);
    write_both(agent, look.dbus, change.id->text() + "\n");
    auto found = identity_of(look_by_agent(agent));
    if (found.id != change.id || found.state != IdState::valid || !found.consistent)
        throw Error(Code::failed, fmt::format("The machine-id of {} was written, but what is read back is another: {} "
                                              "is {}, {} is {}",
                                              agent.name(), etc_id_path, to_string(found.state), dbus_id_path,
                                              to_string(found.dbus_state)));
    return found;
}

}  // namespace virtbus
