// SPDX-License-Identifier: LGPL-2.1-or-later
// A Hypervisor on the fake, with observers that write down what they hear.
#pragma once

#include "model/hypervisor.h"
#include "support/errors.h"
#include "support/fake_port.h"
#include "support/loop.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace virtbus::test {

/// Writes each call down as a line: "added web", "changed web", "web started booted", "removed web", "resynced".
class InventoryRecorder final : public InventoryObserver {
public:
    void added(const MachinePtr& machine) override {
        names_[machine->uuid] = machine->name;
        lines.push_back("added " + machine->name);
    }
    void changed(const MachinePtr& before, const MachinePtr& after) override {
        EXPECT_NE(*before, *after) << "announced, though nothing has changed";
        EXPECT_EQ(before->uuid, after->uuid);
        lines.push_back("changed " + after->name);
    }
    void happened(const Uuid& uuid, const LifecycleEvent& event) override {
        lines.push_back(names_[uuid] + " " + event.event + " " + event.detail);
    }
    void removed(const MachinePtr& machine) override { lines.push_back("removed " + machine->name); }
    void resynced() override { lines.emplace_back("resynced"); }

    std::vector<std::string> lines;

private:
    std::map<Uuid, std::string> names_;
};

class StatusRecorder final : public HypervisorObserver {
public:
    void status_changed(const HypervisorStatus&, const HypervisorStatus& after) override {
        states.emplace_back(to_string(after.connection));
    }

    std::vector<std::string> states;
};

class HypervisorTest : public testing::Test {
protected:
    ~HypervisorTest() override {
        fake->release_all();
        hypervisor->observe(nullptr);
        inventory().ignore(&heard);
        hypervisor->stop();
        EXPECT_TRUE(turn_until(loop, [&] { return hypervisor->pending() == 0 && fake->ports() == 0; }));
        settle(loop);
    }

    void start() {
        hypervisor->observe(&status);
        inventory().observe(&heard);
        hypervisor->start();
    }
    /// Starts, and returns when all is listed; what was heard until then is forgotten.
    void connect() {
        start();
        await_line("resynced");
        heard.lines.clear();
    }
    void reconnect() {
        await_state(ConnectionState::disconnected);
        hypervisor->reconnect();
        await_state(ConnectionState::connected);
    }

    void await_state(ConnectionState state) {
        ASSERT_TRUE(turn_until(loop, [&] { return hypervisor->status().connection == state; }))
            << "it stays " << to_string(hypervisor->status().connection);
    }
    void await_line(const std::string& line) {
        const auto& lines = heard.lines;
        ASSERT_TRUE(turn_until(loop, [&] { return std::find(lines.begin(), lines.end(), line) != lines.end(); }))
            << "never heard: " << line << "; only " << testing::PrintToString(lines);
    }
    void await_hanging(PortCall call, std::size_t count = 1) {
        ASSERT_TRUE(turn_until(loop, [&] { return fake->hanging(call) == count; }));
    }
    /// Returns when nothing is being read and nothing is left to read.
    void await_quiet() {
        ASSERT_TRUE(turn_until(loop, [&] {
            settle(loop);
            return hypervisor->pending() == 0;
        }));
    }

    // What others do to a machine; each returns when the mirror shows it.
    void edit(const Uuid& uuid, const std::function<void(Machine&)>& how) {
        fake->edit(uuid, how);
        fake->touch(uuid);
        run(loop, inventory().refreshed(uuid));
    }
    void erase(const Uuid& uuid) {
        fake->erase(uuid);
        fake->touch(uuid);
        run(loop, inventory().refreshed(uuid));
    }

    Inventory& inventory() { return hypervisor->inventory(); }
    MachinePtr mirrored(const Uuid& uuid) { return inventory().find(uuid); }

    /// What a call on the lane ends with.
    Outcome call(Lane lane) {
        return outcome_of([&] { run(loop, hypervisor->run(lane, [](Port& port) { port.capabilities_xml(); })); });
    }

    asio::io_context loop;
    TemporaryDirectory directory;
    ImageFormats formats{loop, directory.path / "formats.json"};
    std::shared_ptr<FakeHypervisor> fake = FakeHypervisor::make();
    std::shared_ptr<Hypervisor> hypervisor =
        std::make_shared<Hypervisor>(loop, "test", "fake:///", fake->connector(), formats);
    InventoryRecorder heard;
    StatusRecorder status;
    const Uuid web = make_uuid(1);
    const Uuid database = make_uuid(2);
};

/// With a machine that is off, and one that runs.
class TwoMachinesTest : public HypervisorTest {
protected:
    TwoMachinesTest() {
        fake->add(make_machine("web", 1));
        fake->add(make_machine("db", 2, MachineState::running));
    }
};

}  // namespace virtbus::test
