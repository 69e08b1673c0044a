// SPDX-License-Identifier: LGPL-2.1-or-later
// However a change ends before its time, the disk has the old id or the new one, and no QEMU goes on with it. And
// nobody else's QEMU is disturbed.
#include "guest_test.h"
#include "helper_program.h"

#include "helper/guest_appliance.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>

namespace virtbus::test {

namespace {

using namespace std::chrono_literals;

/// A process that has an image open as a running machine has.
class RunningMachine {
public:
    explicit RunningMachine(const std::string& image) {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::execlp("qemu-io", "qemu-io", "-f", "raw", "-c", "sleep 600000", image.c_str(), nullptr);
            ::_exit(127);
        }
        const UniqueFd file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
        const bool is_open = wait_until([&] {
            struct flock lock {};
            lock.l_type = F_WRLCK;
            lock.l_start = 100;
            lock.l_len = 1;
            return ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
        });
        if (!is_open) throw std::runtime_error("qemu-io does not open " + image);
    }
    RunningMachine(const RunningMachine&) = delete;
    RunningMachine& operator=(const RunningMachine&) = delete;
    ~RunningMachine() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_ = -1;
};

/// Where libguestfs has the sockets of the QEMU that runs; "" if none does.
std::string socket_directory() {
    const auto found = descendants("qemu-system");
    if (found.empty()) return "";
    std::ifstream file("/proc/" + std::to_string(found.front()) + "/cmdline", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto begin = text.find("path=/tmp/libguestfs");
    const auto end = text.find("/guestfsd.sock", begin);
    return begin == std::string::npos || end == std::string::npos ? "" : text.substr(begin + 5, end - begin - 5);
}

class GuestEnding : public testing::Test {
protected:
    GuestEnding() {
        GuestTree tree;
        tree.write("/var/lib/dbus/machine-id", old_id + "\n");
        tree.make_image(image_);
        before_ = run({"sha256sum", image_});
    }

    /// Begins a change in a thread.
    std::future<Outcome> begin_change() {
        return std::async(std::launch::async, [this] {
            return outcome_of([this] { tool_.change_identity(system_, assignment(new_id), transfer_); });
        });
    }
    void expect_unchanged() const { EXPECT_EQ(run({"sha256sum", image_}), before_); }

    TemporaryDirectory directory_;
    std::string image_ = (directory_.path / "guest.img").string();
    GuestSystem system_{.disks = {{.path = image_, .format = "raw"}}, .root = ""};
    std::string before_;
    GuestHelperTool tool_{guest_helper_program()};
    Transfer transfer_;
};

TEST_F(GuestEnding, ADiskThatAMachineHasIsNamedAndLeftAlone) {
    const RunningMachine machine(image_);
    EXPECT_REFUSED(in_use, image_, tool_.read_identity(system_, transfer_));
    EXPECT_REFUSED(in_use, image_, tool_.change_identity(system_, assignment(new_id), transfer_));
    expect_unchanged();
}

/// Which is seen only when the appliance's QEMU wants the disk too.
TEST_F(GuestEnding, AMachineThatStartsJustThenKeepsItsDisk) {
    const RunningMachine machine(image_);
    const auto temporary = directory_.path / "temporary";
    std::filesystem::create_directory(temporary);
    EXPECT_REFUSED(in_use, "has " + image_ + " open",
                   GuestAppliance({.disks = system_.disks,
                                   .is_accelerated = false,
                                   .cache = "/var/tmp",
                                   .temporary = temporary.string(),
                                   .leash = guest_helper_program(),
                                   .act = "test"}));
    EXPECT_TRUE(std::filesystem::is_empty(temporary));
    expect_unchanged();
}

TEST_F(GuestEnding, ACancelledChangeIsGoneAtOnceWhereverItIs) {
    // In the beginning, while the appliance starts, and while the system is looked for.
    for (const auto step : {0U, 1U, 2U}) {
        Transfer transfer;
        auto ending = std::async(std::launch::async, [&] {
            return outcome_of([&] { tool_.change_identity(system_, assignment(new_id), transfer); });
        });
        if (step == 1) {
            ASSERT_TRUE(wait_until([] { return !descendants("qemu-system").empty(); }));
        }
        if (step == 2) {
            ASSERT_TRUE(wait_until([&] { return transfer.processed() >= 60; }));
        }
        transfer.cancel();
        const auto begin = std::chrono::steady_clock::now();
        const auto outcome = ending.get();
        EXPECT_TRUE(refuses(outcome, Code::cancelled)) << step << ": " << outcome;
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s) << step << ": as long as if nobody had cancelled";
        EXPECT_EQ(descendants(), std::vector<pid_t>()) << step;
        expect_unchanged();
    }
}

TEST_F(GuestEnding, OfAKilledHelperTheDiskHasTheOldIdOrTheNewOne) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // Where it writes: from the last step on, that takes a second. And then it can be done anew.
    const TemporaryDirectory left;
    ::setenv("CACHE_DIRECTORY", "/var/tmp", 0);
    ::setenv("TMPDIR", left.path.c_str(), 1);
    for (const auto pause : {100ms, 600ms}) {
        Transfer transfer;
        auto ending = std::async(std::launch::async, [&] {
            return outcome_of([&] { tool_.change_identity(system_, assignment(new_id), transfer); });
        });
        ASSERT_TRUE(wait_until([&] { return transfer.processed() >= 95; }));
        std::this_thread::sleep_for(pause);
        const auto sockets = socket_directory();
        for (const auto pid : descendants("virtbus-guest")) ::kill(pid, SIGKILL);
        const auto outcome = ending.get();
        if (outcome.failed) {
            EXPECT_TRUE(refuses(outcome, Code::failed)) << outcome;
        }
        // What it left is ours now, and ends by itself, though nobody tells it.
        EXPECT_TRUE(wait_until([] {
            while (::waitpid(-1, nullptr, WNOHANG) > 0) {
            }
            return descendants().empty();
        }));
        std::filesystem::remove_all(sockets);  // nobody was left to do it
        const ImageJudge judge(image_, "raw");
        for (const auto* file : {"/etc/machine-id", "/var/lib/dbus/machine-id"}) {
            const auto text = judge.read(file);
            EXPECT_TRUE(text == old_id + "\n" || text == new_id + "\n") << file << ": " << text;
        }
    }
    ::unsetenv("TMPDIR");
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace

}  // namespace virtbus::test
