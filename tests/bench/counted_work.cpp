// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon's work on a fake hypervisor, for valgrind to count the instructions of: check-instructions runs it, and
// gets one dump for each kind of work. Whoever calls is another program, this one again, so as not to be counted.
#include "bus.h"
#include "server.h"
#include "support/fake_port.h"
#include "support/private_bus.h"

#include <valgrind/callgrind.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string>

namespace virtbus::bench {

namespace {

constexpr std::uint32_t machines = 100;
constexpr int lists = 5;
constexpr int calls = 1'000;
constexpr std::uint32_t events = 100;

std::string machine_of(std::uint32_t number) {
    auto uuid = test::make_uuid(number).text();
    for (auto& c : uuid)
        if (c == '-') c = '_';
    return "/org/virtbus1/hypervisor/fake/machine/" + uuid;
}

/// The other program: does what it is told, line by line, and answers each line.
int be_client() {
    Bus bus;
    std::size_t heard = 0;
    std::size_t told = 0;
    bus.match("type='signal',interface='org.virtbus1.Manager',member='Lifecycle'", [&](sd_bus_message*) { ++heard; });
    const Object web{virtbus_root.service, machine_of(1)};
    for (std::string work; std::getline(std::cin, work); std::cout << work << std::endl) {
        if (work == "settle")
            bus.call_plain(virtbus_root, "org.virtbus1.Manager", "ListMachines");
        else if (work == "list")
            for (int i = 0; i < lists; ++i)
                bus.call(virtbus_root, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
        else if (work == "row")
            for (int i = 0; i < lists; ++i) bus.call_plain(virtbus_root, "org.virtbus1.Manager", "ListMachines");
        else if (work == "property")
            for (int i = 0; i < calls; ++i) bus.get(web, "org.virtbus1.Machine", "State");
        else if (work == "call")
            for (int i = 0; i < calls; ++i)
                bus.call(virtbus_root, "org.virtbus1.Manager", "GetMachine", "sa{sv}", "machine-1", 0);
        else if (work == "event")
            bus.process_until([&, wanted = ++told] { return heard >= wanted; });
    }
    return 0;
}

/// What the counting program has of it.
class Client {
public:
    explicit Client(const char* program) {
        std::array<int, 2> to{};
        std::array<int, 2> from{};
        if (::pipe(to.data()) != 0 || ::pipe(from.data()) != 0) throw std::runtime_error("pipe");
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
        for (const int end : {to[0], to[1], from[0], from[1]}) posix_spawn_file_actions_addclose(&actions, end);
        std::array<char*, 3> arguments{const_cast<char*>(program), const_cast<char*>("client"), nullptr};
        if (::posix_spawn(&pid_, program, &actions, nullptr, arguments.data(), environ) != 0)
            throw std::runtime_error("the client does not start");
        posix_spawn_file_actions_destroy(&actions);
        ::close(to[0]);
        ::close(from[1]);
        commands_ = ::fdopen(to[1], "w");
        answers_ = ::fdopen(from[0], "r");
    }
    ~Client() {
        std::fclose(commands_);
        ::waitpid(pid_, nullptr, 0);
        std::fclose(answers_);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void begin(const std::string& work) {
        std::fputs((work + "\n").c_str(), commands_);
        std::fflush(commands_);
    }
    void await() {
        std::array<char, 64> line{};
        if (std::fgets(line.data(), line.size(), answers_) == nullptr)
            throw std::runtime_error("the client has failed");
    }
    void run(const std::string& work) {
        begin(work);
        await();
    }

private:
    pid_t pid_ = 0;
    std::FILE* commands_;
    std::FILE* answers_;
};

/// Counts `work`, and names the dump: "what/how many of it".
template <typename Work>
void count(const char* name, Work work) {
    CALLGRIND_DUMP_STATS_AT("what came before");  // CALLGRIND_ZERO_STATS leaves other threads' counts
    work();
    CALLGRIND_DUMP_STATS_AT(name);
}

void pause_and_resume(test::FakeHypervisor& fake, std::uint32_t i) {
    const auto uuid = test::make_uuid(1 + i / 2);
    const bool pauses = i % 2 == 0;
    fake.edit(uuid, [&](Machine& machine) { machine.state = pauses ? MachineState::paused : MachineState::running; });
    fake.happen(uuid, pauses ? "suspended" : "resumed", pauses ? "paused" : "unpaused");
}

void run(const char* program) {
    const test::PrivateBus bus;
    ::setenv("DBUS_SESSION_BUS_ADDRESS", bus.address().c_str(), 1);
    const auto fake = test::FakeHypervisor::make();
    for (std::uint32_t i = 1; i <= machines; ++i)
        fake->add(test::make_machine(fmt::format("machine-{}", i), i, MachineState::running));
    const test::Server server(bus, {{"fake", fake}});
    Client client(program);
    client.run("settle");
    for (const auto* once : {"list", "row", "property", "call"})
        client.run(once);  // what is made at the first time only

    count(fmt::format("list/{}", lists * machines).c_str(), [&] { client.run("list"); });
    count(fmt::format("row/{}", lists * machines).c_str(), [&] { client.run("row"); });
    count(fmt::format("property/{}", calls).c_str(), [&] { client.run("property"); });
    count(fmt::format("call/{}", calls).c_str(), [&] { client.run("call"); });
    count(fmt::format("event/{}", events).c_str(), [&] {
        for (std::uint32_t i = 0; i < events; ++i) {
            client.begin("event");
            pause_and_resume(*fake, i);
            client.await();  // one by one: how many come together would depend on the moment
        }
    });
}

}  // namespace

}  // namespace virtbus::bench

int main(int argc, char** argv) {
    try {
        if (argc > 1 && std::string(argv[1]) == "client") return virtbus::bench::be_client();
        virtbus::bench::run(argv[0]);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "counted-work: " << error.what() << '\n';
        return 1;
    }
}
