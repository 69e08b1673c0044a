// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt_test.h"

namespace virtbus::test {

const EventLoop& event_loop() {
    static const EventLoop loop;
    return loop;
}

void LibvirtTest::SetUpTestSuite() { libvirtd_ = std::make_unique<PrivateLibvirtd>(); }

LibvirtTest::LibvirtTest() : events_(std::make_shared<RecordedEvents>()) {
    const std::string in_process = "InProcess";
    const auto uri = GetParam() == in_process ? "test:///default" : libvirtd_->uri();
    port_ = LibvirtConnector(event_loop(), uri).connect(Lane::query, events_);
}

LibvirtTest::~LibvirtTest() {
    for (const auto& machine : port_->list().machines)
        if (machine.name != "test") port_->remove(machine.uuid, true);
}

MachineSpec LibvirtTest::spec(const std::string& name) {
    MachineSpec spec;
    spec.name = name;
    spec.memory = std::uint64_t{64} << 20;
    spec.vcpus = 2;
    return spec;
}

Uuid LibvirtTest::create(const std::string& name) { return port().create(spec(name)); }

Machine LibvirtTest::read(const Uuid& uuid) {
    const auto machine = port().read(uuid);
    EXPECT_TRUE(machine) << "there is no machine " << uuid.text();
    return machine.value_or(Machine{});
}

}  // namespace virtbus::test
