// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/machine_addresses.h"

#include "base/log.h"
#include "model/error.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace virtbus {

namespace {

constexpr std::array all_sources{AddressSource::lease, AddressSource::arp, AddressSource::agent};

Task<std::vector<Address>> ask(std::shared_ptr<Hypervisor> hypervisor, MachinePtr machine, AddressSource source) {
    if (source == AddressSource::agent && machine->agent != AgentState::connected)
        throw Error(Code::agent_unresponsive, fmt::format("the guest agent of {} is not connected", machine->name));
    const auto lane = source == AddressSource::agent ? Lane::agent : Lane::query;
    auto work = [uuid = machine->uuid, source](Port& port) { return port.read_addresses(uuid, source); };
    co_return co_await hypervisor->run(lane, std::move(work));
}

/// What it says; nothing when it fails, unless all is lost.
Task<std::vector<Address>> ask_if_it_can(std::shared_ptr<Hypervisor> hypervisor, MachinePtr machine,
                                         AddressSource source) {
    try {
        co_return co_await ask(hypervisor, machine, source);
    } catch (const Error& error) {
        if (error.code() == Code::disconnected) throw;
        log::debug(fmt::format("addresses of machine {}: {}: {}", machine->name, to_string(source), error.what()));
    }
    co_return std::vector<Address>();
}

}  // namespace

Task<std::vector<Address>> find_addresses(std::shared_ptr<Hypervisor> hypervisor, MachinePtr machine,
                                          std::optional<AddressSource> only) {
    if (!is_active(machine->state))
        throw Error(Code::invalid_state,
                    fmt::format("machine {} is {}: it does not run", machine->name, to_string(machine->state)));
    std::vector<Address> found;
    if (only) {
        found = co_await ask(hypervisor, machine, *only);
        co_return merged(found, machine->interfaces);
    }
    for (const auto source : all_sources) {
        auto more = co_await ask_if_it_can(hypervisor, machine, source);
        found.insert(found.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    auto addresses = merged(found, machine->interfaces);
    hypervisor->inventory().set_addresses(machine->uuid, addresses);
    co_return addresses;
}

}  // namespace virtbus
