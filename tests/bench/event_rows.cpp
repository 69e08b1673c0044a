// SPDX-License-Identifier: LGPL-2.1-or-later
// How long after libvirt's event, as a direct client hears it, subscribers of the two services hear their signals: of
// the same events, in the same run.
#include "rows.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

namespace virtbus::bench {

namespace {

/// When each event of a machine was heard, by the machine's UUID.
class Record {
public:
    void hear(std::string uuid) {
        const auto now = Clock::now();
        std::replace(uuid.begin(), uuid.end(), '-', '_');
        const std::lock_guard lock(mutex_);
        heard_[uuid].push_back(now);
        ++count_;
    }
    [[nodiscard]] std::size_t count() const { return count_; }
    void clear() {
        const std::lock_guard lock(mutex_);
        heard_.clear();
        count_ = 0;
    }
    /// How much later than the other they were heard, event by event.
    [[nodiscard]] Samples after(const Record& other) const {
        Samples delays;
        for (const auto& [uuid, moments] : heard_) {
            const auto& earlier = other.heard_.at(uuid);
            for (std::size_t i = 0; i < std::min(moments.size(), earlier.size()); ++i)
                delays.push_back(std::chrono::duration<double, std::milli>(moments[i] - earlier[i]).count());
        }
        return delays;
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::vector<Clock::time_point>> heard_;
    std::atomic<std::size_t> count_ = 0;
};

std::string uuid_in(sd_bus_message* signal) {
    const char* path = "";
    sd_bus_message_read(signal, "o", &path);
    const std::string name(path);
    return name.substr(name.size() - 36);
}

/// One who hears libvirt itself, and one subscriber of each service.
class Audience {
public:
    explicit Audience(virConnectPtr connection) : connection_(connection) {
        const auto heard = [](virConnectPtr, virDomainPtr domain, int, int, void* record) {
            std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
            virDomainGetUUIDString(domain, uuid.data());
            static_cast<Record*>(record)->hear(uuid.data());
            return 0;
        };
        callback_ = virConnectDomainEventRegisterAny(connection, nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                     VIR_DOMAIN_EVENT_CALLBACK(+heard), &direct, nullptr);
        subscribers_.emplace_back([this] { listen("interface='org.virtbus1.Manager',member='Lifecycle'", virtbus); });
        subscribers_.emplace_back(
            [this] { listen("interface='org.libvirt.Connect',member='DomainEvent'", libvirt_dbus); });
        subscribers_.emplace_back(
            [this] { listen("member='PropertiesChanged',arg0='org.virtbus1.Machine'", changes, false); });
        while (listening_ < subscribers_.size()) std::this_thread::yield();
    }
    ~Audience() {
        stopping_ = true;
        for (auto& subscriber : subscribers_) subscriber.join();
        virConnectDomainEventDeregisterAny(connection_, callback_);
    }
    Audience(const Audience&) = delete;
    Audience& operator=(const Audience&) = delete;

    /// Until all have heard so many, or have had time enough: false then.
    bool await(std::size_t count) const {
        const auto start = Clock::now();
        while (std::min({direct.count(), virtbus.count(), libvirt_dbus.count()}) < count && since(start) < 20'000)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return std::min({direct.count(), virtbus.count(), libvirt_dbus.count()}) >= count;
    }
    void clear() {
        for (auto* record : {&direct, &virtbus, &libvirt_dbus, &changes}) record->clear();
    }

    Record direct;
    Record virtbus;
    Record libvirt_dbus;
    Record changes;  ///< PropertiesChanged of virtbus

private:
    void listen(const std::string& rule, Record& record, bool of_one = true) {
        Bus bus;
        bus.match("type='signal'," + rule, [&](sd_bus_message* signal) { record.hear(of_one ? uuid_in(signal) : ""); });
        ++listening_;
        bus.process_until([this] { return stopping_.load(); }, 1e6);
    }

    virConnectPtr connection_;
    int callback_;
    std::atomic<std::size_t> listening_ = 0;
    std::atomic<bool> stopping_ = false;
    std::vector<std::thread> subscribers_;
};

void pause_and_resume(virDomainPtr domain) {
    if (virDomainSuspend(domain) != 0 || virDomainResume(domain) != 0)
        throw std::runtime_error("a machine does not pause");
}

void add_delays(Report& report, const std::string& what, const Audience& audience, double part, Goal goal) {
    report.add(fmt::format("{}: its signal after libvirt's, p{}", what, part * 100),
               quantile(audience.virtbus.after(audience.direct), part), "libvirt-dbus",
               quantile(audience.libvirt_dbus.after(audience.direct), part), "ms", goal);
}

void one_event(const Scene& scene, Audience& audience, virDomainPtr domain) {
    audience.clear();
    for (int i = 0; i < (scene.quick ? 100 : 500); ++i) {
        pause_and_resume(domain);
        if (!audience.await(2 * static_cast<std::size_t>(i) + 2)) throw std::runtime_error("an event was not told");
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    add_delays(scene.report, "an event", audience, 0.5, ratio_at_most(1.2));
    add_delays(scene.report, "an event", audience, 0.99, ratio_at_most(1.2));
}

void storm(const Scene& scene, Audience& audience, const std::vector<Domain>& domains) {
    const std::size_t pairs = (scene.quick ? 1'000U : 5'000U) / 2 / domains.size();
    audience.clear();
    std::vector<std::thread> threads;
    for (const auto& domain : domains)
        threads.emplace_back([&] {
            for (std::size_t i = 0; i < pairs; ++i) pause_and_resume(domain.get());
        });
    for (auto& thread : threads) thread.join();
    const auto events = 2 * pairs * domains.size();
    audience.await(events);
    const auto what = fmt::format("a storm of {} events", events);
    add_delays(scene.report, what, audience, 0.5, ratio_at_most(1.2));
    add_delays(scene.report, what, audience, 0.99, ratio_at_most(0.5));
    const auto lost = static_cast<double>(events - audience.virtbus.count());
    scene.report.add("the storm's events that were not told", lost, "", at_most(0));
    scene.report.add("PropertiesChanged for each of the storm's events",
                     static_cast<double>(audience.changes.count()) / static_cast<double>(events), "", at_most(1));
}

double wrong_states(Bus& bus, const std::vector<Domain>& domains) {
    double wrong = 0;
    for (std::size_t i = 0; i < domains.size(); ++i) {
        const auto machine = virtbus_machine(bus, machine_name(static_cast<int>(i)));
        const auto reply = bus.get(machine, "org.virtbus1.Machine", "State");
        const char* state = nullptr;
        check(sd_bus_message_read(reply.get(), "v", "s", &state), "State");
        if (std::string(state) != "running") ++wrong;
    }
    return wrong;
}

}  // namespace

void event_rows(const Scene& scene) {
    const auto connection = scene.libvirtd.connect();
    std::vector<Domain> domains;
    for (int i = 0; i < 4; ++i) {
        domains.push_back(direct_machine(connection.get(), machine_name(i)));
        if (virDomainCreate(domains.back().get()) != 0) throw std::runtime_error("a machine does not start");
    }
    std::this_thread::sleep_for(std::chrono::seconds(5));  // the BIOS has looked for something to boot
    {
        Audience audience(connection.get());
        one_event(scene, audience, domains.front().get());
        storm(scene, audience, domains);
    }
    scene.report.add("machines whose state is wrong after it", wrong_states(scene.bus, domains), "", at_most(0));
    for (const auto& domain : domains) virDomainDestroy(domain.get());
}

}  // namespace virtbus::bench
