// SPDX-License-Identifier: LGPL-2.1-or-later
// A thousand machines behind a libvirtd: one call shows them all without asking libvirt, and who writes reads it.
#include "support/private_libvirtd.h"
#include "virtbusd.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <libvirt/libvirt.h>

#include <chrono>

namespace virtbus::test {

namespace {

constexpr std::size_t machine_count = 1'000;

using Connection = std::unique_ptr<virConnect, decltype(&virConnectClose)>;

void define_machines(virConnectPtr connection) {
    ASSERT_NE(connection, nullptr);
    for (std::size_t i = 0; i < machine_count; ++i) {
        const auto xml = fmt::format(
            "<domain type='test'><name>machine-{}</name><memory>65536</memory>"
            "<os><type>hvm</type></os></domain>",
            i);
        const auto domain = virDomainDefineXML(connection, xml.c_str());
        ASSERT_NE(domain, nullptr);
        virDomainFree(domain);
    }
}

}  // namespace

class InventoryTest : public testing::Test {
protected:
    void SetUp() override {
        define_machines(connection.get());
        virtbusd = std::make_unique<Virtbusd>(bus, std::map<std::string, std::string>{{"many", libvirtd.uri()}}, 60);
        client = std::make_unique<Client>(bus.address());
        ASSERT_TRUE(
            client->wait_until([&] { return client->manager()->ListMachines({}).size() == machine_count + 1; }));
    }

    PrivateBus bus;
    PrivateLibvirtd libvirtd;
    // The test driver forgets all when its last client leaves.
    Connection connection{virConnectOpen(libvirtd.uri().c_str()), &virConnectClose};
    std::unique_ptr<Virtbusd> virtbusd;
    std::unique_ptr<Client> client;
};

TEST_F(InventoryTest, OneCallShowsThemAllWithoutAskingLibvirt) {
    libvirtd.freeze();  // a single call to libvirt would not come back
    const auto objects = client->manager()->GetManagedObjects();
    std::size_t machines = 0;
    for (const auto& [path, interfaces] : objects) machines += interfaces.count("org.virtbus1.Machine");
    EXPECT_EQ(machines, machine_count + 1);
    EXPECT_EQ(client->manager()->ListMachines({{"state", "shut-off"}}).size(), machine_count);
    libvirtd.thaw();
}

TEST_F(InventoryTest, WhoeverWritesReadsItAThousandTimesOutOfAThousand) {
    Client reader(bus.address());
    std::size_t fresh = 0;
    const auto rows = client->manager()->ListMachines({});
    for (std::size_t i = 0; i < machine_count; ++i) {
        const std::string path = rows.at(i).get<0>();
        const auto title = fmt::format("title {}", i);
        client->machine(path)->SetTitle(title, {});
        if (reader.machine(path)->Title() == title) ++fresh;
    }
    EXPECT_EQ(fresh, machine_count);
}

}  // namespace virtbus::test
