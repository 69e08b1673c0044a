// SPDX-License-Identifier: LGPL-2.1-or-later
// What others do with virsh is told in the same signals as what our own clients do.
#include "guest_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace virtbus::test {

class VirshTest : public GuestTest {
protected:
    static void virsh(const std::string& arguments) {
        ASSERT_EQ(std::system(("virsh -q " + arguments + " >/dev/null").c_str()), 0) << arguments;
    }
};

TEST_F(VirshTest, TheSameActionsGiveTheSameSignals) {
    const auto ours = create();
    const auto theirs = create();
    const auto name = get<std::string>(theirs, "Name");
    for (const auto& path : {ours, theirs}) ASSERT_TRUE(happened(path, "defined", "added"));
    forget();

    machine(ours)->Start({});
    machine(ours)->Pause({});
    machine(ours)->Resume({});
    machine(ours)->PowerOff({});
    machine(ours)->Delete({});
    virsh("start " + name);
    virsh("suspend " + name);
    virsh("resume " + name);
    virsh("destroy " + name);
    virsh("undefine " + name);

    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", ours));
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", theirs));
    EXPECT_TRUE(told_by_manager(ours, "undefined", "removed"));
    EXPECT_TRUE(told_by_manager(theirs, "undefined", "removed"));
    EXPECT_EQ(events(ours), events(theirs));
    const auto told = events(theirs);
    EXPECT_NE(std::find(told.begin(), told.end(), "started booted"), told.end());
    EXPECT_EQ(told.back(), "undefined removed");
}

TEST_F(VirshTest, AMachineDefinedByOthersAppears) {
    const auto model = create();
    auto [xml, generation] = machine(model)->GetXml({{"inactive", true}});
    machine(model)->Delete({});
    const auto file = fmt::format("{}/theirs.xml", std::getenv("TMPDIR"));
    std::ofstream(file) << xml;
    forget();
    virsh("define " + file);
    EXPECT_TRUE(observer.wait_for("InterfacesAdded", model));
    EXPECT_TRUE(happened(model, "defined", "added"));
    virsh("undefine " + get<std::string>(model, "Name"));
    EXPECT_TRUE(observer.wait_for("InterfacesRemoved", model));
}

TEST_F(VirshTest, SettingsMadeByOthersAreSeen) {
    const auto path = create();
    const auto name = get<std::string>(path, "Name");
    forget();
    virsh("desc " + name + " --config --title 'from outside'");
    EXPECT_TRUE(announced<std::string>(path, "Title", "from outside"));
}

TEST_F(VirshTest, AJobThatOthersBeginIsShown) {
    const auto path = create_ready();
    const auto name = get<std::string>(path, "Name");
    forget();
    virsh("managedsave " + name);
    ASSERT_TRUE(observer.wait_for("JobAdded", "/org/virtbus1"));
    const auto added = std::find_if(observer.signals.begin(), observer.signals.end(),
                                    [](const Signal& signal) { return signal.name == "JobAdded"; });
    const auto job = actor.job(added->subject);
    EXPECT_EQ(job->Kind(), "save");
    EXPECT_EQ(job->Subject(), path);
    EXPECT_EQ(job->Owner(), UINT32_MAX) << "nobody began it through virtbus";
    EXPECT_EQ(finish(added->subject), "done");
    EXPECT_TRUE(machine(path)->Saved());
}

}  // namespace virtbus::test
