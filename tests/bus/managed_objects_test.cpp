// SPDX-License-Identifier: LGPL-2.1-or-later
// GetManagedObjects, written some objects a turn: what changes after it was written, and before the reply is sent, is
// announced once more.
#include "bus/managed_objects.h"
#include "bus/connection.h"
#include "bus/paths.h"
#include "support/client.h"
#include "support/private_bus.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include <cstdlib>
#include <future>
#include <thread>
#include <vector>

namespace virtbus::test {
namespace {

constexpr const char* shown_interface = "org.virtbus1.Machine";

std::string path_of(int number) { return fmt::format("{}/{:04}", bus::root_path, number); }

/// A thousand objects, whose first one changes, or goes, when the last is written.
class Objects {
public:
    enum class Fate { changes, goes };

    Objects(Fate fate, std::promise<void>& ready)
        : connection_(bus::open_bus(bus::BusType::session)),
          managed_(loop_, *connection_, bus::root_path),
          pump_(loop_, *connection_),
          root_(sdbus::createObject(*connection_, bus::root_path)),
          first_(sdbus::createObject(*connection_, path_of(0))) {
        root_->addObjectManager();
        first_->registerProperty("Title").onInterface(shown_interface).withGetter([this] { return title_; });
        first_->finishRegistration();
        for (int i = 0; i < 999; ++i) entries_.push_back(make(i, [] {}));
        entries_.push_back(make(999, [this, fate] { strike(fate); }));
        connection_->requestName(bus::bus_name);
        ready.set_value();
    }
    void run() {
        const auto keep_going = asio::make_work_guard(loop_);
        while (!stopping_) {
            pump_.turn();
            loop_.run_one();
        }
    }
    void stop() {
        asio::post(loop_, [this] { stopping_ = true; });
    }

private:
    bus::ManagedObjects::Entry make(int number, std::function<void()> written) {
        return {managed_, path_of(number), shown_interface, [this, written](bus::PropertyWriter& write) {
                    write("Title", title_);
                    written();
                }};
    }
    void strike(Fate fate) {
        title_ = "after";
        if (fate == Fate::changes)
            entries_.front().changed();
        else
            entries_.front() = {};
    }

    asio::io_context loop_;
    std::unique_ptr<sdbus::IConnection> connection_;
    bus::ManagedObjects managed_;
    bus::Pump pump_;
    std::unique_ptr<sdbus::IObject> root_;
    std::unique_ptr<sdbus::IObject> first_;
    std::vector<bus::ManagedObjects::Entry> entries_;
    std::string title_ = "before";
    bool stopping_ = false;
};

class ManagedObjectsTest : public testing::Test {
protected:
    void serve(Objects::Fate fate) {
        ::setenv("DBUS_SESSION_BUS_ADDRESS", bus_.address().c_str(), 1);
        std::promise<void> ready;
        thread_ = std::thread([&, fate] {
            objects_ = std::make_unique<Objects>(fate, ready);
            objects_->run();
            objects_.reset();
        });
        ready.get_future().wait();
    }
    ~ManagedObjectsTest() override {
        objects_->stop();
        thread_.join();
    }

    PrivateBus bus_;
    Client client{bus_.address()};

private:
    std::unique_ptr<Objects> objects_;
    std::thread thread_;
};

TEST_F(ManagedObjectsTest, WhatChangesWhileAllIsToldIsToldOnceMore) {
    serve(Objects::Fate::changes);
    const auto objects = client.manager()->GetManagedObjects();
    EXPECT_EQ(objects.size(), 1'000U);
    EXPECT_EQ(objects.at(path_of(0)).at(shown_interface).at("Title").get<std::string>(), "before");
    ASSERT_TRUE(client.wait_for("InterfacesAdded", path_of(0)));
    EXPECT_EQ(client.count("InterfacesAdded"), 1U) << "nothing else has changed";
    EXPECT_EQ(client.signals.back().properties.at("Title").get<std::string>(), "after");
}

TEST_F(ManagedObjectsTest, WhatGoesWhileAllIsToldIsToldToBeGone) {
    serve(Objects::Fate::goes);
    EXPECT_TRUE(client.manager()->GetManagedObjects().contains(path_of(0)));
    EXPECT_TRUE(client.wait_for("InterfacesRemoved", path_of(0)));
    EXPECT_FALSE(client.manager()->GetManagedObjects().contains(path_of(0)));
}

}  // namespace
}  // namespace virtbus::test
