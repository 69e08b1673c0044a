// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of the port stand on: libvirt's test driver, in this process and behind a daemon.
#pragma once

#include "libvirt/connector.h"
#include "support/errors.h"
#include "support/private_libvirtd.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "recorded_events.h"

namespace virtbus::test {

/// libvirt's event loop for the whole process: libvirt keeps what it was given first.
const EventLoop& event_loop();

/// One connection each way; every test begins with libvirt's own machine "test" alone, which runs.
class LibvirtTest : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite();
    static void TearDownTestSuite() { libvirtd_.reset(); }

    LibvirtTest();
    ~LibvirtTest() override;

    [[nodiscard]] Port& port() { return *port_; }
    [[nodiscard]] RecordedEvents& events() { return *events_; }
    /// A machine that is off, of 64 MiB and 2 virtual CPUs.
    Uuid create(const std::string& name);
    /// It is there.
    Machine read(const Uuid& uuid);
    static MachineSpec spec(const std::string& name);

private:
    static inline std::unique_ptr<PrivateLibvirtd> libvirtd_;

    std::shared_ptr<RecordedEvents> events_;
    std::unique_ptr<Port> port_;
};

inline std::string driver_name(const testing::TestParamInfo<const char*>& info) { return info.param; }

#define VIRTBUS_BOTH_WAYS(suite) \
    INSTANTIATE_TEST_SUITE_P(, suite, testing::Values("InProcess", "BehindADaemon"), driver_name)

#define EXPECT_REFUSED(code, statement)                       \
    do {                                                      \
        const auto outcome = outcome_of([&] { statement; });  \
        EXPECT_TRUE(refuses(outcome, Code::code)) << outcome; \
    } while (false)

}  // namespace virtbus::test
