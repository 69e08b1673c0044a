// SPDX-License-Identifier: LGPL-2.1-or-later
// The process that drives the appliance: however it ends, nothing of it is left.
#include "guest_test.h"
#include "helper/worker_process.h"
#include "helper_program.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <thread>

namespace virtbus::test {

namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

class Worker : public testing::Test {
protected:
    Worker() {
        ::sigprocmask(SIG_SETMASK, nullptr, &signals_);
        std::array<int, 2> pair{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) throw std::runtime_error("pair");
        daemon_ = UniqueFd(pair[0]);
        ours_ = UniqueFd(pair[1]);
        peer_.emplace(ours_.get());
    }
    ~Worker() override {
        ::prctl(PR_SET_CHILD_SUBREAPER, 0);
        ::sigprocmask(SIG_SETMASK, &signals_, nullptr);
    }
    /// Whatever it started is gone when it returns.
    void TearDown() override { EXPECT_EQ(descendants(), std::vector<pid_t>()); }

    Json run_work(const std::function<Json(WorkReport&)>& perform, std::chrono::seconds limit = 60s) {
        return run_worker(*peer_, {.perform = perform, .limit = limit, .act = "do it"});
    }
    /// The caller goes, as soon as the work has said that it has begun.
    void leave() { daemon_ = UniqueFd(); }

    sigset_t signals_{};
    UniqueFd daemon_;
    UniqueFd ours_;
    std::optional<Peer> peer_;
};

/// Starts a process that starts another, neither of which ends by itself.
void start_a_family() {
    if (::fork() != 0) return;
    ::signal(SIGTERM, SIG_IGN);
    ::fork();
    for (;;) ::pause();
}

TEST_F(Worker, ReturnsWhatItFound) {
    EXPECT_EQ(run_work([](WorkReport& report) {
                  report.at(1, 2);
                  return Json{{"answer", 42}};
              }),
              (Json{{"answer", 42}}));
}

TEST_F(Worker, TellsWhyItFailed) {
    EXPECT_REFUSED(unsupported_guest, "no Linux",
                   run_work([](WorkReport&) -> Json { throw Error(Code::unsupported_guest, "no Linux"); }));
    EXPECT_REFUSED(failed, "out of luck",
                   run_work([](WorkReport&) -> Json { throw std::runtime_error("out of luck"); }));
}

TEST_F(Worker, ThatDiesIsAnErrorAndTakesItsFamilyWithIt) {
    EXPECT_REFUSED(failed, "ended early", run_work([](WorkReport&) -> Json {
                       start_a_family();
                       ::raise(SIGKILL);
                       return {};
                   }));
}

TEST_F(Worker, LeavesNoFamilyWhenItIsDone) {
    EXPECT_EQ(run_work([](WorkReport&) -> Json {
                  start_a_family();
                  return 1;
              }),
              Json(1));
}

TEST_F(Worker, ThatTakesTooLongIsEnded) {
    EXPECT_REFUSED(failed, "not done after 1 seconds",
                   run_work(
                       [](WorkReport&) -> Json {
                           start_a_family();
                           for (;;) ::pause();
                       },
                       1s));
}

TEST_F(Worker, IsEndedWhenNobodyWantsItAnyMore) {
    leave();
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_REFUSED(cancelled, "cancelled", run_work([](WorkReport&) -> Json {
                       start_a_family();
                       for (;;) ::pause();
                   }));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s) << "that is the limit's doing, not the caller's";
}

TEST_F(Worker, IsLetToEndOnceItHasBegunToChangeSomething) {
    // The caller goes when it hears of the first step, which is told before.
    std::thread caller([this] {
        std::array<char, 100> buffer{};
        EXPECT_GT(::read(daemon_.get(), buffer.data(), buffer.size()), 0);
        leave();
    });
    EXPECT_EQ(run_work([](WorkReport& report) -> Json {
                  report.begin_changing();
                  report.at(1, 2);
                  std::this_thread::sleep_for(300ms);
                  return 7;
              }),
              Json(7));
    caller.join();
}

TEST_F(Worker, DoesNotBeginToChangeAnythingWhenItIsCancelled) {
    TemporaryDirectory directory;
    leave();
    EXPECT_REFUSED(cancelled, "cancelled", run_work([&](WorkReport& report) -> Json {
                       std::this_thread::sleep_for(100ms);
                       report.begin_changing();
                       std::filesystem::create_directory(directory.path / "changed");
                       return {};
                   }));
    EXPECT_FALSE(std::filesystem::exists(directory.path / "changed"));
}

TEST_F(Worker, HasNeitherTheSocketNorBlockedSignals) {
    EXPECT_EQ(run_work([](WorkReport&) -> Json {
                  sigset_t blocked;
                  ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
                  struct stat in {};
                  ::fstat(STDIN_FILENO, &in);
                  return {{"terminates", ::sigismember(&blocked, SIGTERM) == 0}, {"socket", S_ISSOCK(in.st_mode)}};
              }),
              (Json{{"terminates", true}, {"socket", false}}));
}

}  // namespace

}  // namespace virtbus::test
