// SPDX-License-Identifier: LGPL-2.1-or-later
// The server with pools and images on its first hypervisor: "default" with base, overlay and web.qcow2, which is
// based on nothing and is the disk of machine web; and an empty "fast".
#pragma once

#include "bus_fixture.h"

#include <org.virtbus1.Image_proxy.h>
#include <org.virtbus1.Pool_proxy.h>

#include <fcntl.h>

namespace virtbus::test {

namespace proxies {

using Pool = Proxy<org::virtbus1::Pool_proxy>;
using Image = Proxy<org::virtbus1::Image_proxy>;

}  // namespace proxies

class StorageBusTest : public BusTest {
protected:
    explicit StorageBusTest(PrivateBus::Policy policy = PrivateBus::Policy::session) : BusTest(policy) {
        truth().add(make_pool("default"));
        truth().add(make_pool("fast"));
        truth().add(make_image("default", "base"));
        auto overlay = make_image("default", "overlay");
        overlay.backing_file = "/pools/default/base";
        overlay.backing_format = "qcow2";
        truth().add(overlay);
        truth().add(make_image("default", "web.qcow2"));
        first->edit(web, [](Machine& machine) { machine.disks[0].file = "/pools/default/web.qcow2"; });
    }

    FakeStorage& truth() { return first->storage(); }

    /// Starts the server, and returns when the pools are listed too; signals until then are forgotten.
    void serve(bus::BusType type = bus::BusType::session, AllowedFiles allowed = AllowedFiles::everything()) {
        ASSERT_NO_FATAL_FAILURE(BusTest::serve(type, std::move(allowed)));
        ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListImages({}).size() >= 3; }));
        ASSERT_TRUE(client.wait_until([&] { return client.manager()->ListPools({}).size() >= 2; }));
        client.flush();
        client.signals.clear();
    }

    std::unique_ptr<proxies::Pool> pool(const std::string& path) {
        return std::make_unique<proxies::Pool>(client.connection(), bus::bus_name, path);
    }
    std::unique_ptr<proxies::Image> image(const std::string& path) {
        return std::make_unique<proxies::Image>(client.connection(), bus::bus_name, path);
    }
    static std::string image_path(const std::string& name) { return bus::image_path("first", "default", name); }
    void await_end(const std::string& job, const std::string& result = "done") {
        ASSERT_TRUE(client.wait_for("JobEnded", job));
        EXPECT_THAT(client.find("JobEnded", job)->words, testing::ElementsAre(result))
            << client.job(job)->Error().get<1>();
    }
    /// Returns when the job works on its files, and hangs there.
    void await_tool() {
        ASSERT_TRUE(await_there([&] { return server->tool().hanging() == 1; }));
    }
    void expect_error(const Failure& failure, const std::string& name, const std::string& part = "") {
        EXPECT_EQ(failure.name, "org.virtbus1.Error." + name) << failure;
        EXPECT_THAT(failure.message, testing::HasSubstr(part));
    }
    /// InvalidArgs naming `key`.
    void expect_invalid(const Failure& failure, const std::string& key) {
        EXPECT_EQ(failure.name, "org.freedesktop.DBus.Error.InvalidArgs") << failure;
        EXPECT_THAT(failure.message, testing::StartsWith(key + ":"));
    }

    static constexpr std::uint64_t gib = std::uint64_t{1} << 30;
    const std::string default_path = bus::pool_path("first", "default");
    const std::string fast_path = bus::pool_path("first", "fast");
    const std::string base_path = image_path("base");
    const std::string overlay_path = image_path("overlay");
    const std::string disk_path = image_path("web.qcow2");
    const std::string unknown_object = "org.freedesktop.DBus.Error.UnknownObject";
};

}  // namespace virtbus::test
