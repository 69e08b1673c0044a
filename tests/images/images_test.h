// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of the images suite share: a pool of their own, one client that acts, another that hears what every
// client hears, and words for what is done to images. Runs inside scripts/sandbox.
#pragma once

#include "files.h"
#include "instance.h"
#include "support/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <org.virtbus1.Image_proxy.h>
#include <org.virtbus1.Pool_proxy.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace virtbus::test {

namespace proxies {

using Image = Proxy<org::virtbus1::Image_proxy>;
using Pool = Proxy<org::virtbus1::Pool_proxy>;

}  // namespace proxies

namespace errors {

constexpr const char* invalid_args = "org.freedesktop.DBus.Error.InvalidArgs";
constexpr const char* already_exists = "org.virtbus1.Error.AlreadyExists";
constexpr const char* in_use = "org.virtbus1.Error.InUse";
constexpr const char* invalid_state = "org.virtbus1.Error.InvalidState";
constexpr const char* no_space = "org.virtbus1.Error.NoSpace";
constexpr const char* no_such_image = "org.virtbus1.Error.NoSuchImage";
constexpr const char* unsafe_image = "org.virtbus1.Error.UnsafeImage";

}  // namespace errors

using Clock = std::chrono::steady_clock;

/// How fast a sanitized build is says nothing.
#if defined(VIRTBUS_SANITIZED)
constexpr bool is_timed = false;
#else
constexpr bool is_timed = true;
#endif

sdbus::UnixFd opened(const Path& file, int flags);
double seconds_since(Clock::time_point start);

/// A random moment of the time that something takes. The seed is printed; VIRTBUS_SEED sets it.
Clock::duration random_part(Clock::duration whole);

/// How a job ended.
struct Ended {
    std::string state;  ///< "gone" when the object went
    Failure failure;
    VariantMap result;

    friend std::ostream& operator<<(std::ostream& stream, const Ended& ended) {
        return stream << ended.state << ", " << ended.failure;
    }
};

MATCHER(Succeeded, "") { return arg.state == "done"; }
MATCHER_P(FailedWith, error, "") { return arg.state == "failed" && arg.failure.name == error; }
/// Of a Failure: its name, and a word that its message has.
MATCHER_P2(Refused, error, word, "") { return arg.name == error && arg.message.find(word) != std::string::npos; }

class ImagesTest : public testing::Test {
protected:
    static constexpr const char* hypervisor_path = "/org/virtbus1/hypervisor/qemu";

    ImagesTest();
    void SetUp() override;
    void TearDown() override;

    /// Starts virtbusd if it is not running, and waits until it is connected and shows the pool.
    void come_up();
    void wait_for_connection();

    [[nodiscard]] std::string path_of(const std::string& name) const;  ///< the object's
    [[nodiscard]] Path file_of(const std::string& name) const { return directory_ / name; }
    [[nodiscard]] const Path& directory() const { return directory_; }  ///< the pool's
    [[nodiscard]] const Path& outside() const { return outside_; }      ///< for files that are in no pool
    [[nodiscard]] const std::string& pool_name() const { return pool_name_; }
    [[nodiscard]] const std::string& pool_path() const { return pool_path_; }

    std::unique_ptr<proxies::Pool> pool() {
        return std::make_unique<proxies::Pool>(actor.connection(), bus, pool_path_);
    }
    std::unique_ptr<proxies::Image> image(const std::string& name) {
        return std::make_unique<proxies::Image>(actor.connection(), bus, path_of(name));
    }
    std::unique_ptr<proxies::Machine> machine(const std::string& path) { return actor.machine(path); }
    std::unique_ptr<proxies::Hypervisor> hypervisor() { return actor.hypervisor(hypervisor_path); }

    /// The names of the pool's images, as ListImages has them.
    std::vector<std::string> listed();
    bool is_listed(const std::string& name);
    bool wait_until_listed(const std::string& name);
    bool wait_until_not_listed(const std::string& name);

    /// Waits for the job's end.
    Ended ended(const std::string& job);

    // These wait for the end.
    Ended create(const std::string& name, std::uint64_t size, const VariantMap& options = {});
    Ended import(const std::string& name, const Path& file, const std::string& format, const VariantMap& options = {});
    Ended clone(const std::string& name, const std::string& as, const VariantMap& options = {});
    Ended export_to(const std::string& name, const Path& file, const VariantMap& options = {});
    Ended refresh();

    sdbus::ObjectPath begin_import(const std::string& name, const Path& file, const std::string& format,
                                   const VariantMap& options = {});
    sdbus::ObjectPath begin_export(const std::string& name, const Path& file, const VariantMap& options = {});

    /// A machine with these images as disks; it goes with the test.
    std::string create_machine(const std::vector<std::string>& images, bool start);
    std::string name_of_machine(const std::string& path) { return machine(path)->Name(); }

    Client actor;
    Client observer;

private:
    static constexpr const char* bus = "org.virtbus1";

    Path directory_;
    Path outside_;
    std::string pool_name_;
    std::string pool_path_;
    std::vector<std::string> machines_;
};

}  // namespace virtbus::test
