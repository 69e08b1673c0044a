// SPDX-License-Identifier: LGPL-2.1-or-later
#include "images_test.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <random>

namespace virtbus::test {

namespace {

std::mt19937_64& random_moments() {
    static auto generator = [] {
        const char* given = std::getenv("VIRTBUS_SEED");
        const auto seed = given == nullptr ? std::uint64_t{std::random_device()()} : std::stoull(given);
        fmt::print("VIRTBUS_SEED={}\n", seed);
        return std::mt19937_64(seed);
    }();
    return generator;
}

/// As sd_bus_path_encode(3) does.
std::string escaped(const std::string& name) {
    std::string text;
    for (const char c : name) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
        const bool leading_digit = text.empty() && std::isdigit(static_cast<unsigned char>(c)) != 0;
        text += plain && !leading_digit ? std::string(1, c) : fmt::format("_{:02x}", static_cast<unsigned char>(c));
    }
    return text;
}

}  // namespace

sdbus::UnixFd opened(const Path& file, int flags) {
    const int fd = ::open(file.c_str(), flags | O_CLOEXEC, 0644);
    if (fd < 0) throw std::runtime_error("cannot open " + file.string());
    return {fd, sdbus::adopt_fd};
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Clock::duration random_part(Clock::duration whole) {
    return Clock::duration(std::uniform_int_distribution<Clock::rep>(0, whole.count())(random_moments()));
}

ImagesTest::ImagesTest()
    : actor(environment("DBUS_SESSION_BUS_ADDRESS")), observer(environment("DBUS_SESSION_BUS_ADDRESS")) {
    static int number = 0;
    pool_name_ = fmt::format("pool{}", ++number);
    pool_path_ = fmt::format("{}/pool/{}", hypervisor_path, pool_name_);
    const Path place = environment("XDG_DATA_HOME");
    directory_ = place / pool_name_;
    outside_ = place / ("outside-" + pool_name_);
}

void ImagesTest::SetUp() {
    std::filesystem::create_directory(directory_);
    std::filesystem::create_directory(outside_);
    Daemon::instance().start();
    wait_for_connection();
    ASSERT_EQ(hypervisor()->CreatePool(pool_name_, directory_, {}), pool_path_);
}

void ImagesTest::wait_for_connection() {
    const auto is_connected = [&] {
        try {
            return hypervisor()->Connected();
        } catch (const sdbus::Error&) {
            return false;  // it has not taken its name yet
        }
    };
    actor.wait_until([&] { return is_connected() || !Daemon::instance().is_running(); });
    if (!Daemon::instance().is_running()) throw std::runtime_error("virtbusd has ended:\n" + Daemon::instance().log());
    if (!is_connected()) throw std::runtime_error("virtbusd is not connected:\n" + Daemon::instance().log());
}

void ImagesTest::come_up() {
    Daemon::instance().start();
    wait_for_connection();
    const auto is_shown = [&] {
        try {
            return pool()->State() == "running";
        } catch (const sdbus::Error&) {
            return false;
        }
    };
    ASSERT_TRUE(actor.wait_until(is_shown)) << Daemon::instance().log();
    EXPECT_THAT(refresh(), Succeeded());
}

void ImagesTest::TearDown() {
    for (const auto& path : machines_) failure_of([&] { machine(path)->Delete({{"force", true}}); });
    const auto failure = failure_of([&] { pool()->Delete({}); });
    EXPECT_EQ(failure.name, "") << failure;
    std::filesystem::remove_all(directory_);
    std::filesystem::remove_all(outside_);
    if (HasFailure()) fmt::print("virtbusd wrote:\n{}\n", Daemon::instance().log());
}

std::string ImagesTest::path_of(const std::string& name) const { return pool_path_ + "/image/" + escaped(name); }

std::vector<std::string> ImagesTest::listed() {
    std::vector<std::string> names;
    for (const auto& row : actor.manager()->ListImages({{"pool", pool_name_}})) names.push_back(row.get<1>());
    return names;
}

bool ImagesTest::is_listed(const std::string& name) {
    const auto names = listed();
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool ImagesTest::wait_until_listed(const std::string& name) {
    return actor.wait_until([&] { return is_listed(name); });
}

bool ImagesTest::wait_until_not_listed(const std::string& name) {
    return actor.wait_until([&] { return !is_listed(name); });
}

Ended ImagesTest::ended(const std::string& job) {
    const auto proxy = actor.job(job);
    Ended end;
    const auto has_ended = [&] {
        try {
            end.state = proxy->State();
        } catch (const sdbus::Error& error) {
            end = {"gone", {error.getName(), error.getMessage()}, {}};
        }
        return end.state != "running";
    };
    // Times the client's own: the first appliance is made, and started without KVM, by a machine that is busy.
    constexpr int patience = 15;
    for (int i = 0; i < patience && !actor.wait_until(has_ended); ++i) {
    }
    if (end.state == "running" || end.state == "gone") return end;
    const auto error = proxy->Error();
    end.failure = {error.get<0>(), error.get<1>()};
    end.result = proxy->Result();
    return end;
}

Ended ImagesTest::create(const std::string& name, std::uint64_t size, const VariantMap& options) {
    return ended(pool()->CreateImage(name, size, options));
}

sdbus::ObjectPath ImagesTest::begin_import(const std::string& name, const Path& file, const std::string& format,
                                           const VariantMap& options) {
    return pool()->ImportImage(name, opened(file, O_RDONLY), format, options);
}

Ended ImagesTest::import(const std::string& name, const Path& file, const std::string& format,
                         const VariantMap& options) {
    return ended(begin_import(name, file, format, options));
}

Ended ImagesTest::clone(const std::string& name, const std::string& as, const VariantMap& options) {
    return ended(image(name)->Clone(as, options));
}

sdbus::ObjectPath ImagesTest::begin_export(const std::string& name, const Path& file, const VariantMap& options) {
    return image(name)->Export(opened(file, O_WRONLY | O_CREAT | O_TRUNC), options);
}

Ended ImagesTest::export_to(const std::string& name, const Path& file, const VariantMap& options) {
    return ended(begin_export(name, file, options));
}

Ended ImagesTest::refresh() { return ended(pool()->Refresh({})); }

std::string ImagesTest::create_machine(const std::vector<std::string>& images, bool start) {
    static int number = 0;
    std::vector<VariantMap> disks;
    for (const auto& name : images) disks.push_back({{"pool", pool_name_}, {"volume", name}});
    const VariantMap spec{
        {"name", fmt::format("machine-{}", ++number)}, {"memory", 64 * mebibyte}, {"acceleration", std::string("tcg")},
        {"interfaces", std::vector<VariantMap>{}},     {"disks", disks},          {"start", start}};
    machines_.push_back(hypervisor()->CreateMachine(spec));
    return machines_.back();
}

}  // namespace virtbus::test
