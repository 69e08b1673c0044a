// SPDX-License-Identifier: LGPL-2.1-or-later
// Pools are those of the host: libvirt's drivers on it share them, and whoever has an image in them is known to all.
#include "model/hypervisors.h"
#include "model/image_rules.h"
#include "support/errors.h"
#include "support/fake_port.h"
#include "support/loop.h"
#include "support/temporary_directory.h"

#include <gtest/gtest.h>

namespace virtbus::test {
namespace {

class SharedPoolsTest : public testing::Test {
protected:
    SharedPoolsTest() {
        for (auto& [name, fake] : fakes) {
            fake->storage().add(make_pool("default"));
            for (const auto* image : {"web", "db"}) fake->storage().add(make_image("default", image));
        }
        web.disks[0].file = "/pools/default/web";
        auto db = make_machine("db", 2);
        db.disks[0].file = "";
        db.disks[0].pool = "default";
        db.disks[0].volume = "db";
        fakes.at("xen")->add(web);
        fakes.at("xen")->add(db);
        hypervisors.start();
        run(loop, hypervisors.settled());
    }
    ~SharedPoolsTest() override {
        hypervisors.stop();
        EXPECT_TRUE(turn_until(loop, [&] {
            settle(loop);
            return hypervisors.is_idle();
        }));
        settle(loop);
    }

    Hypervisor& qemu() { return *hypervisors.require("qemu"); }
    Image image(const std::string& name) { return *require_image(qemu(), "default", name); }

    asio::io_context loop;
    TemporaryDirectory directory;
    ImageFormats formats{loop, directory.path / "formats.json"};
    std::map<std::string, std::shared_ptr<FakeHypervisor>> fakes{{"qemu", FakeHypervisor::make()},
                                                                 {"xen", FakeHypervisor::make()}};
    Hypervisors hypervisors{
        loop, formats, directory.path / "hypervisors.json",
        [this](const std::string& name, const std::string&, bool) { return fakes.at(name)->connector(); },
        ConfiguredHypervisors{
            .uris = {{"qemu", "qemu:///system"}, {"xen", "xen:///system"}}, .candidates = {}, .where = "virtbus.json"}};
    Machine web = make_machine("web", 1, MachineState::running);
};

TEST_F(SharedPoolsTest, AnImageIsInUseThatARunningMachineOfAnotherHypervisorHas) {
    const auto refused = outcome_of([&] { refuse_running(qemu(), image("web"), "delete"); });
    EXPECT_TRUE(refuses(refused, Code::in_use,
                        "cannot delete image default/web: machine web of hypervisor xen is running and has it"))
        << refused;
    EXPECT_FALSE(outcome_of([&] { refuse_running(qemu(), image("db"), "delete"); }).failed);
}

TEST_F(SharedPoolsTest, AnImageKeepsItsPlaceThatAMachineOfAnotherHypervisorHas) {
    const auto refused =
        outcome_of([&] { refuse_machines(qemu(), image("db"), "delete", "\"force\" deletes it all the same"); });
    EXPECT_TRUE(refuses(refused, Code::in_use,
                        "cannot delete image default/db: machine db of hypervisor xen has it as a disk; \"force\""))
        << refused;
}

TEST_F(SharedPoolsTest, AMachineThatIsServedTwiceIsNoOther) {
    fakes.at("qemu")->add(web);
    qemu().inventory().relist(false);
    ASSERT_TRUE(turn_until(loop, [&] { return qemu().inventory().find(web.uuid) != nullptr; }));
    EXPECT_TRUE(qemu().storage().other_users(image("web")).empty());
}

}  // namespace
}  // namespace virtbus::test
