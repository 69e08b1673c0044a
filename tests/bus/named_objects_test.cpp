// SPDX-License-Identifier: LGPL-2.1-or-later
// A right to an object is none to the others that a call to it names: polkit is asked about each of these as well.
#include "played_polkit.h"
#include "storage_fixture.h"
#include "support/temporary_directory.h"

#include <iostream>

namespace virtbus::test {
namespace {

using testing::SizeIs;
using testing::StartsWith;

using Question = PlayedPolkit::Question;

class NamedObjectsTest : public StorageBusTest {
protected:
    NamedObjectsTest() : StorageBusTest(PrivateBus::Policy::system) {
        truth().add(make_image("fast", "other"));
        first->edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
        HypervisorInfo containers;
        containers.driver = "lxc";
        containers.type = HypervisorType::container;
        second->set_info(containers);
        std::filesystem::create_directory(roots.path / "box");
    }

    void SetUp() override {
        if (::geteuid() != 0) {
            std::cerr << "\n*** THE RIGHTS TO NAMED OBJECTS ARE NOT TESTED: only root can become somebody else ***\n\n";
            GTEST_SKIP() << "needs root";
        }
        serve(bus::BusType::system, AllowedFiles({"/"}, {roots.path}));
    }

    /// What busctl prints when nobody makes the call.
    std::string call(std::vector<std::string> words) {
        words.insert(words.begin(),
                     {"sh", "-c", "exec setpriv --reuid=65534 --clear-groups busctl --timeout=30 \"$@\" 2>&1", "sh",
                      "--address=" + bus.address(), "call", "org.virtbus1"});
        return OtherProgram(std::move(words)).line();
    }
    /// The call is refused by a polkit that allows all but `action` with the object whose `noun` has that name, and is
    /// done by one that allows this, too.
    void expect_asked(const std::vector<std::string>& words, const std::string& action, const std::string& noun,
                      const std::string& name) {
        const auto is_other = [=](const Question& question) {
            const auto found = question.details.find(noun);
            return question.action == action && found != question.details.end() && found->second == name;
        };
        polkit.follow([=](const Question& question) { return !is_other(question); });
        const auto before = first->calls();
        EXPECT_EQ(call(words), "Call failed: Access denied");
        EXPECT_EQ(first->calls(), before);
        polkit.say(true);
        EXPECT_THAT(call(words), StartsWith("o \"/org/virtbus1/"));
    }

    const TemporaryDirectory roots;
    PlayedPolkit polkit{bus.address()};
};

TEST_F(NamedObjectsTest, TheImageThatANewOneIsBasedOn) {
    expect_asked({fast_path, "org.virtbus1.Pool", "CreateImage", "sta{sv}", "new", "0", "1", "backing", "o", base_path},
                 "org.virtbus1.image.create", "image", "base");
}

TEST_F(NamedObjectsTest, TheImageThatAnotherIsBasedOnFromNowOn) {
    const auto other = bus::image_path("first", "fast", "other");
    expect_asked({overlay_path, "org.virtbus1.Image", "Rebase", "oa{sv}", other, "0"}, "org.virtbus1.image.create",
                 "image", "other");
}

TEST_F(NamedObjectsTest, ThePoolThatACopyOfAnImageGoesTo) {
    expect_asked({base_path, "org.virtbus1.Image", "Clone", "sa{sv}", "copy", "1", "pool", "o", fast_path},
                 "org.virtbus1.image.create", "pool", "fast");
}

TEST_F(NamedObjectsTest, ThePoolThatTheCopiesOfAMachinesDisksGoTo) {
    expect_asked({web_path, "org.virtbus1.Machine", "Clone", "sa{sv}", "copy", "2", "pool", "s", "fast", "machine-id",
                  "s", "keep"},
                 "org.virtbus1.image.create", "pool", "fast");
}

TEST_F(NamedObjectsTest, TheImagesThatANewMachineGets) {
    expect_asked({first_path, "org.virtbus1.Hypervisor", "CreateMachine", "a{sv}", "2", "name", "s", "new", "disks",
                  "aa{sv}", "1", "2", "pool", "s", "fast", "volume", "s", "other"},
                 "org.virtbus1.image.attach", "image", "other");
}

TEST_F(NamedObjectsTest, TheKernelOfANewMachineIfItIsAnImage) {
    expect_asked({first_path, "org.virtbus1.Hypervisor", "CreateMachine", "a{sv}", "2", "name", "s", "new", "kernel",
                  "s", "/pools/default/base"},
                 "org.virtbus1.image.attach", "image", "base");
}

TEST_F(NamedObjectsTest, TheRootOfANewContainer) {
    const auto root = (roots.path / "box").string();
    expect_asked({second_path, "org.virtbus1.Hypervisor", "CreateMachine", "a{sv}", "2", "name", "s", "new", "root",
                  "s", root + "/."},
                 "org.virtbus1.image.attach", "root", root);
}

TEST_F(NamedObjectsTest, ItsOwnPoolIsNoOther) {
    polkit.say(true);
    call({base_path, "org.virtbus1.Image", "Clone", "sa{sv}", "copy", "1", "pool", "o", default_path});
    EXPECT_THAT(polkit.questions(), SizeIs(1));
}

}  // namespace
}  // namespace virtbus::test
