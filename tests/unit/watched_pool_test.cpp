// SPDX-License-Identifier: LGPL-2.1-or-later
// libvirt is told to look again when something changes in the directory of a pool on this host.
#include "unit/storage_fixture.h"

#include <fstream>

namespace virtbus::test {
namespace {

class WatchedPoolTest : public StorageFixture {
protected:
    WatchedPoolTest() {
        change_pool("default", [this](Pool& pool) { pool.path = files.path.string(); });
    }
    void connect() {
        StorageFixture::connect();
        looked_before = truth().refreshes();
    }
    void write(const std::string& name) { std::ofstream(files.path / name) << "content"; }
    /// How often libvirt was told to look again since it was connected to.
    int looked() { return truth().refreshes() - looked_before; }

    TemporaryDirectory files;
    int looked_before = 0;
};

TEST_F(WatchedPoolTest, IsLookedAtWhenAFileCame) {
    connect();
    put("web.qcow2");
    write("web.qcow2");
    await_told("added default/web.qcow2");
    EXPECT_EQ(looked(), 1) << "libvirt has to look as well";
}

TEST_F(WatchedPoolTest, IsLookedAtWhenAFileWasRenamedOrRemoved) {
    write(".virtbus-1");
    connect();
    std::filesystem::rename(files.path / ".virtbus-1", files.path / "web.qcow2");
    ASSERT_TRUE(turn_until(loop, [&] { return looked() == 1; }));
    std::filesystem::remove(files.path / "web.qcow2");
    ASSERT_TRUE(turn_until(loop, [&] { return looked() == 2; }));
}

TEST_F(WatchedPoolTest, IsLookedAtOnceForManyFiles) {
    connect();
    for (int i = 0; i < 100; ++i) write(std::to_string(i));
    ASSERT_TRUE(turn_until(loop, [&] { return looked() > 0; }));
    await_quiet();
    EXPECT_LE(looked(), 2);
}

TEST_F(WatchedPoolTest, IsNotLookedAtForTemporaryFiles) {
    connect();
    write(".virtbus-1-abcdef");
    put("web.qcow2");
    write("web.qcow2");
    await_told("added default/web.qcow2");
    EXPECT_EQ(looked(), 1);
}

TEST_F(WatchedPoolTest, IsNotWatchedWhileItDoesNotRun) {
    truth().stop_pool("default");
    connect();
    write("while-it-is-off");
    truth().start_pool("default");
    read();
    await_quiet();
    const auto before = looked();
    put("web.qcow2");
    write("web.qcow2");
    await_told("added default/web.qcow2");
    EXPECT_EQ(looked(), before + 1);
}

TEST_F(WatchedPoolTest, IsWatchedOnWhileItFillsUp) {
    connect();
    for (std::uint64_t i = 1; i <= 20; ++i) {
        const auto before = looked();
        change_pool("default", [i](Pool& pool) { pool.allocation += i; });
        storage().touch("default");
        write(std::to_string(i));
        ASSERT_TRUE(turn_until(loop, [&] { return looked() > before; })) << i;
    }
}

TEST_F(WatchedPoolTest, IsLookedAtWhenTheWatchBegins) {
    truth().stop_pool("default");
    connect();
    truth().start_pool("default");
    storage().touch("default");
    ASSERT_TRUE(turn_until(loop, [&] { return looked() == 1; })) << "something may have come since libvirt looked";
}

TEST_F(WatchedPoolTest, MayHaveADirectoryThatIsNotThere) {
    change_pool("default", [](Pool& pool) { pool.path = "/nowhere/at/all"; });
    put("web.qcow2");
    connect();
    EXPECT_EQ(storage().images("default").size(), 1U);
}

}  // namespace
}  // namespace virtbus::test
