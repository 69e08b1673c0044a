// SPDX-License-Identifier: LGPL-2.1-or-later
// A system whose machine-id counts as this host's, and who hears of it.
#pragma once

#include "model/host_identity.h"

#include "support/errors.h"
#include "support/fake_guests.h"
#include "support/loop.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace virtbus::test {

/// A root on a disk: /tmp may be in memory, where no id lasts.
class RootDirectory : public TemporaryDirectory {
public:
    RootDirectory() : TemporaryDirectory("/var/tmp") {
        std::filesystem::create_directories(path / "etc");
        std::filesystem::create_directories(path / "var/lib/dbus");
    }
};

class HostIdentityTest : public testing::Test {
protected:
    ~HostIdentityTest() override {
        settle(loop);
        host.reset();  // and the loop after it: a look that is due soon must not begin any more
    }

    void make() {
        host = std::make_unique<HostIdentity>(loop, root.path.string(),
                                              std::make_shared<DirectHostTool>(root.path.string()), identities,
                                              [this] { return clock; });
        host->on_change([this] { ++changes; });
    }
    void start() {
        make();
        run(loop, host->start());
        changes = 0;
    }
    void put(const std::string& path, const std::string& content) const {
        std::filesystem::create_directories((root.path / path).parent_path());
        std::ofstream(root.path / path) << content;
    }
    /// As a system should be: a file, and a link to it.
    void put_id(const MachineId& id) const {
        put("etc/machine-id", id.text() + "\n");
        std::filesystem::remove(dbus());
        std::filesystem::create_symlink("/etc/machine-id", dbus());
    }
    [[nodiscard]] std::string content(const std::filesystem::path& path) const {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    [[nodiscard]] std::filesystem::path etc() const { return root.path / "etc/machine-id"; }
    [[nodiscard]] std::filesystem::path dbus() const { return root.path / "var/lib/dbus/machine-id"; }
    [[nodiscard]] Identity known() const { return identities.find(HostRef{}); }

    HostIdentity::Prepared prepare(const std::string& caller = ":1.1", std::size_t guests = 0) {
        return run(loop, host->prepare(caller, guests));
    }
    MachineId regenerate(const std::string& token, const std::string& caller = ":1.1", std::size_t guests = 0) {
        // testing::Not as a value: a task's outcome is one that can be made from nothing.
        std::optional<MachineId> id;
        const auto started = begin(loop, keep(host->regenerate(caller, token, guests), id));
        EXPECT_TRUE(turn_until(loop, [&] { return started->done; }));
        if (started->failure) std::rethrow_exception(started->failure);
        return id.value();
    }
    static Task<> keep(Task<MachineId> task, std::optional<MachineId>& id) { id = co_await std::move(task); }
    void expect_stale(const std::string& token, const std::string& caller = ":1.1", std::size_t guests = 0) {
        const auto before = content(etc());
        const auto outcome = outcome_of([&] { regenerate(token, caller, guests); });
        EXPECT_TRUE(refuses(outcome, Code::stale_generation, "token:")) << outcome;
        EXPECT_EQ(content(etc()), before);
    }
    bool await_id(const MachineId& id) {
        return turn_until(loop, [&] { return known().id == id; });
    }

    asio::io_context loop;
    RootDirectory root;
    TemporaryDirectory state;
    Identities identities{loop, state.path / "machine-ids.json"};
    const MachineId one = *MachineId::parse("0123456789abcdef0123456789abcdef");
    const MachineId two = *MachineId::parse("fedcba9876543210fedcba9876543210");
    std::chrono::steady_clock::time_point clock = std::chrono::steady_clock::now();
    std::unique_ptr<HostIdentity> host;
    int changes = 0;
};

}  // namespace virtbus::test
