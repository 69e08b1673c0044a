// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/identities.h"

#include "base/log.h"
#include "model/guest_disks.h"

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

/// Hears what happens to the machines of one hypervisor, and to the images that they have.
class Identities::Follower final : public InventoryObserver, public StorageObserver {
public:
    Follower(Identities& owner, Hypervisor& hypervisor) : owner_(owner), hypervisor_(hypervisor) {
        hypervisor_.inventory().observe(this);
        hypervisor_.storage().observe(this);
    }
    ~Follower() override {
        hypervisor_.storage().ignore(this);
        hypervisor_.inventory().ignore(this);
    }
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    [[nodiscard]] Hypervisor& hypervisor() const { return hypervisor_; }

    void added(const MachinePtr& machine) override { owner_.added(hypervisor_, *machine); }
    void changed(const MachinePtr& before, const MachinePtr& after) override {
        owner_.changed(hypervisor_, *before, *after);
    }
    void happened(const Uuid& uuid, const LifecycleEvent& event) override {
        if (event.event == "started") owner_.started(ref(uuid));
    }
    void removed(const MachinePtr& machine) override { owner_.removed(ref(machine->uuid)); }
    void resynced() override { owner_.resynced(hypervisor_); }

    void image_added(const ImagePtr& image) override { owner_.show_users(hypervisor_, *image); }
    void image_changed(const ImagePtr& after) override {
        owner_.show_users(hypervisor_, *after);
        for (const auto& above : hypervisor_.storage().all_overlays(*after)) owner_.show_users(hypervisor_, *above);
    }
    void image_removed(const ImagePtr& image) override { owner_.show_users(hypervisor_, *image); }
    void links_changed(const ImagePtr& image) override { owner_.show_users(hypervisor_, *image); }
    void pool_added(const PoolPtr&) override {}
    void pool_changed(const PoolPtr&) override {}
    void pool_removed(const PoolPtr&) override {}

private:
    [[nodiscard]] MachineRef ref(const Uuid& uuid) const { return {hypervisor_.name(), uuid}; }

    Identities& owner_;
    Hypervisor& hypervisor_;
};

Identities::Identities(asio::io_context& loop, std::filesystem::path file) : file_(loop, std::move(file)) {
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

void Identities::added(const std::shared_ptr<Hypervisor>& hypervisor) {
    followers_.push_back(std::make_unique<Follower>(*this, *hypervisor));
}

void Identities::removed(const std::shared_ptr<Hypervisor>& hypervisor) {
    std::erase_if(followers_, [&](const auto& follower) { return &follower->hypervisor() == hypervisor.get(); });
    for (const auto& [uuid, machine] : hypervisor->inventory().machines()) removed({hypervisor->name(), uuid});
    // Of those as well that are not there at the moment.
    const auto gone =
        std::erase_if(learnt_, [&](const auto& entry) { return entry.first.hypervisor == hypervisor->name(); });
    if (gone > 0) save();
}

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
    for (const auto& follower : followers_) {
        auto& hypervisor = follower->hypervisor();
        if (hypervisor.name() != machine->hypervisor) continue;
        const auto value = hypervisor.inventory().find(machine->uuid);
        if (!value) return;  // it went while somebody looked
        // Or was started, by another way than ours.
        const bool runs = is_active(value->state) && identity.source != IdentitySource::agent;
        identity.stale = identity.stale || runs;
        learnt_[*machine] = std::move(identity);
        watched_.insert(*machine);
        save();
        return show(hypervisor, *value);
    }
}

void Identities::show(Hypervisor& hypervisor, const Machine& value) {
    const MachineRef machine{hypervisor.name(), value.uuid};
    Identity now;
    if (const auto found = learnt_.find(machine); found != learnt_.end()) {
        now = found->second;
        const auto written = written_since(hypervisor, value, now.observed);
        now.stale =
            now.stale || written == Written::yes || (written == Written::unknown && !watched_.contains(machine));
        // A systemd since 257 takes the firmware's then, which is the VM's UUID, and an older one the disk's.
        now.stale = now.stale || value.kernel_machine_id.firmware;
    }
    if (value.kernel_machine_id.id) {
        now.id = value.kernel_machine_id.id;  // what its definition says goes before what its disk does
        now.source = IdentitySource::kernel_command_line;
    }
    show(machine, now);
}

void Identities::added(Hypervisor& hypervisor, const Machine& value) {
    // It may have run while nobody was looking.
    const auto found = learnt_.find({hypervisor.name(), value.uuid});
    if (found != learnt_.end() && is_active(value.state) && !std::exchange(found->second.stale, true)) save();
    show(hypervisor, value);
}

void Identities::changed(Hypervisor& hypervisor, const Machine& before, const Machine& after) {
    if (before.kernel_machine_id != after.kernel_machine_id) show(hypervisor, after);
    // Of other disks nothing is known either.
    const bool is_another = before.disks != after.disks || before.root != after.root;
    if (is_another || (!is_active(before.state) && is_active(after.state))) started({hypervisor.name(), after.uuid});
}

void Identities::show_users(Hypervisor& hypervisor, const Image& image) {
    for (const auto& machine : hypervisor.storage().machines(image)) show(hypervisor, *machine);
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
    watched_.erase(machine);
    if (learnt_.erase(machine) > 0) save();
}

void Identities::resynced(Hypervisor& hypervisor) {
    const auto& there = hypervisor.inventory().machines();
    const auto gone = std::erase_if(learnt_, [&](const auto& entry) {
        return entry.first.hypervisor == hypervisor.name() && !there.contains(entry.first.uuid);
    });
    if (gone > 0) save();
    std::erase_if(watched_, [&](const MachineRef& machine) { return machine.hypervisor == hypervisor.name(); });
    for (const auto& [uuid, machine] : there) show(hypervisor, *machine);
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
    file_.write_later([this] { return text(); });
}

std::string Identities::text() const {
    Json document = Json::array();
    for (const auto& [machine, identity] : learnt_) document.push_back(identity_to_json(machine, identity));
    return document.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace virtbus
