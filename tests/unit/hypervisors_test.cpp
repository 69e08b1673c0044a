// SPDX-License-Identifier: LGPL-2.1-or-later
// Hypervisors come and go while the daemon runs: those that were added are back after a restart, those of the
// configuration stay, and one that hangs holds nobody up.
#include "model/hypervisors.h"

#include "base/log.h"
#include "support/errors.h"
#include "support/fake_port.h"
#include "support/loop.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <asio/post.hpp>

#include <fstream>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::size_t threads() {
    const auto begin = std::filesystem::directory_iterator("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
}

/// Writes down what it hears, behind its own name.
class Recorder final : public HypervisorsObserver {
public:
    Recorder(std::string name, std::vector<std::string>& lines) : name_(std::move(name)), lines_(lines) {}
    void added(const std::shared_ptr<Hypervisor>& hypervisor) override {
        lines_.push_back(name_ + ": added " + hypervisor->name());
    }
    void removed(const std::shared_ptr<Hypervisor>& hypervisor) override {
        lines_.push_back(name_ + ": removed " + hypervisor->name());
    }

private:
    std::string name_;
    std::vector<std::string>& lines_;
};

class HypervisorsTest : public testing::Test {
protected:
    HypervisorsTest() {
        log::set_level(log::Level::emerg);  // damaged files and hanging hypervisors are meant to be
        begin_daemon();
    }
    ~HypervisorsTest() override {
        for (const auto& [name, fake] : fakes) fake->release_all();
        end_daemon();
        log::set_level(log::Level::info);
    }

    /// What a daemon has that begins now.
    void begin_daemon(std::map<std::string, std::string> configured = {{"qemu", "qemu:///system"}},
                      std::map<std::string, std::string> candidates = {}) {
        const auto connector = [this](const std::string& name, const std::string&, bool) {
            return fake(name)->connector();
        };
        hypervisors = std::make_unique<Hypervisors>(
            loop, formats, file, connector,
            ConfiguredHypervisors{
                .uris = std::move(configured), .candidates = std::move(candidates), .where = "virtbus.json"});
        hypervisors->start();
    }
    void end_daemon() {
        hypervisors->stop();
        ASSERT_TRUE(turn_until(loop, [&] {
            settle(loop);
            return hypervisors->is_idle();
        }));
        settle(loop);
        hypervisors.reset();
    }
    std::shared_ptr<FakeHypervisor> fake(const std::string& name) {
        auto& fake = fakes[name];
        if (!fake) fake = FakeHypervisor::make();
        return fake;
    }
    std::shared_ptr<Hypervisor> add(const std::string& name, const std::string& uri = "qemu+ssh://host/system") {
        return run(loop, hypervisors->add(name, uri));
    }
    void begin_looking_for_containers() {
        end_daemon();
        begin_daemon({{"qemu", "qemu:///system"}}, {{"lxc", "lxc:///system"}});
    }
    void remove(const std::string& name) { run(loop, hypervisors->remove(name)); }
    Outcome adding(const std::string& name, const std::string& uri = "qemu:///system") {
        return outcome_of([&] { add(name, uri); });
    }
    Outcome removing(const std::string& name) {
        return outcome_of([&] { remove(name); });
    }
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& each : hypervisors->all()) names.push_back(each->name());
        return names;
    }
    void await_connected(const std::string& name) {
        const auto hypervisor = hypervisors->require(name);
        ASSERT_TRUE(turn_until(loop, [&] { return hypervisor->status().connection == ConnectionState::connected; }));
    }
    void await_hanging(const std::string& name) {
        ASSERT_TRUE(turn_until(loop, [&] { return fake(name)->hanging(PortCall::connect) == 1; }));
    }

    asio::io_context loop;
    TemporaryDirectory directory;
    const std::filesystem::path file = directory.path / "state" / "hypervisors.json";
    ImageFormats formats{loop, directory.path / "formats.json"};
    std::map<std::string, std::shared_ptr<FakeHypervisor>> fakes;
    std::unique_ptr<Hypervisors> hypervisors;
    std::vector<std::string> heard;
};

TEST_F(HypervisorsTest, ServesWhatIsConfiguredAndWhatIsAdded) {
    fake("lab")->add(make_machine("web", 1));
    const auto lab = add("lab", "qemu+ssh://root@lab.example/system");
    EXPECT_THAT(names(), ElementsAre("lab", "qemu"));
    EXPECT_EQ(lab->uri(), "qemu+ssh://lab.example/system") << "the user is nobody's business";
    EXPECT_FALSE(lab->is_configured());
    EXPECT_TRUE(hypervisors->require("qemu")->is_configured());
    await_connected("lab");
    await_connected("qemu");
    EXPECT_TRUE(turn_until(loop, [&] { return lab->inventory().machines().size() == 1; }));
}

// It is kept before it is served, and a reload serves what is kept.
TEST_F(HypervisorsTest, WhatIsAddedDuringAReloadIsServedOnce) {
    std::shared_ptr<Hypervisor> lab;
    const auto add_lab = [this](std::shared_ptr<Hypervisor>& added) -> Task<> {
        added = co_await hypervisors->add("lab", "qemu+ssh://host/system");
    };
    const auto adding = begin(loop, add_lab(lab));
    asio::post(loop, [this] {
        hypervisors->reconfigure({.uris = {{"qemu", "qemu:///system"}}, .candidates = {}, .where = "virtbus.json"});
    });
    ASSERT_TRUE(turn_until(loop, [&] { return adding->done; }));
    EXPECT_THAT(names(), ElementsAre("lab", "qemu"));
    EXPECT_EQ(lab, hypervisors->find("lab"));
}

TEST_F(HypervisorsTest, ACandidateIsServedWhenItAnswers) {
    fake("lxc")->add(make_machine("box", 1));
    fake("lxc")->block(PortCall::connect);
    begin_looking_for_containers();
    await_connected("qemu");
    EXPECT_THAT(names(), ElementsAre("qemu"));
    Recorder recorder("bus", heard);
    hypervisors->observe(&recorder);
    heard.clear();
    fake("lxc")->release_all();
    run(loop, hypervisors->settled());
    EXPECT_THAT(names(), ElementsAre("lxc", "qemu"));
    EXPECT_THAT(heard, ElementsAre("bus: added lxc"));
    EXPECT_EQ(hypervisors->require("lxc")->inventory().machines().size(), 1U) << "settled is who has been read";
    EXPECT_TRUE(refuses(removing("lxc"), Code::invalid_state));
    hypervisors->ignore(&recorder);
}

TEST_F(HypervisorsTest, ACandidateThatFailsIsAskedOnceAndLeavesItsName) {
    fake("lxc")->fail(PortCall::connect, Error(Code::not_supported, "no connection driver available"));
    begin_looking_for_containers();
    run(loop, hypervisors->settled());
    settle(loop);
    EXPECT_THAT(names(), ElementsAre("qemu"));
    EXPECT_TRUE(turn_until(loop, [&] { return hypervisors->is_idle(); }));
    add("lxc", "lxc:///system");
    await_connected("lxc");
    EXPECT_FALSE(hypervisors->require("lxc")->is_configured());
}

TEST_F(HypervisorsTest, ACandidateThatHangsComesTooLateWhenItsNameIsTaken) {
    fake("lxc")->block(PortCall::connect);
    begin_looking_for_containers();
    await_hanging("lxc");
    add("lxc", "lxc+ssh://root@lab.example/system");
    fake("lxc")->release_all();
    await_connected("lxc");
    EXPECT_TRUE(turn_until(loop, [&] { return hypervisors->is_idle(); }));
    EXPECT_THAT(names(), ElementsAre("lxc", "qemu"));
    EXPECT_EQ(hypervisors->require("lxc")->uri(), "lxc+ssh://lab.example/system");
}

TEST_F(HypervisorsTest, WhatWasAddedIsBackAfterARestart) {
    add("lab", "qemu+ssh://root@lab.example/system");
    add("other");
    remove("other");
    end_daemon();
    begin_daemon();
    EXPECT_THAT(names(), ElementsAre("lab", "qemu"));
    EXPECT_EQ(hypervisors->require("lab")->uri(), "qemu+ssh://lab.example/system");
    await_connected("lab");
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(HypervisorsTest, ADifferentConfigurationChangesOnlyWhatIsDifferentInIt) {
    add("lab", "qemu+ssh://added.example/system");
    const auto qemu = hypervisors->require("qemu");
    std::vector<std::string> lines;
    Recorder recorder("it", lines);
    hypervisors->observe(&recorder);
    lines.clear();

    ConfiguredHypervisors other;
    other.uris = {{"qemu", "qemu:///system"}, {"lab", "qemu+ssh://new.example/system"}, {"lxc", "lxc:///system"}};
    hypervisors->reconfigure(other);
    EXPECT_THAT(lines, ElementsAre("it: removed lab", "it: added lab", "it: added lxc"));
    EXPECT_EQ(hypervisors->require("qemu"), qemu) << "the same is left alone";
    EXPECT_EQ(hypervisors->require("lab")->uri(), "qemu+ssh://new.example/system");
    EXPECT_TRUE(hypervisors->require("lab")->is_configured());
    await_connected("lab");
    await_connected("lxc");

    lines.clear();
    other.uris = {{"lxc", "lxc:///other"}};
    hypervisors->reconfigure(other);
    EXPECT_THAT(names(), ElementsAre("lab", "lxc"));
    EXPECT_EQ(hypervisors->require("lab")->uri(), "qemu+ssh://added.example/system") << "what was added is back";
    EXPECT_FALSE(hypervisors->require("lab")->is_configured());
    EXPECT_THAT(
        lines, ElementsAre("it: removed lab", "it: removed lxc", "it: removed qemu", "it: added lxc", "it: added lab"));
    hypervisors->ignore(&recorder);
}

TEST_F(HypervisorsTest, TheConfigurationComesBeforeWhatWasAdded) {
    add("lab", "qemu+ssh://old.example/system");
    end_daemon();
    begin_daemon({{"lab", "qemu+ssh://new.example/system"}});
    EXPECT_EQ(hypervisors->require("lab")->uri(), "qemu+ssh://new.example/system");
    EXPECT_TRUE(hypervisors->require("lab")->is_configured());
    const auto outcome = removing("lab");
    EXPECT_TRUE(refuses(outcome, Code::invalid_state, "hypervisor lab stands in virtbus.json")) << outcome;
    end_daemon();
    begin_daemon();
    EXPECT_EQ(hypervisors->require("lab")->uri(), "qemu+ssh://old.example/system") << "it is not forgotten";
}

TEST_F(HypervisorsTest, RefusesWhatCannotBeAdded) {
    for (const auto* name : {"", "a/b", "a b", "\xff", "qemu:"}) {
        const auto outcome = adding(name);
        EXPECT_TRUE(refuses(outcome, Code::invalid_args, "hypervisor name")) << name << ": " << outcome;
    }
    EXPECT_TRUE(refuses(adding("lab", "qemu"), Code::invalid_args, "uri: "));
    EXPECT_TRUE(refuses(adding("qemu"), Code::already_exists, "there is already a hypervisor qemu"));
    add("lab");
    EXPECT_TRUE(refuses(adding("lab"), Code::already_exists));
    EXPECT_THAT(names(), ElementsAre("lab", "qemu"));
}

TEST_F(HypervisorsTest, TwoAtOnceAddOneNameOnce) {
    const auto first =
        begin(loop, [](Hypervisors& all) -> Task<> { co_await all.add("lab", "qemu:///system"); }(*hypervisors));
    const auto second = adding("lab");
    EXPECT_TRUE(refuses(second, Code::already_exists)) << second;
    EXPECT_TRUE(turn_until(loop, [&] { return first->done; }));
    EXPECT_EQ(first->failure, nullptr);
}

TEST_F(HypervisorsTest, RefusesToRemoveWhatIsNotThereOrConfigured) {
    EXPECT_TRUE(refuses(removing("lab"), Code::no_such_hypervisor, "there is no hypervisor \"lab\""));
    EXPECT_TRUE(refuses(removing("qemu"), Code::invalid_state));
    EXPECT_THAT(names(), ElementsAre("qemu"));
}

TEST_F(HypervisorsTest, WhatCannotBeKeptIsNotAddedNorRemoved) {
    add("lab");
    std::filesystem::remove_all(file.parent_path());
    std::ofstream(file.parent_path()) << "no directory";
    EXPECT_TRUE(refuses(adding("other"), Code::failed));
    EXPECT_TRUE(refuses(removing("lab"), Code::failed));
    EXPECT_THAT(names(), ElementsAre("lab", "qemu"));
    std::filesystem::remove(file.parent_path());
    remove("lab");
    EXPECT_THAT(names(), ElementsAre("qemu"));
}

TEST_F(HypervisorsTest, ADamagedFileTakesOnlyWhatWasAddedAway) {
    add("lab");
    end_daemon();
    std::ofstream(file) << "{";
    begin_daemon();
    EXPECT_THAT(names(), ElementsAre("qemu"));
    await_connected("qemu");
}

TEST_F(HypervisorsTest, ObserversHearOfAllThatAreThereAndTheLastIsTheFirstToLetGo) {
    std::vector<std::string> lines;
    Recorder one("one", lines);
    Recorder two("two", lines);
    hypervisors->observe(&one);
    hypervisors->observe(&two);
    EXPECT_THAT(lines, ElementsAre("one: added qemu", "two: added qemu"));
    lines.clear();
    add("lab");
    remove("lab");
    EXPECT_THAT(lines, ElementsAre("one: added lab", "two: added lab", "two: removed lab", "one: removed lab"));
    hypervisors->ignore(&one);
    hypervisors->ignore(&two);
}

TEST_F(HypervisorsTest, ARemovedOneGoesWithItsThreadsAndConnections) {
    await_connected("qemu");
    const auto before = threads();
    for (int i = 0; i < 3; ++i) {
        const std::weak_ptr<Hypervisor> lab = add("lab");
        await_connected("lab");
        EXPECT_GT(threads(), before);
        remove("lab");
        ASSERT_TRUE(turn_until(loop, [&] { return lab.expired(); })) << "somebody keeps it";
        EXPECT_EQ(fake("lab")->ports(), 0U);
        EXPECT_TRUE(turn_until(loop, [&] { return threads() == before; }));
    }
}

TEST_F(HypervisorsTest, OneThatNeverAnswersIsRemovedAllTheSame) {
    await_connected("qemu");
    const auto before = threads();
    fake("lab")->block(PortCall::connect);
    const std::weak_ptr<Hypervisor> lab = add("lab");
    await_hanging("lab");
    remove("lab");
    EXPECT_THAT(names(), ElementsAre("qemu"));
    EXPECT_FALSE(hypervisors->is_idle()) << "libvirt's call cannot be ended";
    EXPECT_TRUE(turn_until(loop, [&] { return threads() <= before + 2; })) << "only its own lane is left";
    add("lab", "qemu+ssh://elsewhere/system");  // its name is free
    fake("lab")->release(PortCall::connect);
    EXPECT_TRUE(turn_until(loop, [&] { return lab.expired(); }));
    await_connected("lab");
    EXPECT_EQ(fake("lab")->ports(), 5U) << "those of the new one alone";
}

TEST_F(HypervisorsTest, ThoseThatHangWhileTheyWereRemovedAreCounted) {
    for (int i = 0; i < 16; ++i) {
        const auto name = "lab" + std::to_string(i);
        fake(name)->block(PortCall::connect);
        add(name);
        await_hanging(name);
        remove(name);
    }
    const auto outcome = adding("another");
    EXPECT_TRUE(refuses(outcome, Code::busy)) << outcome;
    EXPECT_THAT(outcome.text, HasSubstr("16 hypervisors that were removed do not answer"));
    fake("lab0")->release(PortCall::connect);
    EXPECT_TRUE(turn_until(loop, [&] { return fake("lab0")->ports() == 0 && !adding("another").failed; }));
}

TEST_F(HypervisorsTest, WhoWaitsForAReadingOfOneThatIsRemovedHearsIt) {
    const auto lab = add("lab");
    await_connected("lab");
    fake("lab")->block(Lane::query);
    const auto machine = begin(loop, lab->inventory().refreshed(make_uuid(1)));
    const auto pool = begin(loop, lab->storage().refreshed("default", false));
    settle(loop);
    const auto more = begin(loop, lab->inventory().refreshed(make_uuid(2)));
    remove("lab");
    fake("lab")->release(Lane::query);
    for (const auto& each : {machine, pool, more}) {
        ASSERT_TRUE(turn_until(loop, [&] { return each->done; }));
        const auto outcome = outcome_of(each->failure);
        EXPECT_TRUE(!outcome.failed || refuses(outcome, Code::disconnected)) << outcome;
    }
    const auto late = outcome_of([&] { run(loop, lab->inventory().refreshed(make_uuid(3))); });
    EXPECT_TRUE(refuses(late, Code::disconnected, "the hypervisor is not served any more")) << late;
}

TEST_F(HypervisorsTest, WhatAPoolWaitedForDoesNotOutliveIt) {
    fake("lab")->storage().add(make_pool("default"));
    const std::weak_ptr<Hypervisor> lab = add("lab");
    await_connected("lab");
    fake("lab")->storage().fail(Error(Code::failed, "no such directory"));
    lab.lock()->storage().touch("default");
    settle(loop);
    remove("lab");
    ASSERT_TRUE(turn_until(loop, [&] { return lab.expired(); }));
    // It would be read again after a second.
    EXPECT_FALSE(turn_until(
        loop, [] { return false; }, std::chrono::milliseconds(1'500)));
}

}  // namespace
}  // namespace virtbus::test
