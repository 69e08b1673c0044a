// SPDX-License-Identifier: LGPL-2.1-or-later
// Many at once, and some that are killed: all agree on one id, and a file holds one whole id at every moment.
#include "machine_id/small_system.h"

#include "model/error.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <iostream>
#include <random>
#include <set>
#include <sstream>
#include <thread>

namespace virtbus::test {
namespace {

namespace fs = std::filesystem;

constexpr int many = 40;

/// Processes that begin together, and what each has to say.
class Crowd {
public:
    explicit Crowd(const fs::path& directory) : directory_(directory) {
        if (::pipe2(start_.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    }

    void join(const std::function<std::string()>& piece) {
        const auto said = directory_ / std::to_string(pids_.size());
        const auto pid = ::fork();
        if (pid < 0) throw std::runtime_error("fork");
        if (pid == 0) {
            ::close(start_[1]);
            char end = 0;
            static_cast<void>(!::read(start_[0], &end, 1));  // until the other end is closed
            std::string text;
            try {
                text = piece();
            } catch (const std::exception& error) {
                text = std::string("failed ") + error.what();
            }
            write_file(said, text);
            ::_exit(0);
        }
        pids_.push_back(pid);
    }

    /// Lets them go. What they said, in their order.
    std::vector<std::string> run() {
        ::close(start_[1]);
        ::close(start_[0]);
        std::vector<std::string> said;
        for (std::size_t i = 0; i < pids_.size(); ++i) {
            ::waitpid(pids_[i], nullptr, 0);
            said.push_back(read_file(directory_ / std::to_string(i)));
        }
        return said;
    }

private:
    fs::path directory_;
    std::array<int, 2> start_{};
    std::vector<::pid_t> pids_;
};

/// Also where the others take longer, one after the other, than one waits for them.
template <typename Piece>
auto in_the_end(Piece piece) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);;) {
        try {
            return piece();
        } catch (const Error& error) {
            if (error.code() != Code::busy || std::chrono::steady_clock::now() > end) throw;
        }
    }
}

std::string ensured(const SmallSystem& system, IdFile file) {
    auto files = system.files();
    const auto result = in_the_end([&] { return files.ensure(file); });
    return (result.created ? "created " : "found ") + result.id.text();
}

class Race : public RootTest {
protected:
    static constexpr auto kinds_of_file = {IdFile::standard, IdFile::etc, IdFile::dbus};
    static fs::path path_of(const SmallSystem& system, IdFile file) {
        return file == IdFile::etc ? system.etc() : system.dbus();
    }

    /// 40 ensure it: one creates it, and all say what it is.
    static void expect_agreement(const SmallSystem& system, IdFile file) {
        Crowd crowd(system.base());
        for (int i = 0; i < many; ++i) crowd.join([&] { return ensured(system, file); });
        const auto said = crowd.run();
        const auto id = system.files().get(file).text();
        EXPECT_EQ(std::count(said.begin(), said.end(), "created " + id), 1);
        EXPECT_EQ(std::count(said.begin(), said.end(), "found " + id), many - 1) << testing::PrintToString(said);
        const auto path = path_of(system, file);
        EXPECT_EQ(read_file(path), id + "\n");
        EXPECT_EQ(system.names(), std::vector<std::string>{path.lexically_relative(system.root()).string()});
    }
};

TEST_F(Race, OfManyForAMissingFileHasOneWinner) {
    for (int round = 0; round < 2; ++round)
        for (const auto file : kinds_of_file) expect_agreement(SmallSystem(), file);
}

TEST_F(Race, OfManyForALinkToNothingHasOneWinner) {
    for (int round = 0; round < 2; ++round)
        for (const auto file : kinds_of_file) {
            const SmallSystem system;
            fs::create_symlink("/nothing", path_of(system, file));
            expect_agreement(system, file);
        }
}

TEST_F(Race, OfManyForADbusFileWithoutAnIdHasOneWinner) {
    for (const std::string content : {"", "junk\n", "uninitialized\n"})
        for (int round = 0; round < 2; ++round) {
            const SmallSystem system;
            write_file(system.dbus(), content);
            expect_agreement(system, IdFile::standard);
        }
}

TEST_F(Race, WithDbusUuidgenLeavesOneIdAndNothingElse) {
    // dbus-uuidgen may replace what we have made, and so which id it is in the end is not ours to say; but we never
    // make what is there, and what is there is whole.
    for (int round = 0; round < 2; ++round)
        for (const auto file : kinds_of_file) {
            const SmallSystem system;
            Crowd crowd(system.base());
            const std::string argument = file == IdFile::standard ? "--ensure"
                                         : file == IdFile::etc    ? "--ensure=/etc/machine-id"
                                                                  : "--ensure=/var/lib/dbus/machine-id";
            for (int i = 0; i < many / 2; ++i) {
                crowd.join([&] { return ensured(system, file); });
                crowd.join([&] { return "status " + std::to_string(system.dbus_uuidgen(argument).status); });
            }
            const auto said = crowd.run();
            EXPECT_EQ(std::count(said.begin(), said.end(), "status 0"), many / 2);
            int created = 0;
            for (std::size_t i = 0; i < said.size(); i += 2) {
                EXPECT_TRUE(said[i].starts_with("created ") || said[i].starts_with("found ")) << said[i];
                if (said[i].starts_with("created ")) ++created;
                EXPECT_TRUE(MachineId::parse(said[i].substr(said[i].find(' ') + 1))) << said[i];
            }
            EXPECT_LE(created, 1);
            EXPECT_EQ(state_of(path_of(system, file)).content, "new id");
            EXPECT_EQ(line_in(system.dbus_uuidgen("--get").output), system.files().get(file).text());
            EXPECT_EQ(system.names().size(), 1U) << testing::PrintToString(system.names());
        }
}

TEST_F(Race, OfManyWhoReplaceIsWonByOneForBothFiles) {
    for (int round = 0; round < 3; ++round) {
        const SmallSystem system;
        write_file(system.etc(), id_a + "\n");
        write_file(system.dbus(), id_a + "\n");
        Crowd crowd(system.base());
        std::set<std::string> ids;
        for (int i = 0; i < many; ++i) {
            const auto id = MachineId::random();
            ids.insert(id.text());
            crowd.join([&system, id, i] {
                auto files = system.files();
                in_the_end([&] { i % 2 == 0 ? files.replace(id) : files.assign(id); });
                return std::string("done");
            });
        }
        EXPECT_THAT(crowd.run(), testing::Each("done"));
        const auto reading = system.files().read();
        EXPECT_TRUE(reading.consistent);
        EXPECT_EQ(ids.count(reading.id->text()), 1U);
        EXPECT_EQ(system.names().size(), 2U);
    }
}

TEST_F(Race, OfAReaderWithAReplacerNeverShowsAnythingBetween) {
    const SmallSystem system;
    write_file(system.etc(), id_a + "\n");
    fs::create_symlink("/etc/machine-id", system.dbus());
    const auto replacer = ::fork();
    ASSERT_GE(replacer, 0);
    if (replacer == 0) {
        auto files = system.files();
        for (bool is_a = false;; is_a = !is_a) files.replace(MachineId::parse(is_a ? id_a : id_b).value());
    }
    std::set<std::string> seen;
    const auto has_lasted = [begun = std::chrono::steady_clock::now()](std::chrono::seconds time) {
        return std::chrono::steady_clock::now() - begun > time;
    };
    while (!has_lasted(std::chrono::seconds(1)) || (seen.size() < 2 && !has_lasted(std::chrono::minutes(1))))
        seen.insert(read_file(system.etc()));
    ::kill(replacer, SIGKILL);
    ::waitpid(replacer, nullptr, 0);
    EXPECT_EQ(seen, (std::set<std::string>{id_a + "\n", id_b + "\n"}));
}

class Kill : public RootTest {
protected:
    /// Does it again and again in a child, until that is killed at a random moment.
    static void kill_during(const std::function<void()>& piece, std::chrono::microseconds after) {
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            try {
                for (;;) piece();
            } catch (const std::exception&) {
                ::_exit(1);
            }
        }
        std::this_thread::sleep_for(after);
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status)) << "it failed before it was killed";
    }
};

TEST_F(Kill, WhileReplacingLeavesTheOldOrTheNewIdAndWhatTheNextOneRemoves) {
    const SmallSystem system;
    write_file(system.etc(), id_a + "\n");
    write_file(system.dbus(), id_a + "\n");
    const std::set<std::string> either{id_a + "\n", id_b + "\n"};
    std::minstd_rand random(std::random_device{}());
    std::uniform_int_distribution<int> moment(500, 8'000);
    int leftovers = 0;
    int differences = 0;
    for (int round = 0; round < 100; ++round) {
        kill_during(
            [&, is_a = false]() mutable {
                system.files().replace(MachineId::parse((is_a = !is_a) ? id_b : id_a).value());
            },
            std::chrono::microseconds(moment(random)));
        ASSERT_EQ(either.count(read_file(system.etc())), 1U) << read_file(system.etc());
        ASSERT_EQ(either.count(read_file(system.dbus())), 1U) << read_file(system.dbus());
        ASSERT_TRUE(system.files().read().obstacles.empty());
        leftovers += system.names().size() > 2 ? 1 : 0;
        differences += read_file(system.etc()) == read_file(system.dbus()) ? 0 : 1;
        if (round % 2 == 0) continue;  // so that some find what two have left
        system.files().replace(MachineId::parse(id_a).value());
        ASSERT_THAT(system.names(), testing::ElementsAre("etc/machine-id", "var/lib/dbus/machine-id"));
        ASSERT_TRUE(system.files().read().consistent);
    }
    RecordProperty("leftovers", leftovers);
    RecordProperty("differences", differences);
    std::cout << "killed 100 times: " << leftovers << " temporary files, " << differences
              << " times between the two files\n";
    EXPECT_GT(leftovers, 0) << "no kill came while something was under way: the test has tested nothing";
}

TEST_F(Kill, WhileEnsuringLeavesNothingOrAnId) {
    std::minstd_rand random(std::random_device{}());
    std::uniform_int_distribution<int> moment(200, 6'000);
    int leftovers = 0;
    const SmallSystem system;
    for (int round = 0; round < 100; ++round) {
        kill_during(
            [&] {
                fs::remove(system.etc());
                system.files().ensure(IdFile::etc);
            },
            std::chrono::microseconds(moment(random)));
        const auto state = state_of(system.etc());
        ASSERT_TRUE(state.kind == "absent" || state.content == "new id") << state;
        ASSERT_TRUE(system.files().read().obstacles.empty());
        leftovers += system.names().size() > (state.kind == "absent" ? 0U : 1U) ? 1 : 0;
        fs::remove(system.etc());
        system.files().ensure(IdFile::etc);
        ASSERT_THAT(system.names(), testing::ElementsAre("etc/machine-id"));
    }
    EXPECT_GT(leftovers, 0) << "no kill came while something was under way: the test has tested nothing";
}

TEST_F(Kill, WhileAssigningLeavesTheOldOrTheNewId) {
    const SmallSystem system;
    write_file(system.etc(), id_a + "\n");
    const std::set<std::string> either{id_a + "\n", id_b + "\n"};
    std::minstd_rand random(std::random_device{}());
    std::uniform_int_distribution<int> moment(200, 5'000);
    for (int round = 0; round < 100; ++round) {
        kill_during(
            [&, is_a = false]() mutable {
                system.files().assign(MachineId::parse((is_a = !is_a) ? id_b : id_a).value());
            },
            std::chrono::microseconds(moment(random)));
        ASSERT_EQ(either.count(read_file(system.etc())), 1U) << read_file(system.etc());
        ASSERT_THAT(system.names(), testing::ElementsAre("etc/machine-id"));
    }
}

}  // namespace
}  // namespace virtbus::test
