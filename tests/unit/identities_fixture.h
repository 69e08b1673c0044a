// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of machine-ids, on a fake hypervisor, and who hears of it.
#pragma once

#include "model/identities.h"

#include "base/log.h"
#include "unit/hypervisor_fixture.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

namespace virtbus::test {

/// Writes down what it hears, and what it sees when it hears it, as objects on the bus do.
class IdentitiesRecorder final : public IdentitiesObserver {
public:
    explicit IdentitiesRecorder(Identities& of) : of_(of) { of_.observe(this); }
    ~IdentitiesRecorder() override { of_.observe(nullptr); }
    IdentitiesRecorder(const IdentitiesRecorder&) = delete;
    IdentitiesRecorder& operator=(const IdentitiesRecorder&) = delete;

    void identity_changed(const ObjectRef& subject) override {
        ++changes;
        identities[subject] = of_.find(subject);
        duplicates[subject] = of_.duplicates(subject);
    }
    void duplicates_found(const std::string& fingerprint, const std::vector<ObjectRef>& subjects) override {
        lines.push_back(fmt::format("{} have {}", subjects.size(), fingerprint));
    }
    void duplicates_resolved(const std::string& fingerprint) override { lines.push_back("resolved " + fingerprint); }

    int changes = 0;
    std::map<ObjectRef, Identity> identities;
    std::map<ObjectRef, std::vector<ObjectRef>> duplicates;
    std::vector<std::string> lines;

private:
    Identities& of_;
};

class IdentitiesTest : public HypervisorTest {
protected:
    IdentitiesTest() {
        fake->storage().add(make_pool("default"));
        put_machine("web", 1);
        put_machine("db", 2);
    }
    ~IdentitiesTest() override { forget_daemon(); }

    /// An image that nobody has written to since on_disk().
    static Image dated_image(const std::string& name, std::uint64_t inode) {
        auto image = make_image("default", name);
        image.stamp.inode = inode;
        image.modified = image.changed = inode == 0 ? 0 : observed;
        return image;
    }
    void put_machine(const std::string& name, std::uint32_t number) {
        const auto image = dated_image(name + ".qcow2", number);
        fake->storage().add(image);
        auto machine = make_machine(name, number);
        machine.disks[0].file = image.path;
        fake->add(std::move(machine));
    }
    void write_to(const std::string& name, std::uint64_t time) {
        auto image = *fake->storage().image("default", name);
        image.modified = time;
        if (image.changed != 0) image.changed = time;
        ++image.stamp.changed;
        fake->storage().add(image);
    }
    /// As cp -p does: its content has the time it had.
    void put_back(const std::string& name, std::uint64_t time) {
        const auto modified = fake->storage().image("default", name)->modified;
        write_to(name, time);
        auto image = *fake->storage().image("default", name);
        image.modified = modified;
        image.stamp.changed = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
        fake->storage().add(image);
    }
    void read_pool() { run(loop, hypervisor->storage().refreshed("default", false)); }
    /// As when something changes in its directory.
    void look_at_pool() { run(loop, hypervisor->storage().refreshed("default", true)); }

    enum class Pools { listed, unlisted };

    /// What a daemon has that begins now.
    void begin_daemon(Pools pools = Pools::listed) {
        identities = std::make_unique<Identities>(loop, file);
        heard_ids = std::make_unique<IdentitiesRecorder>(*identities);
        identities->added(hypervisor);
        connect();
        if (pools == Pools::listed) await_pools();
    }
    void await_pools() {
        ASSERT_TRUE(turn_until(loop, [&] {
            settle(loop);
            return hypervisor->storage().listed().is_set() && hypervisor->pending() == 0;
        }));
    }
    void forget_daemon() {
        settle(loop);
        heard_ids.reset();
        identities.reset();
        settle(loop);
    }
    /// Another one, that finds the file.
    void restart(Pools pools = Pools::listed) {
        forget_daemon();
        inventory().ignore(&heard);
        hypervisor->stop();
        ASSERT_TRUE(turn_until(loop, [&] { return hypervisor->pending() == 0 && fake->ports() == 0; }));
        settle(loop);
        hypervisor = std::make_shared<Hypervisor>(loop, "test", "fake:///", fake->connector(), formats);
        begin_daemon(pools);
    }

    static Identity on_disk(const MachineId& id) {
        Identity identity;
        identity.state = IdState::valid;
        identity.dbus_state = DbusState::link;
        identity.id = id;
        identity.consistent = true;
        identity.source = IdentitySource::disk;
        identity.observed = observed;
        identity.overrides = {"loader-entry:/boot/loader/entries/a.conf"};
        return identity;
    }
    [[nodiscard]] Identity find(const Uuid& uuid) const { return identities->find(ref(uuid)); }
    static ObjectRef ref(const Uuid& uuid) { return MachineRef{"test", uuid}; }
    void remove(const Uuid& uuid) {
        erase(uuid);
        settle(loop);
    }
    std::string text() { return StateFile(loop, file).read().value_or(""); }
    void await_written(const std::string& part) {
        ASSERT_TRUE(turn_until(loop, [&] { return text().find(part) != std::string::npos; })) << text();
    }
    void await_not_written(const std::string& part) {
        ASSERT_TRUE(turn_until(loop, [&] { return text().find(part) == std::string::npos; })) << text();
    }

    static constexpr std::uint64_t observed = 1'700'000'000'000'000;
    const std::filesystem::path file = directory.path / "state" / "machine-ids.json";
    const MachineId one = *MachineId::parse("0123456789abcdef0123456789abcdef");
    const MachineId other = *MachineId::parse("fedcba9876543210fedcba9876543210");
    std::unique_ptr<Identities> identities;
    std::unique_ptr<IdentitiesRecorder> heard_ids;
};

}  // namespace virtbus::test
