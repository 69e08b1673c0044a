// SPDX-License-Identifier: LGPL-2.1-or-later
// When a machine-id may not be looked at or changed, and by whom.
#include "machine_ids_fixture.h"

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(MachineIdsTest, TheMachineMustBeOffAndItsDiskItsOwn) {
    serve();
    const auto id = id_of(database_path);
    client.machine(database_path)->Start({});
    expect_error(failure_of([&] { id->Refresh({}); }), "InvalidState", "shut it down first");
    expect_error(failure_of([&] { id->Assign(two.text(), {}); }), "InvalidState");
    expect_error(failure_of([&] { id->Regenerate({}); }), "InvalidState");
    expect_error(failure_of([&] { id->Seal({}); }), "InvalidState");
    client.machine(database_path)->PowerOff({});
    auto overlay = make_image("default", "top.qcow2");
    overlay.backing_file = "/pools/default/db.qcow2";
    overlay.backing_format = "qcow2";
    truth().add(overlay);
    first->touch_pool("default");
    ASSERT_TRUE(client.wait_for("InterfacesAdded", image_path("top.qcow2")));
    expect_error(failure_of([&] { id->Regenerate({}); }), "InUse", "top.qcow2");
    refresh(database_path);
}

TEST_F(MachineIdsTest, WhatIsWrongInTheGuestIsTheJobsError) {
    serve();
    for (const auto code : {Code::unsupported_guest, Code::no_space, Code::stale_generation}) {
        guests().fail(Error(code, "two systems: /dev/vda1, /dev/vda2"));
        const std::string job = id_of(database_path)->Regenerate({});
        await_end(job, "failed");
        EXPECT_EQ(client.job(job)->Error().get<0>(), bus::error_name(code));
        EXPECT_EQ(client.job(job)->Error().get<1>(), "two systems: /dev/vda1, /dev/vda2");
    }
    EXPECT_EQ(guests().id("/pools/default/db.qcow2"), one);
}

TEST_F(MachineIdsTest, AJobCanBeCancelled) {
    serve();
    guests().block();
    const std::string job = id_of(database_path)->Regenerate({});
    await_guests();
    client.job(job)->Cancel({});
    await_end(job, "cancelled");
    EXPECT_EQ(guests().id("/pools/default/db.qcow2"), one);
    EXPECT_EQ(id_of(database_path)->State(), "unknown");
}

TEST_F(MachineIdsTest, TheMachineDoesNotStartWhileAJobWorksOnIt) {
    serve();
    guests().block();
    const std::string job = id_of(database_path)->Regenerate({});
    await_guests();
    EXPECT_NE(failure_of([&] { client.machine(database_path)->Start({}); }).name, "");
    EXPECT_EQ(client.machine(database_path)->State(), "shut-off");
    guests().release();
    await_end(job);
    client.machine(database_path)->Start({});
    EXPECT_EQ(client.machine(database_path)->State(), "running");
}

TEST_F(MachineIdsTest, NoneIsWrittenWhereTheDefinitionSetsOne) {
    first->edit(database, [&](Machine& machine) { machine.kernel_machine_id.id = two; });
    serve();
    const auto id = id_of(database_path);
    EXPECT_EQ(id->Guarantee(), "enforced");
    const auto third = MachineId::random().text();
    expect_error(failure_of([&] { id->Assign(third, {}); }), "UnsupportedGuest", "kernel command line");
    expect_error(failure_of([&] { id->Regenerate({}); }), "UnsupportedGuest", "DefineXml");
    EXPECT_EQ(std::get<0>(id->Check(third)), "UnsupportedGuest");
    EXPECT_THAT(guests().calls(), IsEmpty());
}

TEST_F(MachineIdsTest, AMachineWhoseDiskIsNoImageDoesNotStartEither) {
    first->edit(database, [](Machine& machine) { machine.disks[0].file = "/images/db.qcow2"; });
    serve();
    guests().block();
    const std::string job = id_of(database_path)->Regenerate({});
    await_guests();
    expect_error(failure_of([&] { client.machine(database_path)->Start({}); }), "MachineBusy", "machine-id-regenerate");
    EXPECT_EQ(client.machine(database_path)->State(), "shut-off");
    guests().release();
    await_end(job);
}

TEST_F(MachineIdsTest, AContainerDoesNotStartEither) {
    first->edit(database, [](Machine& machine) {
        machine.kind = Kind::container;
        machine.root = "/srv/db";
        machine.disks.clear();
    });
    serve();
    EXPECT_EQ(id_of(database_path)->Subject(), "container");
    guests().block();
    const std::string job = id_of(database_path)->Regenerate({});
    await_guests();
    expect_error(failure_of([&] { client.machine(database_path)->Start({}); }), "MachineBusy", "machine-id-regenerate");
    guests().release();
    await_end(job);
    EXPECT_EQ(id_of(database_path)->Source(), "assigned");
}

TEST_F(MachineIdsTest, CheckSaysWhatAssignWould) {
    serve();
    const auto id = id_of(database_path);
    const auto verdict = [&](const std::string& candidate) { return std::get<0>(id->Check(candidate)); };
    EXPECT_EQ(verdict(two.text()), "good");
    EXPECT_EQ(std::get<1>(id->Check(two.text())), "");
    EXPECT_EQ(verdict("0123"), "InvalidArgs");
    EXPECT_EQ(verdict("00000000000000000000000000000000"), "InvalidArgs");
    refresh(web_path);
    EXPECT_EQ(verdict(two.text()), "DuplicateMachineId");
    EXPECT_THAT(std::get<1>(id->Check(two.text())), HasSubstr(web.text()));
    client.machine(database_path)->Start({});
    EXPECT_EQ(verdict(one.text()), "InvalidState");
    EXPECT_EQ(std::get<0>(id_of(host_path)->Check(one.text())), "NotSupported");
    EXPECT_EQ(guests().calls().size(), 1U) << "nothing was done, but for the refresh";
}

TEST_F(MachineIdsTest, AnAuditGivesGroupsAndWhatItCouldNotRead) {
    serve();
    guests().put("/pools/default/web.qcow2", one);
    const std::string job = client.manager()->AuditMachineIds({});
    EXPECT_EQ(client.job(job)->Kind(), "machine-id-audit");
    await_end(job);
    const auto same = groups(job, "groups");
    ASSERT_EQ(same.size(), 1U);
    EXPECT_EQ(same[0].get<0>(), fingerprint(one));
    EXPECT_THAT(same[0].get<1>(), UnorderedElementsAre(database_path, web_path));
    const auto unread = groups(job, "unread");
    ASSERT_EQ(unread.size(), 1U);
    EXPECT_THAT(unread[0].get<0>(), HasSubstr("machine cache: it is running"));
    EXPECT_THAT(unread[0].get<1>(), ElementsAre(cache_path));
}

TEST_F(MachineIdsTest, AreFoundByTheIdItself) {
    serve();
    EXPECT_THAT(client.manager()->FindByMachineId(one.text()), IsEmpty());
    refresh(database_path);
    EXPECT_THAT(client.manager()->FindByMachineId(one.text()), ElementsAre(database_path));
    EXPECT_THAT(client.manager()->FindByMachineId("01234567-89AB-CDEF-0123-456789ABCDEF"), ElementsAre(database_path));
    EXPECT_THAT(client.manager()->FindByMachineId(two.text()), IsEmpty());
}

TEST_F(MachineIdsTest, GoWithTheirMachine) {
    serve();
    guests().put("/pools/default/web.qcow2", one);
    refresh(database_path);
    refresh(web_path);
    client.machine(web_path)->Delete({});
    ASSERT_TRUE(client.wait_for("DuplicateMachineIdResolved", fingerprint(one)));
    ASSERT_TRUE(client.wait_for("InterfacesRemoved", web_path));
    EXPECT_EQ(failure_of([&] { id_of(web_path)->State(); }).name, unknown_object);
    EXPECT_THAT(id_of(database_path)->Duplicates(), IsEmpty());
}

TEST_F(MachineIdsTest, ThisHostIsNotChangedLikeAGuest) {
    serve();
    const auto id = id_of(host_path);
    expect_error(failure_of([&] { id->Assign(one.text(), {}); }), "NotSupported", "PrepareRegenerate");
    expect_error(failure_of([&] { id->Regenerate({}); }), "NotSupported", "PrepareRegenerate");
    expect_error(failure_of([&] { id->Seal({}); }), "NotSupported");
    const std::string job = id->Refresh({});
    await_end(job);
    EXPECT_EQ(client.job(job)->Subject(), host_path);
    EXPECT_THAT(guests().calls(), IsEmpty());
}

class MachineIdAccessTest : public MachineIdsTest {
protected:
    MachineIdAccessTest() : MachineIdsTest(PrivateBus::Policy::system) {}

    void SetUp() override {
        if (::geteuid() == 0) return;
        std::cerr << "\n*** ACCESS IS NOT TESTED: only root can become somebody else ***\n\n";
        GTEST_SKIP() << "needs root";
    }
};

TEST_F(MachineIdAccessTest, EverybodySeesFingerprintsAndThisHostsId) {
    serve(bus::BusType::system);
    std::ofstream(server->root() / "etc/machine-id") << two.text() << "\n";
    ASSERT_TRUE(client.wait_until([&] { return id_of(host_path)->State() == "valid"; }));
    refresh(database_path);
    EXPECT_EQ(as_nobody(database_path, "org.freedesktop.DBus.Properties", "GetAll", machine_id_interface), "ok");
    EXPECT_EQ(as_nobody(host_path, "org.freedesktop.DBus.Properties", "GetAll", "org.virtbus1.HostMachineId"), "ok");
    EXPECT_EQ(as_nobody(host_path, machine_id_interface, "GetId"), "ok");
    EXPECT_EQ(as_nobody(host_path, "org.virtbus1.HostMachineId", "Get", "etc"), "ok");
}

TEST_F(MachineIdAccessTest, OnlyRootMayDoTheRest) {
    serve(bus::BusType::system);
    refresh(database_path);
    const auto calls = guests().calls().size();
    EXPECT_EQ(as_nobody(database_path, machine_id_interface, "GetId"), machine_ids_denied);
    EXPECT_EQ(as_nobody(database_path, machine_id_interface, "Check", one.text()), machine_ids_denied);
    for (const auto* method : {"Refresh", "Regenerate", "Seal"})
        EXPECT_EQ(as_nobody(database_path, machine_id_interface, method, "{}"), machine_ids_denied) << method;
    for (const auto* method : {"Refresh", "Regenerate", "Seal"})
        EXPECT_EQ(as_nobody(host_path, machine_id_interface, method, "{}"), machine_ids_denied) << method;
    for (const auto& path : {std::string(database_path), host_path})
        EXPECT_EQ(as_nobody(path, machine_id_interface, "Assign", two.text(), "{}"), machine_ids_denied) << path;
    EXPECT_EQ(as_nobody(database_path, "org.virtbus1.Machine", "Clone", "copy", "{}"), machine_ids_denied);
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.virtbus1.Manager", "AuditMachineIds", "{}"), machine_ids_denied);
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.virtbus1.Manager", "FindByMachineId", one.text()), machine_ids_denied);
    EXPECT_EQ(as_nobody("/org/virtbus1", "org.virtbus1.Manager", "FindByMachineId", "typo"), machine_ids_denied)
        << "who may not call learns nothing from it";
    EXPECT_EQ(as_nobody(host_path, "org.virtbus1.HostMachineId", "LinkDbus", "{}"), machine_ids_denied);
    EXPECT_EQ(as_nobody(host_path, "org.virtbus1.HostMachineId", "PrepareRegenerate", "{}"), machine_ids_denied);
    EXPECT_EQ(as_nobody(host_path, "org.virtbus1.HostMachineId", "Ensure", "etc", "{}"), machine_ids_denied);
    EXPECT_EQ(as_nobody(host_path, "org.virtbus1.HostMachineId", "Regenerate", "token", "{}"), machine_ids_denied);
    EXPECT_EQ(client.manager()->ListJobs().size(), 1U) << "that of root's refresh";
    EXPECT_EQ(guests().calls().size(), calls) << "refused before anything was done";
    EXPECT_FALSE(std::filesystem::exists(server->root() / "etc/machine-id"));
    EXPECT_EQ(id_of(database_path)->GetId(), one.text()) << "root may";
    EXPECT_THAT(client.manager()->FindByMachineId(one.text()), ElementsAre(database_path));
}

}  // namespace
}  // namespace virtbus::test
