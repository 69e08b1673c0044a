// SPDX-License-Identifier: LGPL-2.1-or-later
// Hypervisors that do not answer when they are connected to, of which libvirt's open never returns: a frozen libvirtd,
// and a host that takes the connection and keeps silent.
#include "process_counts.h"
#include "support/client.h"
#include "support/private_libvirtd.h"
#include "virtbusd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <chrono>
#include <stdexcept>

namespace virtbus::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr auto longest_reply = 10s;

/// Takes TCP connections, and never says a word.
class SilentHost {
public:
    SilentHost() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        if (::bind(socket_, any, size) != 0 || ::listen(socket_, 16) != 0 || ::getsockname(socket_, any, &size) != 0)
            throw std::runtime_error("cannot listen");
        port_ = ntohs(address.sin_port);
    }
    ~SilentHost() { hang_up(); }
    SilentHost(const SilentHost&) = delete;
    SilentHost& operator=(const SilentHost&) = delete;

    [[nodiscard]] std::string uri() const { return fmt::format("qemu+tcp://127.0.0.1:{}/system", port_); }
    /// Also on those that wait to be taken.
    void hang_up() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }

private:
    int socket_;
    int port_ = 0;
};

class SilenceTest : public testing::Test {
protected:
    SilenceTest() : virtbusd(bus, {{"well", well.uri()}}), client(bus.address()) {
        client.connection().setMethodCallTimeout(60'000'000);
    }
    void SetUp() override {
        ASSERT_TRUE(wait_until_connected(client, "well"));
        before = counts();
    }

    void add(const std::string& uri) { client.manager()->AddHypervisor("silent", uri, {}); }
    /// What a call ends with, which it does in time.
    template <typename Call>
    Failure timely(Call call) {
        const auto begun = Clock::now();
        const auto failure = failure_of(call);
        EXPECT_LT(Clock::now() - begun, longest_reply) << failure;
        return failure;
    }
    [[nodiscard]] ProcessCounts counts() const { return ProcessCounts::of(virtbusd.pid()); }

    /// All that has to be so of a hypervisor that was added and does not answer.
    void expect_service() {
        const auto silent = client.hypervisor(path);
        EXPECT_EQ(timely([&] { silent->GetCapabilitiesXml(); }).name, "org.virtbus1.Error.Disconnected");
        EXPECT_EQ(timely([&] { silent->DefineXml("<domain/>", {}); }).name, "org.virtbus1.Error.Disconnected");
        EXPECT_EQ(timely([&] { client.manager()->ListMachines({}); }).name, "");
        EXPECT_EQ(timely([&] { silent->Reconnect({}); }).name, "");
        EXPECT_FALSE(silent->Connected());
    }
    void expect_state_says_so() {
        const auto silent = client.hypervisor(path);
        ASSERT_TRUE(client.wait_until([&] { return silent->ConnectionState() == "failed"; }) ||
                    client.wait_until([&] { return silent->ConnectionState() == "failed"; }));
        EXPECT_THAT(silent->ConnectionError(), HasSubstr("does not answer"));
        EXPECT_THAT(timely([&] { silent->GetCapabilitiesXml(); }).message, HasSubstr("does not answer"));
    }
    void expect_removal() {
        EXPECT_EQ(timely([&] { client.manager()->RemoveHypervisor("silent", {}); }).name, "");
        EXPECT_EQ(client.manager()->Hypervisors().size(), 1U);
        // One lane's threads, and the socket of the one connection that hangs.
        EXPECT_TRUE(client.wait_until([&] {
            return counts().fits({before.threads + 2, before.descriptors + 4});
        })) << "before: "
            << before << "; now: " << counts();
    }
    void expect_nothing_left() {
        EXPECT_TRUE(client.wait_until([&] { return counts().fits(before); }))
            << "before: " << before << "; now: " << counts();
    }

    const std::string path = "/org/virtbus1/hypervisor/silent";
    PrivateBus bus;
    PrivateLibvirtd well;
    Virtbusd virtbusd;
    Client client;
    ProcessCounts before;
};

TEST_F(SilenceTest, AFrozenLibvirtdIsServedAndRemovedWhileItIsConnectedTo) {
    PrivateLibvirtd frozen;
    frozen.freeze();
    add(frozen.uri());
    expect_service();
    expect_state_says_so();
    expect_removal();
    frozen.thaw();
    expect_nothing_left();
}

TEST_F(SilenceTest, ASilentHostIsServedAndRemovedWhileItIsConnectedTo) {
    SilentHost host;
    add(host.uri());
    expect_service();
    expect_state_says_so();
    expect_removal();
    host.hang_up();
    expect_nothing_left();
}

TEST_F(SilenceTest, WhoAnswersAtLastIsConnected) {
    PrivateLibvirtd frozen;
    frozen.freeze();
    add(frozen.uri());
    expect_state_says_so();
    frozen.thaw();
    const auto silent = client.hypervisor(path);
    EXPECT_TRUE(client.wait_until([&] { return silent->Connected(); }));
    EXPECT_EQ(silent->ConnectionError(), "");
}

TEST_F(SilenceTest, ItEndsOnTimeWhileARemovedOneHangs) {
    SilentHost host;
    add(host.uri());
    expect_service();
    client.manager()->RemoveHypervisor("silent", {});
    const auto asked = Clock::now();
    EXPECT_EQ(virtbusd.terminate(), 0);
    EXPECT_LT(Clock::now() - asked, longest_reply);
}

}  // namespace
}  // namespace virtbus::test
