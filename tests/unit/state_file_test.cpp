// SPDX-License-Identifier: LGPL-2.1-or-later
// A state file is replaced as a whole, for its owner alone, and says by name what cannot be written.
#include "model/state_file.h"

#include "support/errors.h"
#include "support/loop.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace virtbus::test {
namespace {

class StateFileTest : public testing::Test {
protected:
    static unsigned mode(const std::filesystem::path& path) {
        struct stat status {};
        EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
        return status.st_mode & 07777U;
    }
    std::size_t entries() const {
        const auto begin = std::filesystem::directory_iterator(directory.path);
        return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
    }

    asio::io_context loop;
    TemporaryDirectory directory;
};

TEST_F(StateFileTest, HoldsNothingBeforeItIsWritten) {
    EXPECT_EQ(StateFile(loop, directory.path / "state.json").read(), std::nullopt);
}

TEST_F(StateFileTest, HoldsWhatWasWrittenLast) {
    StateFile file(loop, directory.path / "state.json");
    run(loop, file.write(std::string(100'000, 'x')));
    run(loop, file.write("short"));
    EXPECT_EQ(file.read(), "short");
    EXPECT_EQ(StateFile(loop, file.path()).read(), "short") << "it lasts";
    EXPECT_EQ(entries(), 1U) << "nothing is left beside it";
}

TEST_F(StateFileTest, OfManyWritesAtOnceTheLastOneStays) {
    StateFile file(loop, directory.path / "state.json");
    std::vector<std::shared_ptr<Started>> writes;
    for (int i = 0; i < 20; ++i) writes.push_back(begin(loop, file.write(std::to_string(i))));
    ASSERT_TRUE(turn_until(
        loop, [&] { return std::all_of(writes.begin(), writes.end(), [](const auto& each) { return each->done; }); }));
    EXPECT_EQ(file.read(), "19");
}

TEST_F(StateFileTest, IsReplacedRatherThanOverwritten) {
    const auto path = directory.path / "state.json";
    StateFile file(loop, path);
    run(loop, file.write("old"));
    std::ifstream reader(path);
    run(loop, file.write("new"));
    std::string seen;
    reader >> seen;
    EXPECT_EQ(seen, "old") << "who has it open sees one or the other, never a mixture";
}

TEST_F(StateFileTest, IsForItsOwnerAlone) {
    StateFile file(loop, directory.path / "new" / "state.json");
    run(loop, file.write("text"));
    EXPECT_EQ(mode(directory.path / "new"), 0700U) << "the directory is made";
    EXPECT_EQ(mode(file.path()), 0600U);
}

TEST_F(StateFileTest, LeavesADirectoryThatIsThereAsItIs) {
    std::filesystem::permissions(directory.path, std::filesystem::perms(0750));
    StateFile file(loop, directory.path / "state.json");
    run(loop, file.write("text"));
    EXPECT_EQ(mode(directory.path), 0750U);
}

TEST_F(StateFileTest, SaysWhichFileCannotBeWritten) {
    std::ofstream(directory.path / "file") << "no directory";
    StateFile file(loop, directory.path / "file" / "state.json");
    const auto outcome = outcome_of([&] { run(loop, file.write("text")); });
    EXPECT_TRUE(refuses(outcome, Code::failed, "Cannot write " + file.path().string())) << outcome;
}

TEST_F(StateFileTest, WritesLaterOnceForAllWhoAskAndAgainUntilItIsWritten) {
    const auto blocked = directory.path / "blocked";
    std::ofstream(blocked) << "no directory";
    StateFile file(loop, blocked / "state.json");
    int asked = 0;
    for (int i = 0; i < 3; ++i) file.write_later([&asked] { return std::to_string(++asked); });
    ASSERT_TRUE(turn_until(loop, [&] { return asked == 1; }));
    EXPECT_THROW(run(loop, file.write("now")), Error) << "what was to be written before has failed by then";
    std::filesystem::remove(blocked);
    ASSERT_TRUE(turn_until(loop, [&] { return file.read() == "2"; })) << "what it is by then";
}

TEST_F(StateFileTest, MayGoBeforeItIsWritten) {
    auto file = std::make_unique<StateFile>(loop, directory.path / "state.json");
    file->write_later([] { return "text"; }, std::chrono::milliseconds(1));
    file.reset();
    turn_until(
        loop, [] { return false; }, std::chrono::milliseconds(20));
    EXPECT_EQ(entries(), 0U);
}

TEST_F(StateFileTest, FollowsNoLinkThatSomebodyHasPutThere) {
    std::ofstream(directory.path / "victim") << "precious";
    std::filesystem::create_symlink(directory.path / "victim", directory.path / "state.json.new");
    StateFile file(loop, directory.path / "state.json");
    EXPECT_TRUE(refuses(outcome_of([&] { run(loop, file.write("text")); }), Code::failed));
    EXPECT_EQ(StateFile(loop, directory.path / "victim").read(), "precious");
}

}  // namespace
}  // namespace virtbus::test
