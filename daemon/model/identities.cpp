// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/identities.h"

#include "base/log.h"
#include "model/hypervisor.h"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace virtbus {

using Json = nlohmann::json;

namespace {

Json identity_to_json(const MachineRef& machine, const Identity& identity) {
    return {{"hypervisor", machine.hypervisor},
            {"machine", machine.uuid.text()},
            {"id", identity.id ? identity.id->text() : ""},
            {"state", to_string(identity.state)},
            {"dbus-state", to_string(identity.dbus_state)},
            {"consistent", identity.consistent},
            {"source", to_string(identity.source)},
            {"observed", identity.observed},
            {"stale", identity.stale},
            {"overrides", identity.overrides}};
}

std::optional<std::pair<MachineRef, Identity>> identity_from_json(const Json& value) {
    const auto uuid = Uuid::parse(value.at("machine").get<std::string>());
    const auto state = to_id_state(value.at("state").get<std::string>());
    const auto dbus_state = to_dbus_state(value.at("dbus-state").get<std::string>());
    const auto source = to_identity_source(value.at("source").get<std::string>());
    if (!uuid || !state || !dbus_state || !source) return std::nullopt;
    Identity identity;
    identity.state = *state;
    identity.dbus_state = *dbus_state;
    identity.id = MachineId::parse(value.at("id").get<std::string>());
    identity.consistent = value.at("consistent");
    identity.source = *source;
    identity.observed = value.at("observed");
    identity.stale = value.at("stale");
    identity.overrides = value.at("overrides").get<std::vector<std::string>>();
    return std::pair{MachineRef{value.at("hypervisor").get<std::string>(), *uuid}, std::move(identity)};
}

}  // namespace

/// Hears what happens to the machines of one hypervisor.
class Identities::Follower final : public InventoryObserver {
public:
    Follower(Identities& owner, Hypervisor& hypervisor) : owner_(owner), hypervisor_(hypervisor) {
        hypervisor_.inventory().observe(this);
    }
    ~Follower() override { hypervisor_.inventory().ignore(this); }
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    void added(const MachinePtr& machine) override { owner_.added(ref(machine->uuid), *machine); }
    void changed(const MachinePtr& before, const MachinePtr& after) override {
        owner_.changed(ref(after->uuid), *before, *after);
    }
    void happened(const Uuid& uuid, const LifecycleEvent& event) override {
        if (event.event == "started") owner_.started(ref(uuid));
    }
    void removed(const MachinePtr& machine) override { owner_.removed(ref(machine->uuid)); }
    void resynced() override { owner_.keep_only(hypervisor_); }

private:
    [[nodiscard]] MachineRef ref(const Uuid& uuid) const { return {hypervisor_.name(), uuid}; }

    Identities& owner_;
    Hypervisor& hypervisor_;
};

Identities::Identities(asio::io_context& loop, std::filesystem::path file) : loop_(loop), file_(loop, std::move(file)) {
    const auto found = file_.read();
    if (!found) return;
    try {
        const auto document = Json::parse(*found);
        for (const auto& entry : document)
            if (auto read = identity_from_json(entry)) learnt_.insert(std::move(*read));
    } catch (const Json::exception& error) {
        // Not its text: that quotes the file, and there are ids in it.
        log::error(fmt::format("{} is damaged (JSON error {}); the machine-ids of machines are not known any more",
                               file_.path().string(), error.id));
    }
}

Identities::~Identities() = default;

void Identities::follow(Hypervisor& hypervisor) { followers_.push_back(std::make_unique<Follower>(*this, hypervisor)); }

Identity Identities::find(const ObjectRef& subject) const {
    const auto found = shown_.find(subject);
    return found == shown_.end() ? Identity() : found->second;
}

std::vector<ObjectRef> Identities::duplicates(const ObjectRef& subject) const {
    const auto identity = find(subject);
    auto same = identity.id ? with(*identity.id) : std::vector<ObjectRef>();
    std::erase(same, subject);
    return same;
}

std::vector<ObjectRef> Identities::with(const MachineId& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::vector<ObjectRef>()
                                 : std::vector<ObjectRef>(found->second.begin(), found->second.end());
}

std::vector<Identities::Group> Identities::groups() const {
    std::vector<Group> groups;
    for (const auto& [id, subjects] : by_id_)
        if (subjects.size() > 1) groups.push_back({fingerprint(id), {subjects.begin(), subjects.end()}});
    return groups;
}

void Identities::set(const ObjectRef& subject, Identity identity) {
    const auto* machine = std::get_if<MachineRef>(&subject);
    if (machine == nullptr) return show(subject, identity);
    if (!shown_.contains(subject)) return;  // it went while somebody looked
    const bool is_enforced = shown_.at(subject).source == IdentitySource::kernel_command_line;
    learnt_[*machine] = identity;
    save();
    if (is_enforced) {  // what its definition says goes before what its disk does
        identity.id = shown_.at(subject).id;
        identity.source = IdentitySource::kernel_command_line;
    }
    show(subject, identity);
}

Identity Identities::shown(const MachineRef& machine, const Machine& value) const {
    const auto found = learnt_.find(machine);
    auto identity = found == learnt_.end() ? Identity() : found->second;
    if (const auto enforced = MachineId::parse(value.kernel_machine_id)) {
        identity.id = enforced;
        identity.source = IdentitySource::kernel_command_line;
    }
    return identity;
}

void Identities::added(const MachineRef& machine, const Machine& value) {
    // It may have run while nobody was looking.
    const auto found = learnt_.find(machine);
    if (found != learnt_.end() && is_active(value.state) && !std::exchange(found->second.stale, true)) save();
    show(machine, shown(machine, value));
}

void Identities::changed(const MachineRef& machine, const Machine& before, const Machine& after) {
    if (before.kernel_machine_id != after.kernel_machine_id) show(machine, shown(machine, after));
    // Of other disks nothing is known either.
    const bool is_another = before.disks != after.disks || before.root != after.root;
    if (is_another || (!is_active(before.state) && is_active(after.state))) started(machine);
}

void Identities::started(const MachineRef& machine) {
    const auto found = learnt_.find(machine);
    if (found == learnt_.end() || std::exchange(found->second.stale, true)) return;
    save();
    auto now = find(machine);
    now.stale = true;
    if (shown_.contains(machine)) show(machine, now);
}

void Identities::removed(const MachineRef& machine) {
    show(machine, {});
    shown_.erase(machine);
    if (learnt_.erase(machine) > 0) save();
}

void Identities::keep_only(Hypervisor& hypervisor) {
    const auto& there = hypervisor.inventory().machines();
    const auto gone = std::erase_if(learnt_, [&](const auto& entry) {
        return entry.first.hypervisor == hypervisor.name() && !there.contains(entry.first.uuid);
    });
    if (gone > 0) save();
}

void Identities::show(const ObjectRef& subject, const Identity& now) {
    const auto before = std::exchange(shown_[subject], now);
    if (before == now) return;
    tell(subject);
    if (before.id == now.id) return;
    if (before.id) {
        auto& others = by_id_.at(*before.id);
        others.erase(subject);
        for (const auto& other : others) tell(other);
        if (others.size() == 1 && observer_ != nullptr) observer_->duplicates_resolved(fingerprint(*before.id));
        if (others.empty()) by_id_.erase(*before.id);
    }
    if (!now.id) return;
    auto& same = by_id_[*now.id];
    same.insert(subject);
    if (same.size() < 2) return;
    for (const auto& other : same)
        if (other != subject) tell(other);
    log::warning(fmt::format("{} have the same machine-id (fingerprint {}): give all but one another with Regenerate",
                             same.size(), fingerprint(now)));
    if (observer_ != nullptr) observer_->duplicates_found(fingerprint(now), {same.begin(), same.end()});
}

void Identities::tell(const ObjectRef& subject) const {
    if (observer_ != nullptr) observer_->identity_changed(subject);
}

void Identities::save() {
    if (!std::exchange(saving_, true)) spawn(loop_, write(), "writing the machine-ids of machines");
}

Task<> Identities::write() {
    co_await asio::post(loop_, asio::use_awaitable);  // what else changes in this turn is written with it
    saving_ = false;
    try {
        co_await file_.write(text());
    } catch (const Error& error) {
        log::error(error.what());
    }
}

std::string Identities::text() const {
    Json document = Json::array();
    for (const auto& [machine, identity] : learnt_) document.push_back(identity_to_json(machine, identity));
    return document.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace virtbus
