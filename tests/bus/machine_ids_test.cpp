// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.MachineId of machines on the bus: what it shows and tells, what its methods do, and that no id of a
// guest is ever seen by who may not.
#include "machine_ids_fixture.h"

namespace virtbus::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(MachineIdsTest, EachMachineHasOneBesideIt) {
    serve();
    const auto objects = client.manager()->GetManagedObjects();
    const auto& properties = objects.at(database_path).at(machine_id_interface);
    EXPECT_EQ(properties.size(), 11U);
    EXPECT_EQ(properties.at("Subject").get<std::string>(), "vm");
    EXPECT_EQ(properties.at("State").get<std::string>(), "unknown");
    EXPECT_EQ(properties.at("DbusState").get<std::string>(), "unknown");
    EXPECT_EQ(properties.at("Consistent").get<bool>(), false);
    EXPECT_EQ(properties.at("Fingerprint").get<std::string>(), "");
    EXPECT_EQ(properties.at("Source").get<std::string>(), "");
    EXPECT_EQ(properties.at("ObservedUSec").get<std::uint64_t>(), 0U);
    EXPECT_EQ(properties.at("Stale").get<bool>(), false);
    EXPECT_EQ(properties.at("Guarantee").get<std::string>(), "none");
    EXPECT_THAT(properties.at("Overrides").get<std::vector<std::string>>(), IsEmpty());
    EXPECT_THAT(properties.at("Duplicates").get<std::vector<sdbus::ObjectPath>>(), IsEmpty());
    EXPECT_TRUE(objects.at(host_path).contains(machine_id_interface));
    EXPECT_EQ(id_of(host_path)->Subject(), "host");
}

TEST_F(MachineIdsTest, RefreshShowsWhatIsOnTheDisk) {
    serve();
    const std::string job = id_of(database_path)->Refresh({});
    EXPECT_EQ(client.job(job)->Kind(), "machine-id-refresh");
    EXPECT_EQ(client.job(job)->Subject(), database_path);
    await_end(job);
    const auto id = id_of(database_path);
    EXPECT_EQ(id->State(), "valid");
    EXPECT_EQ(id->DbusState(), "link");
    EXPECT_TRUE(id->Consistent());
    EXPECT_EQ(id->Fingerprint(), fingerprint(one));
    EXPECT_EQ(id->Source(), "disk");
    EXPECT_EQ(id->Guarantee(), "verified");
    EXPECT_GT(id->ObservedUSec(), 0U);
    EXPECT_EQ(id->GetId(), one.text());
    const auto* changed = client.find("PropertiesChanged", machine_id_interface);
    ASSERT_NE(changed, nullptr);
    EXPECT_THAT(changed->changed_names(),
                ElementsAre("Consistent", "DbusState", "Fingerprint", "Guarantee", "ObservedUSec", "Source", "State"));
}

TEST_F(MachineIdsTest, GetIdSaysWhyThereIsNone) {
    serve();
    expect_error(failure_of([&] { id_of(database_path)->GetId(); }), "InvalidState",
                 "machine db: its machine-id is not known: Refresh reads it");
    await_end(id_of(database_path)->Seal({}));
    expect_error(failure_of([&] { id_of(database_path)->GetId(); }), "InvalidState",
                 "machine db has no machine-id: its /etc/machine-id is empty: Regenerate gives it one");
}

TEST_F(MachineIdsTest, AreChangedByJobs) {
    serve();
    const auto expect_done = [&](const std::string& job, const std::string& kind, const std::string& print) {
        ASSERT_NO_FATAL_FAILURE(await_end(job));
        EXPECT_EQ(client.job(job)->Kind(), kind);
        EXPECT_EQ(client.job(job)->Subject(), database_path);
        EXPECT_EQ(client.job(job)->Result().at("fingerprint").get<std::string>(), print);
        EXPECT_EQ(id_of(database_path)->Fingerprint(), print);
        EXPECT_EQ(id_of(database_path)->Source(), "assigned");
    };
    expect_done(id_of(database_path)->Assign("FEDCBA98-7654-3210-fedc-ba9876543210", {}), "machine-id-assign",
                fingerprint(two));
    EXPECT_EQ(id_of(database_path)->GetId(), two.text());
    const std::string job = id_of(database_path)->Regenerate({});
    await_end(job);
    const auto made = guests().id("/pools/default/db.qcow2");
    ASSERT_TRUE(made);
    EXPECT_NE(made, two);
    expect_done(job, "machine-id-regenerate", fingerprint(*made));
    expect_done(id_of(database_path)->Seal({}), "machine-id-seal", "");
    EXPECT_EQ(id_of(database_path)->State(), "empty");
    EXPECT_EQ(id_of(database_path)->Guarantee(), "none");
}

TEST_F(MachineIdsTest, AreChangedAsTheOptionsSay) {
    serve();
    const sdbus::Variant no(false);
    const sdbus::Variant expected(fingerprint(one));
    await_end(id_of(database_path)->Assign(two.text(), {{"boot-entries", no}, {"expected", expected}}));
    EXPECT_FALSE(guests().change().boot_entries);
    EXPECT_EQ(guests().change().expected, one);
    await_end(id_of(database_path)->Regenerate({{"boot-entries", no}}));
    EXPECT_FALSE(guests().change().boot_entries);
    const std::string job = id_of(database_path)->Regenerate({{"expected", sdbus::Variant(fingerprint(one))}});
    await_end(job, "failed");
    EXPECT_EQ(client.job(job)->Error().get<0>(), "org.virtbus1.Error.StaleGeneration");
    await_end(id_of(database_path)->Seal({{"uninitialized", sdbus::Variant(true)}, {"boot-entries", no}}));
    EXPECT_TRUE(guests().change().uninitialized);
    EXPECT_FALSE(guests().change().boot_entries);
}

TEST_F(MachineIdsTest, UnknownOptionsAndBadValuesAreRefused) {
    serve();
    const VariantMap typo{{"typo", sdbus::Variant(true)}};
    const auto id = id_of(database_path);
    expect_invalid(failure_of([&] { id->Refresh(typo); }), "typo");
    expect_invalid(failure_of([&] { id->Assign(two.text(), typo); }), "typo");
    expect_invalid(failure_of([&] { id->Regenerate(typo); }), "typo");
    expect_invalid(failure_of([&] { id->Seal(typo); }), "typo");
    expect_invalid(failure_of([&] { client.manager()->AuditMachineIds(typo); }), "typo");
    expect_invalid(failure_of([&] { id->Regenerate({{"duplicate", sdbus::Variant(true)}}); }), "duplicate");
    expect_invalid(failure_of([&] { id->Seal({{"expected", sdbus::Variant("")}}); }), "expected");
    const VariantMap no_bool{{"boot-entries", sdbus::Variant("no")}};
    expect_invalid(failure_of([&] { id->Assign(two.text(), no_bool); }), "boot-entries");
    expect_invalid(failure_of([&] { id->Assign(two.text(), {{"expected", sdbus::Variant(true)}}); }), "expected");
    for (const auto* bad : {"", "0123", "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef0",
                            "00000000000000000000000000000000", "0123456789abcdef0123456789abcdef\n", "/etc/shadow"}) {
        expect_invalid(failure_of([&] { id->Assign(bad, {}); }), "id");
        expect_invalid(failure_of([&] { client.manager()->FindByMachineId(bad); }), "id");
    }
    EXPECT_TRUE(client.manager()->ListJobs().empty());
    EXPECT_THAT(guests().calls(), IsEmpty());
}

TEST_F(MachineIdsTest, DuplicatesAreShownByAllOfThemAndTold) {
    first->add(make_machine("cache", 9));
    const auto third_path = bus::machine_path("first", make_uuid(9));
    serve();
    guests().put("/pools/default/web.qcow2", one);
    guests().put("/images/cache.qcow2", one);
    refresh(database_path);
    EXPECT_EQ(client.count("DuplicateMachineId"), 0U);
    refresh(web_path);
    const auto* told = client.find("DuplicateMachineId", fingerprint(one));
    ASSERT_NE(told, nullptr);
    EXPECT_THAT(told->words, UnorderedElementsAre(database_path, web_path));
    EXPECT_THAT(id_of(database_path)->Duplicates(), ElementsAre(web_path));
    EXPECT_THAT(id_of(web_path)->Duplicates(), ElementsAre(database_path));
    EXPECT_THAT(announced_duplicates(database_path), ElementsAre(web_path)) << "it was told of the one that was there";
    refresh(third_path);
    EXPECT_EQ(client.count("DuplicateMachineId"), 2U) << "one more";
    EXPECT_THAT(announced_duplicates(database_path), UnorderedElementsAre(web_path, third_path));
    EXPECT_THAT(announced_duplicates(web_path), UnorderedElementsAre(database_path, third_path));
    EXPECT_THAT(announced_duplicates(third_path), UnorderedElementsAre(database_path, web_path));
    await_end(id_of(web_path)->Regenerate({}));
    EXPECT_EQ(client.count("DuplicateMachineIdResolved"), 0U) << "two still have it";
    EXPECT_THAT(announced_duplicates(web_path), IsEmpty());
    await_end(id_of(third_path)->Regenerate({}));
    client.flush();
    EXPECT_NE(client.find("DuplicateMachineIdResolved", fingerprint(one)), nullptr);
    EXPECT_THAT(id_of(database_path)->Duplicates(), IsEmpty());
}

TEST_F(MachineIdsTest, AGuestMayHaveTheIdOfThisHost) {
    serve();
    std::ofstream(server->root() / "etc/machine-id") << one.text() << "\n";
    ASSERT_TRUE(client.wait_until([&] { return id_of(host_path)->State() == "valid"; }));
    refresh(database_path);
    EXPECT_THAT(id_of(host_path)->Duplicates(), ElementsAre(database_path));
    EXPECT_THAT(id_of(database_path)->Duplicates(), ElementsAre(host_path));
    EXPECT_THAT(announced_duplicates(host_path), ElementsAre(database_path));
    expect_error(failure_of([&] { id_of(web_path)->Assign(one.text(), {}); }), "DuplicateMachineId");
}

TEST_F(MachineIdsTest, NoIdOfAGuestIsEverShownToldOrLogged) {
    serve();
    const auto level = log::level();
    log::set_target(log::Target::console);
    log::set_level(log::Level::debug);
    testing::internal::CaptureStderr();
    guests().put("/pools/default/web.qcow2", one);
    refresh(database_path);
    refresh(web_path);
    await_end(client.manager()->AuditMachineIds({}));
    const auto refused = failure_of([&] { id_of(cache_path)->Assign(one.text(), {}); });
    await_end(id_of(web_path)->Assign(two.text(), {}));
    guests().fail(Error(Code::unsupported_guest, "there is no Linux on it"));
    await_end(id_of(web_path)->Assign(MachineId::random().text(), {}), "failed");
    await_end(client.machine(database_path)->Clone("copy", {}));
    const auto copied = guests().change().id;
    first->edit(web, [&](Machine& machine) { machine.kernel_machine_id.id = one; });
    first->touch(web);
    ASSERT_TRUE(client.wait_until([&] { return id_of(web_path)->Guarantee() == "enforced"; }));
    const auto seen = everything();
    const auto logged = testing::internal::GetCapturedStderr();
    log::set_level(level);
    log::set_target(log::Target::automatic);
    EXPECT_THAT(seen, AllOf(HasSubstr(fingerprint(one)), HasSubstr(fingerprint(two)))) << "it was looked everywhere";
    EXPECT_THAT(logged, HasSubstr("machine-id"));
    ASSERT_TRUE(copied);
    for (const auto& id : {one, two, *copied}) {
        expect_no_id_in(seen, id);
        expect_no_id_in(logged, id);
        expect_no_id_in(refused.message, id);
    }
}

TEST_F(MachineIdsTest, AGuestThatRunsMakesItStale) {
    serve();
    refresh(database_path);
    run_once(database_path);
    EXPECT_TRUE(id_of(database_path)->Stale());
    EXPECT_EQ(id_of(database_path)->Guarantee(), "claimed");
    EXPECT_EQ(announced(database_path, "Guarantee").get<std::string>(), "claimed");
    EXPECT_EQ(id_of(database_path)->GetId(), one.text()) << "as it was learnt";
    refresh(database_path);
    EXPECT_FALSE(id_of(database_path)->Stale());
}

}  // namespace
}  // namespace virtbus::test
