// SPDX-License-Identifier: LGPL-2.1-or-later
// Many clients at once: whether those who only look wait for those whose calls take their time. They take it with work
// for the processor, as QEMU's start is, or without, as a QEMU that stands still does not answer. Beside the services a
// bare one is asked: what its clients wait for is the machine's doing, and nobody's who serves.
#include "plain_reply.h"
#include "rows.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>

namespace virtbus::bench {

namespace {

constexpr int fast_clients = 56;
constexpr int slow_clients = 8;
constexpr auto pause = std::chrono::milliseconds(50);

/// So many clients, each on a thread and with a connection of its own, until their work ends.
class Clients {
public:
    Clients(int count, const std::function<void(Bus&, int)>& work) {
        for (int i = 0; i < count; ++i)
            threads_.emplace_back([work, i] {
                Bus bus;
                work(bus, i);
            });
    }
    ~Clients() {
        for (auto& thread : threads_) thread.join();
    }
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;

private:
    std::vector<std::thread> threads_;
};

using Look = std::function<void(Bus&)>;

/// How long the calls of those took who look, one look every `pause`, each in its turn: the samples of each look. After
/// `duration` it ends what they may wait for, and lets them end.
std::vector<Samples> look_for(std::chrono::seconds duration, const std::vector<Look>& looks,
                              const std::function<void()>& end_waiting) {
    std::atomic<bool> done = false;
    std::mutex mutex;
    std::vector<Samples> all(looks.size());
    {
        const Clients clients(fast_clients, [&](Bus& bus, int number) {
            std::vector<Samples> own(looks.size());
            std::this_thread::sleep_for(pause / fast_clients * number);
            for (auto turn = static_cast<std::size_t>(number); !done; ++turn, std::this_thread::sleep_for(pause)) {
                const auto which = turn % looks.size();
                own[which].push_back(times(1, [&] { looks[which](bus); }).front());
            }
            const std::lock_guard lock(mutex);
            for (std::size_t i = 0; i < looks.size(); ++i) all[i].insert(all[i].end(), own[i].begin(), own[i].end());
        });
        std::this_thread::sleep_for(duration);
        done = true;
        end_waiting();
    }
    return all;
}

/// The same while others do slow work over and over.
std::vector<Samples> look_beside(std::chrono::seconds duration, const std::vector<Look>& looks,
                                 const std::function<void(Bus&, int)>& slow_work) {
    std::atomic<bool> done = false;
    const Clients slow(slow_clients, [&](Bus& bus, int number) {
        while (!done) slow_work(bus, number);
    });
    return look_for(duration, looks, [&] { done = true; });
}

void start_and_power_off(Bus& bus, int number) {
    const auto machine = virtbus_machine(bus, machine_name(number));
    bus.call_plain(machine, "org.virtbus1.Machine", "Start");
    bus.call_plain(machine, "org.virtbus1.Machine", "PowerOff");
}

void create_and_destroy(Bus& bus, int number) {
    const auto machine = libvirt_dbus_machine(bus, machine_name(number));
    bus.call(machine, "org.libvirt.Domain", "Create", "u", 0U);
    bus.call(machine, "org.libvirt.Domain", "Destroy", "u", 0U);
}

/// Machines that run, one for each slow client.
class Running {
public:
    explicit Running(const Libvirtd& libvirtd) : connection_(libvirtd.connect()) {
        for (int i = 0; i < slow_clients; ++i) {
            domains_.push_back(direct_machine(connection_.get(), machine_name(i)));
            if (virDomainCreate(domains_.back().get()) != 0) throw std::runtime_error("a machine does not start");
            processes_.push_back(qemu_process(machine_name(i)));
        }
    }
    ~Running() {
        for (const auto& domain : domains_) virDomainDestroy(domain.get());
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    [[nodiscard]] const std::vector<pid_t>& processes() const { return processes_; }
    [[nodiscard]] bool is_paused(int number) const {
        int state = 0;
        virDomainGetState(domains_.at(static_cast<std::size_t>(number)).get(), &state, nullptr, 0);
        return state == VIR_DOMAIN_PAUSED;
    }
    void resume() const {
        for (const auto& domain : domains_) virDomainResume(domain.get());
    }

private:
    Connection connection_;
    std::vector<Domain> domains_;
    std::vector<pid_t> processes_;
};

struct Stuck {
    std::vector<Samples> waits;
    int lost = 0;  ///< slow calls that ended neither with their effect nor with an error of the service's own
};

/// As look_beside(), while each slow client waits for a machine that stands still, once: until all is over.
Stuck look_beside_stuck(const Running& running, std::chrono::seconds duration, const std::vector<Look>& looks,
                        const std::string& errors, const std::function<void(Bus&, int)>& pause_machine) {
    Stuck result;
    std::atomic<int> lost = 0;
    std::optional<Standstill> standstill(running.processes());
    {
        const Clients slow(slow_clients, [&](Bus& bus, int number) {
            try {
                pause_machine(bus, number);
                if (!running.is_paused(number)) ++lost;
            } catch (const CallError& error) {
                if (!error.name().starts_with(errors)) ++lost;
            }
        });
        result.waits = look_for(duration, looks, [&] { standstill.reset(); });
    }
    result.lost = lost;
    running.resume();
    return result;
}

void add_waits(Report& report, const std::string& what, const std::vector<Samples>& ours_and_bare,
               const Samples& theirs) {
    const auto& ours = ours_and_bare.at(0);
    report.add(what + ", p50", median(ours), "libvirt-dbus", median(theirs), "ms", at_most(5));
    report.add("the same, p99", quantile(ours, 0.99), "libvirt-dbus", quantile(theirs, 0.99), "ms", at_most(5));
    report.add("the same, p99", quantile(ours, 0.99), "a bare sd-bus reply", quantile(ours_and_bare.at(1), 0.99), "ms",
               ratio_at_most(1.5));
}

}  // namespace

void crowd_rows(const Scene& scene) {
    Bus& bus = scene.bus;
    const auto ours = virtbus_machine(bus, machine_name(500));
    const auto theirs = libvirt_dbus_machine(bus, machine_name(500));
    const PlainReply plain(bus.get(ours, "org.virtbus1.Machine", "State").get());
    const Look look_at_ours = [&](Bus& client) { client.get(ours, "org.virtbus1.Machine", "State"); };
    const Look look_at_plain = [&](Bus& client) { client.call(plain.object(), "org.virtbus1.Bench", "Get"); };
    const Look look_at_theirs = [&](Bus& client) { client.get(theirs, "org.libvirt.Domain", "Active"); };
    const std::chrono::seconds duration(scene.quick ? 5 : 15);

    const auto our_waits = look_beside(duration, {look_at_ours, look_at_plain}, start_and_power_off);
    const auto their_waits = look_beside(duration, {look_at_theirs}, create_and_destroy);
    add_waits(scene.report, "a property, while 8 of 64 clients start machines", our_waits, their_waits.front());

    const Running running(scene.libvirtd);
    std::vector<Object> our_machines;
    std::vector<Object> their_machines;
    for (int i = 0; i < slow_clients; ++i) {
        our_machines.push_back(virtbus_machine(bus, machine_name(i)));
        their_machines.push_back(libvirt_dbus_machine(bus, machine_name(i)));
    }
    const auto ours_stuck = look_beside_stuck(
        running, duration, {look_at_ours, look_at_plain}, "org.virtbus1.Error.", [&](Bus& client, int number) {
            client.call_plain(our_machines.at(static_cast<std::size_t>(number)), "org.virtbus1.Machine", "Pause");
        });
    const auto theirs_stuck =
        look_beside_stuck(running, duration, {look_at_theirs}, "org.libvirt.Error", [&](Bus& client, int number) {
            client.call(their_machines.at(static_cast<std::size_t>(number)), "org.libvirt.Domain", "Suspend");
        });
    add_waits(scene.report, "a property, while 8 of 64 clients wait for QEMUs that stand still", ours_stuck.waits,
              theirs_stuck.waits.front());
    scene.report.add("their calls that had no effect and no named error", ours_stuck.lost, "libvirt-dbus",
                     theirs_stuck.lost, "", at_most(0));
}

}  // namespace virtbus::bench
