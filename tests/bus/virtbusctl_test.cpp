// SPDX-License-Identifier: LGPL-2.1-or-later
// virtbusctl as a program of its own: what becomes of it, and of a command that it runs, when somebody does not wait
// for the end, or nobody reads what it writes. The container is a fake one.
#include "bus_fixture.h"

#include <pty.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace virtbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* sleeping = "exec \"$0\" --user run box -- sleep";

/// On a terminal of its own, from whose keys it has its signals.
class Virtbusctl {
public:
    /// `line`: of sh, in which $0 is the program.
    Virtbusctl(const std::string& address, const std::string& line) {
        process_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
        if (process_ != 0) return;
        ::setenv("DBUS_SESSION_BUS_ADDRESS", address.c_str(), 1);
        ::execl("/bin/sh", "sh", "-c", line.c_str(), VIRTBUS_VIRTBUSCTL, nullptr);
        ::_exit(127);
    }
    Virtbusctl(const Virtbusctl&) = delete;
    Virtbusctl& operator=(const Virtbusctl&) = delete;
    ~Virtbusctl() {
        kill();
        ::close(terminal_);
    }

    /// Once it waits for the job, Ctrl-C is what it reads.
    [[nodiscard]] bool waits() const {
        for (int seen = 0, i = 0; i < 6'000; ++i) {
            std::ifstream file("/proc/" + std::to_string(process_) + "/status");
            unsigned long blocked = 0;
            for (std::string word; file >> word;)
                if (word == "SigBlk:") file >> std::hex >> blocked;
            seen = (blocked & 1UL << (SIGINT - 1)) != 0 ? seen + 1 : 0;
            if (seen == 10) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
    void press_interrupt() const { EXPECT_EQ(::write(terminal_, "\x03", 1), 1); }

    /// How it ends, as a shell has it; -1 when it goes on, and was killed.
    int end() {
        int status = 0;
        for (int i = 0; i < 6'000; ++i) {
            if (::waitpid(process_, &status, WNOHANG) == process_) {
                process_ = -1;
                return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        kill();
        return -1;
    }

    /// All that it has written, once it has ended.
    [[nodiscard]] std::string written() const {
        std::string text;
        std::array<char, 4'096> part{};
        for (ssize_t size = 0; (size = ::read(terminal_, part.data(), part.size())) > 0;)
            text.append(part.data(), static_cast<std::size_t>(size));
        return text;
    }

private:
    void kill() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        process_ = -1;
    }

    pid_t process_ = -1;
    int terminal_ = -1;
};

class VirtbusctlTest : public BusTest {
protected:
    VirtbusctlTest() {
        auto machine = make_machine("box", 7, MachineState::running);
        machine.kind = Kind::container;
        machine.virtualization = Virtualization::container;
        first->add(machine);
        serve();
        server->containers().go_on();
    }
};

TEST_F(VirtbusctlTest, CtrlCCancelsTheCommand) {
    Virtbusctl virtbusctl(bus.address(), sleeping);
    ASSERT_TRUE(virtbusctl.waits());
    virtbusctl.press_interrupt();
    EXPECT_EQ(virtbusctl.end(), 1);
    EXPECT_THAT(virtbusctl.written(), HasSubstr("cancelled"));
    for (const auto& job : client.manager()->ListJobs()) EXPECT_EQ(job.get<3>(), "cancelled");
}

TEST_F(VirtbusctlTest, NothingIsWrittenIntoTheCommandsOutput) {
    Virtbusctl virtbusctl(bus.address(), sleeping);
    ASSERT_TRUE(virtbusctl.waits());
    virtbusctl.press_interrupt();
    EXPECT_EQ(virtbusctl.end(), 1);
    EXPECT_THAT(virtbusctl.written(), Not(HasSubstr("running a command")));
}

TEST_F(VirtbusctlTest, ADaemonThatStopsIsAFailure) {
    Virtbusctl virtbusctl(bus.address(), sleeping);
    ASSERT_TRUE(virtbusctl.waits());
    server.reset();
    EXPECT_EQ(virtbusctl.end(), 1);
    EXPECT_THAT(virtbusctl.written(), HasSubstr("virtbus has stopped meanwhile"));
}

TEST_F(VirtbusctlTest, OutputThatCannotBeWrittenIsAFailureAndEndsTheCommand) {
    server->containers().write_on();
    Virtbusctl virtbusctl(bus.address(), "exec \"$0\" --user run box -- yes >/dev/full");
    EXPECT_EQ(virtbusctl.end(), 1);
    EXPECT_THAT(virtbusctl.written(), HasSubstr("cannot write the output"));
}

TEST_F(VirtbusctlTest, EventsThatCannotBeWrittenEndTheirMonitor) {
    Virtbusctl virtbusctl(bus.address(), "exec \"$0\" --user monitor >/dev/full");
    std::atomic<bool> ended = false;
    std::thread other([&] {
        for (; !ended; std::this_thread::sleep_for(std::chrono::milliseconds(100))) first->happen(web, "rebooted", "");
    });
    EXPECT_EQ(virtbusctl.end(), 1);
    ended = true;
    other.join();
    EXPECT_THAT(virtbusctl.written(), HasSubstr("cannot write the output"));
}

TEST_F(VirtbusctlTest, AMonitorOfOneHypervisorIsRefused) {
    Virtbusctl virtbusctl(bus.address(), "exec \"$0\" --user -H first monitor");
    EXPECT_EQ(virtbusctl.end(), 2);
    EXPECT_THAT(virtbusctl.written(), HasSubstr("-H cannot choose"));
}

}  // namespace
}  // namespace virtbus::test
