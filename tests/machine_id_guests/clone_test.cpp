// SPDX-License-Identifier: LGPL-2.1-or-later
// Machines that virtbus has cloned, judged by the Debian guests that boot from their disks: each has the id that was
// promised before, whatever was in the way. Runs inside scripts/sandbox.
#include "boot.h"
#include "images/images_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <future>
#include <set>
#include <thread>

namespace virtbus::test {

namespace {

constexpr const char* old_id = "0a1b2c3d4e5f40718293a4b5c6d7e8f9";

std::string without_dashes(std::string uuid) {
    uuid.erase(std::remove(uuid.begin(), uuid.end(), '-'), uuid.end());
    return uuid;
}

/// The guest as it is after its first boot with this machine-id.
struct Original {
    Original() : disk(debian_directory() / "debian.qcow2") {
        disk.write("/etc/machine-id", std::string(old_id) + "\n");
    }

    Disk disk;
};

/// Editing the image takes a moment: once is enough.
Disk& original_disk() {
    static Original original;
    return original.disk;
}

}  // namespace

class CloneTest : public ImagesTest {
protected:
    using Identity = proxies::MachineId;

    /// A machine that boots from a copy of `disk`; it goes with the test.
    std::string template_of(const Disk& disk) {
        EXPECT_THAT(import("template.raw", disk.image(), "raw"), Succeeded());
        return create_machine({"template.raw"}, false);
    }
    std::unique_ptr<Identity> identity(const std::string& machine_path) { return actor.machine_id(machine_path); }

    /// Clones a machine; the path of the copy, which goes with the test.
    std::string clone_machine(const std::string& source, const std::string& name, const VariantMap& options = {}) {
        const auto end = ended(machine(source)->Clone(name, options));
        EXPECT_THAT(end, Succeeded());
        if (end.state != "done") return "";
        const std::string path = end.result.at("machine").get<sdbus::ObjectPath>();
        clones_.push_back(path);
        return path;
    }
    [[nodiscard]] Path disk_of(const std::string& name) const { return file_of(name + ".raw"); }
    std::string uuid_of(const std::string& path) { return machine(path)->Uuid(); }
    /// How the guest of a machine boots, with its disk as it is now.
    Report boot(const std::string& path) {
        const auto first = machine(path)->Disks().at(0);
        const auto volume = first.find("volume");
        Disk disk(volume == first.end() ? Path(first.at("file").get<std::string>())
                                        : file_of(volume->second.get<std::string>()));
        return Guest(disk, uuid_of(path)).boot();
    }

    void TearDown() override {
        come_up();
        for (const auto& path : clones_) failure_of([&] { machine(path)->Delete({}); });
        ImagesTest::TearDown();
    }

private:
    std::vector<std::string> clones_;
};

TEST_F(CloneTest, ThreeHaveThreeIdsFromTheirFirstBootOn) {
    const auto source = template_of(original_disk());
    std::set<std::string> ids{old_id};
    struct Cloned {
        std::string id;
        std::string uuid;
        std::unique_ptr<Disk> disk;
    };
    std::vector<Cloned> clones;
    for (const auto* name : {"one", "two", "three"}) {
        const auto path = clone_machine(source, name);
        ASSERT_NE(path, "");
        EXPECT_EQ(identity(path)->Guarantee(), "verified");
        EXPECT_EQ(identity(path)->Source(), "assigned");
        EXPECT_EQ(machine(path)->Name(), name);
        clones.push_back({identity(path)->GetId(), uuid_of(path), std::make_unique<Disk>(disk_of(name))});
        EXPECT_TRUE(ids.insert(clones.back().id).second) << clones.back().id;
        EXPECT_EQ(clones.back().disk->read("/etc/machine-id"), clones.back().id + "\n");
    }
    const auto boot_with_its_id = [](Cloned& cloned) {
        const auto report = Guest(*cloned.disk, cloned.uuid).boot();
        EXPECT_EQ(report.etc, cloned.id);
        EXPECT_EQ(report.dbus, cloned.id);
        EXPECT_EQ(report.journal, cloned.id);
        EXPECT_EQ(report.from, "") << "systemd made no other";
    };
    std::vector<std::future<void>> boots;
    for (auto& cloned : clones) boots.push_back(std::async(std::launch::async, boot_with_its_id, std::ref(cloned)));
    for (auto& each : boots) each.get();
    boot_with_its_id(clones.front());  // the second time as well
    EXPECT_TRUE(is_same_content(file_of("template.raw"), "raw", original_disk().image(), "raw"))
        << "the source is intact";
}

TEST_F(CloneTest, ACopyOfTheDiskIsATwinAndTheAuditNamesThePair) {
    const auto source = template_of(original_disk());
    ASSERT_THAT(clone("template.raw", "copy.raw"), Succeeded());
    const auto twin = create_machine({"copy.raw"}, false);
    const auto audit = ended(actor.manager()->AuditMachineIds({}));
    ASSERT_THAT(audit, Succeeded());
    using Groups = std::vector<sdbus::Struct<std::string, std::vector<sdbus::ObjectPath>>>;
    const auto groups = audit.result.at("groups").get<Groups>();
    ASSERT_EQ(groups.size(), 1U);
    const auto& paths = std::get<1>(groups[0]);
    EXPECT_EQ(std::set<std::string>(paths.begin(), paths.end()), (std::set<std::string>{source, twin}));
    EXPECT_TRUE(audit.result.at("unread").get<Groups>().empty());
    EXPECT_EQ(identity(source)->Fingerprint(), std::get<0>(groups[0]));
    EXPECT_EQ(identity(source)->Duplicates(), (std::vector<sdbus::ObjectPath>{twin}));
    ASSERT_TRUE(observer.wait_for("DuplicateMachineId", std::get<0>(groups[0])));

    ASSERT_THAT(ended(identity(twin)->Regenerate({})), Succeeded());
    EXPECT_TRUE(identity(source)->Duplicates().empty());
    EXPECT_TRUE(observer.wait_for("DuplicateMachineIdResolved", std::get<0>(groups[0])));
    const auto report = boot(twin);
    EXPECT_EQ(report.etc, identity(twin)->GetId());
    EXPECT_NE(report.etc, old_id);
}

TEST_F(CloneTest, NeitherTheDbusCopyNorABootEntryBringsTheOldIdBack) {
    Disk trap(original_disk().image());
    trap.write("/var/lib/dbus/machine-id", std::string(old_id) + "\n");
    const auto entry = trap.read(Guest::boot_entry);
    const auto options = options_of(entry);
    std::string with_id = entry;
    with_id.replace(with_id.find(options), options.size(), options + " systemd.machine_id=" + old_id);
    trap.write(Guest::boot_entry, with_id);

    const auto source = template_of(trap);
    const auto path = clone_machine(source, "clone", {{"hostname", sdbus::Variant("clone-host")}});
    ASSERT_NE(path, "");
    const auto report = boot(path);
    EXPECT_EQ(report.etc, identity(path)->GetId());
    EXPECT_EQ(report.dbus, report.etc);
    EXPECT_NE(report.etc, old_id);
    EXPECT_EQ(report.host, "clone-host");
}

TEST_F(CloneTest, ASealedOneTakesTheUuidOfItsMachine) {
    const auto source = template_of(original_disk());
    const auto path = clone_machine(source, "sealed", {{"machine-id", sdbus::Variant("seal")}});
    ASSERT_NE(path, "");
    EXPECT_EQ(identity(path)->State(), "empty");
    EXPECT_EQ(identity(path)->Guarantee(), "none");
    EXPECT_EQ(boot(path).etc, without_dashes(uuid_of(path)));
}

TEST_F(CloneTest, KilledAtAnyMomentItIsWholeOrNotThere) {
    constexpr int moments = 4;
    const auto source = template_of(original_disk());
    const auto start = Clock::now();
    ASSERT_NE(clone_machine(source, "measured"), "");
    const auto time = Clock::now() - start;
    int whole = 0;
    for (int i = 0; i < moments; ++i) {
        const auto name = fmt::format("killed{}", i);
        machine(source)->Clone(name, {});
        // One moment of each part of the time.
        std::this_thread::sleep_for(time * i / moments + random_part(time / moments));
        if (i % 2 == 0)
            Daemon::instance().kill();
        else
            Daemon::instance().kill_with_helpers();
        EXPECT_TRUE(actor.wait_until([] { return count_helpers() == 0; })) << "a helper works on alone";
        come_up();
        EXPECT_TRUE(actor.wait_until([&] { return temporaries_in(directory()).empty(); }));
        const bool is_there = failure_of([&] { actor.manager()->GetMachine(name, {}); }).name.empty();
        EXPECT_EQ(std::filesystem::exists(disk_of(name)), is_there) << name;
        if (is_there) {
            ++whole;
            const auto id = Disk(disk_of(name)).read("/etc/machine-id");
            EXPECT_EQ(id.size(), 33U);
            EXPECT_NE(id, std::string(old_id) + "\n");
            machine(actor.manager()->GetMachine(name, {}))->Delete({});
        }
        EXPECT_TRUE(is_same_content(file_of("template.raw"), "raw", original_disk().image(), "raw"));
    }
    fmt::print("killed {} times, {} clones were whole\n", moments, whole);
}

}  // namespace virtbus::test
