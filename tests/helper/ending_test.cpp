// SPDX-License-Identifier: LGPL-2.1-or-later
// However the work ends before its time, nothing is half done and nothing is left behind.
#include "helper_test.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <thread>

namespace virtbus::test {

namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

class Ending : public HelperTest {
protected:
    static constexpr std::uint64_t size = 96 * mebibyte;
    static constexpr std::uint64_t data = 48 * mebibyte;

    using Work = std::function<void(Transfer&)>;

    /// Cancels `work`, prepared and begun anew each time, after several parts of the time it takes, and checks what it
    /// left. How often it was in time.
    int cancel_at_all_points(const std::function<void()>& prepare, const Work& work,
                             const std::function<void()>& check) {
        prepare();
        const auto begin = steady_clock::now();
        work(transfer_);
        const duration<double> whole = steady_clock::now() - begin;
        check();
        int cancelled = 0;
        for (const double part : {0.0, 0.2, 0.5, 0.8}) {
            prepare();
            Transfer transfer;
            auto ending = std::async(std::launch::async, [&] { return outcome_of([&] { work(transfer); }); });
            std::this_thread::sleep_for(whole * part);
            transfer.cancel();
            const auto outcome = ending.get();
            EXPECT_TRUE(!outcome.failed || refuses(outcome, Code::cancelled)) << outcome;
            EXPECT_EQ(temporaries(), std::vector<std::string>()) << "after " << part;
            check();
            cancelled += outcome.failed ? 1 : 0;
        }
        return cancelled;
    }

    /// Begins a copy in a thread; returns when it is under way.
    std::future<Outcome> begin_copy() {
        make_raw("a.img", size, data);
        auto ending = std::async(std::launch::async, [this] {
            return outcome_of([this] { tool_.convert(image("a.img", "raw"), target("b.qcow2"), transfer_); });
        });
        EXPECT_TRUE(wait_until([this] { return is_under_way(); }));
        return ending;
    }

    [[nodiscard]] bool is_under_way() const { return exists(".virtbus-1") && allocated(".virtbus-1") > mebibyte; }

    std::string script(const std::string& text) const {
        std::ofstream(path("helper")) << "#!/bin/sh\n" << text << "\n";
        std::filesystem::permissions(path("helper"), std::filesystem::perms(0700));
        return path("helper");
    }
};

TEST_F(Ending, ACancelledCopyLeavesNothing) {
    make_raw("a.img", size, data);
    const auto before = checksum("a.img");
    const auto cancelled = cancel_at_all_points(
        [this] { std::filesystem::remove(path("b.qcow2")); },
        [this](Transfer& transfer) { tool_.convert(image("a.img", "raw"), target("b.qcow2"), transfer); },
        [this] {
            if (exists("b.qcow2")) {
                EXPECT_TRUE(have_equal_content(image("a.img", "raw"), image("b.qcow2")));
            }
        });
    EXPECT_GE(cancelled, 1);
    EXPECT_EQ(checksum("a.img"), before);
}

TEST_F(Ending, ACancelledRebaseLeavesTheImageAsItWas) {
    make_qcow2("a.qcow2", size, data);
    tool_.create(target("empty.qcow2"), size, std::nullopt, transfer_);
    // On the same as before, so that it has the same content whether or not it was in time.
    tool_.rebase(image("a.qcow2"), replacement("a.qcow2"), image("empty.qcow2"), transfer_);
    const auto before = checksum("a.qcow2");
    const auto cancelled =
        cancel_at_all_points([] {},
                             [this](Transfer& transfer) {
                                 tool_.rebase(image("a.qcow2"), replacement("a.qcow2"), image("empty.qcow2"), transfer);
                             },
                             [&] { EXPECT_EQ(checksum("a.qcow2"), before); });
    EXPECT_GE(cancelled, 1);
}

TEST_F(Ending, ACancelledWipeLeavesTheImageOrAnEmptyOne) {
    make_qcow2("full.qcow2", size, data);
    const auto full = checksum("full.qcow2").substr(0, 64);
    const auto cancelled = cancel_at_all_points(
        [this] {
            std::filesystem::copy_file(path("full.qcow2"), path("a.qcow2"),
                                       std::filesystem::copy_options::overwrite_existing);
        },
        [this](Transfer& transfer) { tool_.wipe(image("a.qcow2"), target("a.qcow2"), size, transfer); },
        [&] { EXPECT_TRUE(allocated("a.qcow2") < mebibyte || checksum("a.qcow2").substr(0, 64) == full); });
    EXPECT_GE(cancelled, 1);
}

TEST_F(Ending, ACancelledCreationLeavesNothing) {
    const auto file = target("a.img", "raw", Preallocation::full);
    cancel_at_all_points([this] { std::filesystem::remove(path("a.img")); },
                         [&](Transfer& transfer) { tool_.create(file, size, std::nullopt, transfer); },
                         [this] { EXPECT_TRUE(!exists("a.img") || allocated("a.img") >= size); });
}

TEST_F(Ending, WhatWasCancelledBeforeIsNotBegun) {
    transfer_.cancel();
    EXPECT_FAILS(cancelled, tool_.create(target("a.qcow2"), size, std::nullopt, transfer_));
    EXPECT_FALSE(exists("a.qcow2"));
}

TEST_F(Ending, ATerminatedHelperCleansUp) {
    auto ending = begin_copy();
    for (const auto pid : children()) ::kill(pid, SIGTERM);
    const auto outcome = ending.get();
    EXPECT_TRUE(refuses(outcome, Code::cancelled)) << outcome;
    EXPECT_FALSE(exists("b.qcow2"));
}

TEST_F(Ending, OfAKilledHelperIsTold) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto ending = begin_copy();
    for (const auto pid : children()) ::kill(pid, SIGKILL);
    const auto outcome = ending.get();
    EXPECT_TRUE(refuses(outcome, Code::failed, "The helper program was ended by signal 9")) << outcome;
    // Its qemu-img, which is ours now, has died with it.
    EXPECT_TRUE(wait_until([] { return ::waitpid(-1, nullptr, WNOHANG) < 0; }));
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    tool_.remove_temporary(directory_.string(), ".virtbus-1");
    EXPECT_FALSE(exists("b.qcow2"));
}

TEST_F(Ending, AKilledDaemonTakesTheHelperAndItsWorkWithIt) {
    make_raw("a.img", size, data);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t daemon = ::fork();
    if (daemon == 0) {
        outcome_of([this] { tool_.convert(image("a.img", "raw"), target("b.qcow2"), transfer_); });
        ::_exit(0);
    }
    EXPECT_TRUE(wait_until([this] { return is_under_way(); }));
    ::kill(daemon, SIGKILL);
    // All three have come to us, and end: the daemon, the helper, qemu-img.
    EXPECT_TRUE(wait_until([] { return ::waitpid(-1, nullptr, WNOHANG) < 0; }));
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    EXPECT_FALSE(exists("b.qcow2"));
}

TEST_F(Ending, SeveralWorkAtOnce) {
    make_qcow2("a.qcow2", 16 * mebibyte, 4 * mebibyte);
    std::vector<std::future<Outcome>> endings;
    for (int i = 0; i < 8; ++i)
        endings.push_back(std::async(std::launch::async, [this, i] {
            return outcome_of([this, i] {
                Transfer transfer;
                auto file = target("copy");
                file.temporary += std::to_string(i);
                tool_.convert(image("a.qcow2"), file, transfer);
            });
        }));
    int made = 0;
    for (auto& ending : endings) {
        const auto outcome = ending.get();
        EXPECT_TRUE(!outcome.failed || refuses(outcome, Code::already_exists)) << outcome;
        made += outcome.failed ? 0 : 1;
    }
    EXPECT_EQ(made, 1);
}

TEST_F(Ending, AHelperThatIsNotThereIsNamed) {
    HelperTool none("/nonexistent/virtbus-helper");
    const auto outcome = outcome_of([&] { none.measure(image("a"), "qcow2"); });
    EXPECT_TRUE(refuses(outcome, Code::failed)) << outcome;
    EXPECT_NE(outcome.text.find("No such file"), std::string::npos) << outcome;
}

TEST_F(Ending, AHelperThatSaysNothingIsQuoted) {
    HelperTool broken(script("read request; echo 'out of luck' >&2; exit 3"));
    const auto outcome = outcome_of([&] { broken.measure(image("a"), "qcow2"); });
    EXPECT_EQ(outcome.text, "The helper program ended early, with status 3: out of luck");
    HelperTool mad(script("read request; echo nonsense"));
    EXPECT_FAILS(failed, mad.measure(image("a"), "qcow2"));
}

TEST_F(Ending, AHelperInheritsNothing) {
    const UniqueFd stray(::fcntl(STDERR_FILENO, F_DUPFD, 100));
    ::setenv("VIRTBUS_STRAY", "1", 1);
    HelperTool curious(script("ls /proc/self/fd >&2; env | cut -d= -f1 | sort >&2; grep SigBlk /proc/self/status >&2"));
    const auto text = outcome_of([&] { curious.measure(image("a"), "qcow2"); }).text;
    EXPECT_NE(text.find(": 0\n1\n2\n3\n"), std::string::npos) << text;  // 3: ls reads the directory
    EXPECT_EQ(text.find("\n4"), std::string::npos) << text;
    EXPECT_EQ(text.find("STRAY"), std::string::npos) << text;
    EXPECT_NE(text.find("SigBlk:\t0000000000000000"), std::string::npos) << text;
    ::unsetenv("VIRTBUS_STRAY");
}

}  // namespace

}  // namespace virtbus::test
