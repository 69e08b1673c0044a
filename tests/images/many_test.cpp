// SPDX-License-Identifier: LGPL-2.1-or-later
// A pool of ten thousand images: whatever is done with all of them, others are answered at once.
#include "images_test.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>

namespace virtbus::test {

namespace {

using namespace std::chrono_literals;

/// Asks virtbusd for a sign of life every 10 ms, on a connection of its own.
class Pinger {
public:
    Pinger() : thread_([this] { ping(); }) {}
    Pinger(const Pinger&) = delete;
    Pinger& operator=(const Pinger&) = delete;
    ~Pinger() {
        end_ = true;
        thread_.join();
    }

    /// The longest that an answer took since this was called last, in milliseconds.
    double worst() { return std::chrono::duration<double, std::milli>(Clock::duration(worst_.exchange(0))).count(); }

private:
    void ping() {
        const auto connection = sdbus::createSessionBusConnectionWithAddress(environment("DBUS_SESSION_BUS_ADDRESS"));
        const auto proxy = sdbus::createProxy(*connection, "org.virtbus1", "/org/virtbus1");
        while (!end_) {
            const auto start = Clock::now();
            proxy->callMethod("Ping").onInterface("org.freedesktop.DBus.Peer");
            const auto took = (Clock::now() - start).count();
            if (took > worst_) worst_ = took;
            std::this_thread::sleep_until(start + 10ms);
        }
    }

    std::atomic<bool> end_{false};
    std::atomic<Clock::rep> worst_{0};
    std::thread thread_;
};

}  // namespace

class ManyTest : public ImagesTest {
protected:
    /// A sanitized daemon takes longer to make the pool than a caller waits for the reply.
    static constexpr std::size_t count = is_timed ? 10'000 : 1'000;

    void report(const std::string& what, Clock::time_point start, double worst, double limit = 50.0) {
        fmt::print("{}: {:.2f} s; the longest that a Ping took is {:.1f} ms\n", what, seconds_since(start), worst);
        if (is_timed) {
            EXPECT_LE(worst, limit) << what;
        }
    }
};

TEST_F(ManyTest, ImagesKeepNobodyWaiting) {
    const auto place = outside() / "many";
    std::filesystem::create_directory(place);
    for (std::size_t i = 0; i < count; ++i) {
        const auto file = place / fmt::format("image{:05}", i);
        write_file(file, "");
        std::filesystem::resize_file(file, mebibyte);
    }
    const VariantMap filter{{"pool", "many"}};
    Pinger pinger;
    ASSERT_TRUE(actor.wait_until([&] { return pinger.worst() > 0; }));

    auto start = Clock::now();
    const auto path = hypervisor()->CreatePool("many", place, {});
    proxies::Pool many(actor.connection(), "org.virtbus1", path);
    bool complete = false;
    for (int i = 0; i < 3 && !complete; ++i) complete = actor.wait_until([&] { return many.ImageCount() == count; });
    ASSERT_TRUE(complete) << many.ImageCount();
    // While so many objects come for the first time, libsystemd's tables of their members grow: the last time by
    // 130,000 entries in one go.
    constexpr double table_growth = 150.0;
    report("CreatePool, until all images are shown", start, pinger.worst(), table_growth);

    start = Clock::now();
    EXPECT_THAT(ended(many.Refresh({})), Succeeded());
    report("Refresh", start, pinger.worst());

    start = Clock::now();
    const std::string job = many.Refresh({});
    int lists = 0;
    while (actor.job(job)->State() == "running" || lists < 5) {
        EXPECT_EQ(actor.manager()->ListImages(filter).size(), count);
        ++lists;
    }
    report(fmt::format("Refresh, and ListImages {} times", lists), start, pinger.worst());

    start = Clock::now();
    EXPECT_EQ(actor.manager()->ListImages(filter).size(), count);
    report("ListImages", start, pinger.worst());

    start = Clock::now();
    EXPECT_GE(actor.manager()->GetManagedObjects().size(), count);
    report("GetManagedObjects", start, pinger.worst());

    start = Clock::now();
    many.Stop({});
    EXPECT_TRUE(actor.wait_until([&] { return many.ImageCount() == 0; }));
    report("Stop, until no image is shown", start, pinger.worst());
    many.Delete({});
}

}  // namespace virtbus::test
