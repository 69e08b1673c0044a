// SPDX-License-Identifier: LGPL-2.1-or-later
#include "chaos_clients.h"

#include "support/client.h"
#include "truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>

namespace virtbus::test {

namespace {

using Clock = std::chrono::steady_clock;

/// Longer than any reply may take: one that comes too late is found by its time.
constexpr std::uint64_t method_timeout_usec = 60'000'000;

/// What a caller may hear while hypervisors die: nothing but names that say what to do.
const std::set<std::string> expected{
    "org.virtbus1.Error.Disconnected",
    "org.virtbus1.Error.InvalidState",
    "org.virtbus1.Error.NoSuchMachine",
    "org.virtbus1.Error.AlreadyExists",
    "org.virtbus1.Error.Busy",
    "org.virtbus1.Error.Timeout",
    "org.virtbus1.Error.StaleGeneration",
    "org.freedesktop.DBus.Error.UnknownObject",
};

std::string path_of(int hypervisor, int machine) {
    auto uuid = Truth::uuid(machine);
    std::replace(uuid.begin(), uuid.end(), '-', '_');
    return fmt::format("/org/virtbus1/hypervisor/h{}/machine/{}", hypervisor, uuid);
}

}  // namespace

int Tally::calls() const {
    int calls = 0;
    for (const auto& [outcome, count] : outcomes) calls += count;
    return calls;
}

std::string Tally::text() const {
    auto text = fmt::format("{} calls, the slowest {} ms", calls(),
                            std::chrono::duration_cast<std::chrono::milliseconds>(slowest).count());
    for (const auto& [outcome, count] : outcomes) text += fmt::format("\n  {}: {}", outcome, count);
    return text;
}

/// One client: a connection of its own, without signals.
class ChaosClients::Caller {
public:
    Caller(const std::string& address, unsigned seed)
        : connection_(sdbus::createSessionBusConnectionWithAddress(address)), random_(seed) {
        connection_->setMethodCallTimeout(method_timeout_usec);
    }

    /// One call, or two that belong together, on one of the machines.
    void act(int hypervisor, int machine) {
        const auto path = path_of(hypervisor, machine);
        switch (random_() % 8) {
            case 0: return judge("Pause", [&] { on(path).Pause({}); });
            case 1: return judge("Resume", [&] { on(path).Resume({}); });
            case 2: return judge("PowerOff", [&] { on(path).PowerOff({}); });
            case 3: return judge("Start", [&] { on(path).Start({}); });
            case 4: return set_title(path);
            case 5: return judge("Name", [&] { require(on(path).Name() == Truth::name(machine), "another name"); });
            case 6: return list(hypervisor);
            default: return find(machine);
        }
    }

    Tally tally;

private:
    proxies::Machine on(const std::string& path) { return {*connection_, "org.virtbus1", path}; }
    proxies::Manager manager() { return {*connection_, "org.virtbus1", "/org/virtbus1"}; }

    static void require(bool right, const std::string& otherwise) {
        if (!right) throw std::logic_error(otherwise);
    }

    void judge(const std::string& call, const std::function<void()>& work, const std::string& also = {}) {
        const auto begun = Clock::now();
        try {
            work();
            ++tally.outcomes["right"];
        } catch (const sdbus::Error& error) {
            ++tally.outcomes[error.getName()];
            if (!expected.contains(error.getName()) && error.getName() != also)
                tally.wrong.push_back(fmt::format("{}: {}: {}", call, error.getName(), error.getMessage()));
        } catch (const std::logic_error& error) {
            tally.wrong.push_back(fmt::format("{}: {}", call, error.what()));
        }
        tally.slowest = std::max(tally.slowest, Clock::now() - begun);
    }

    /// Who writes reads what was written: or nothing, when the machine was made anew meanwhile.
    void set_title(const std::string& path) {
        const auto title = fmt::format("title {}", random_() % 1'000);
        judge("SetTitle", [&] {
            on(path).SetTitle(title, {});
            const auto now = on(path).Title();
            require(now == title || now.empty(), fmt::format("the title is \"{}\", not \"{}\"", now, title));
        });
    }

    void list(int hypervisor) {
        const auto name = fmt::format("h{}", hypervisor);
        judge("ListMachines", [&] {
            const auto rows = manager().ListMachines({{"hypervisor", name}});
            require(rows.size() <= static_cast<std::size_t>(Truth::machine_count), "too many machines");
            for (const auto& row : rows) require(row.get<3>() == name, "a machine of another hypervisor");
        });
    }

    /// It is on all hypervisors, if it is there.
    void find(int machine) {
        judge(
            "GetMachine", [&] { manager().GetMachine(Truth::name(machine), {}); }, "org.virtbus1.Error.Ambiguous");
    }

    std::unique_ptr<sdbus::IConnection> connection_;
    std::minstd_rand random_;
};

ChaosClients::ChaosClients(const PrivateBus& bus, int clients, int hypervisors) {
    for (int client = 0; client < clients; ++client)
        threads_.emplace_back(
            [this, address = bus.address(), client, clients, hypervisors](const std::stop_token& stop) {
                call_on(address, client, clients, hypervisors, stop);
            });
}

void ChaosClients::call_on(const std::string& address, int client, int clients, int hypervisors,
                           const std::stop_token& stop) {
    Caller caller(address, static_cast<unsigned>(client) + 1);
    std::minstd_rand random(static_cast<unsigned>(client) + 101);
    const auto shares = static_cast<unsigned>(Truth::machine_count / clients);
    while (!stop.stop_requested())
        caller.act(static_cast<int>(random() % static_cast<unsigned>(hypervisors)),
                   static_cast<int>(random() % shares) * clients + client);
    const std::lock_guard lock(mutex_);
    for (const auto& [outcome, count] : caller.tally.outcomes) tally_.outcomes[outcome] += count;
    tally_.wrong.insert(tally_.wrong.end(), caller.tally.wrong.begin(), caller.tally.wrong.end());
    tally_.slowest = std::max(tally_.slowest, caller.tally.slowest);
}

Tally ChaosClients::stop() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
    return tally_;
}

}  // namespace virtbus::test
