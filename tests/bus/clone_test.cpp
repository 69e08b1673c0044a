// SPDX-License-Identifier: LGPL-2.1-or-later
// Machine.Clone on the bus: what the copy is, what the options do, and that nobody sees anything of a copy that failed.
#include "storage_fixture.h"

#include <unistd.h>

namespace virtbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class CloneTest : public StorageBusTest {
protected:
    CloneTest() {
        first->edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    }

    void serve() {
        ASSERT_NO_FATAL_FAILURE(StorageBusTest::serve());
        server->guests().put("/pools/default/web.qcow2", one);
    }
    std::string clone(const std::string& name, const VariantMap& options = {}) {
        return client.machine(web_path)->Clone(name, options);
    }
    static VariantMap machine_id(const std::string& word) { return {{"machine-id", sdbus::Variant(word)}}; }
    /// The copy that a job has made.
    std::string made_by(const std::string& job) {
        return client.job(job)->Result().at("machine").get<sdbus::ObjectPath>();
    }
    std::string print_of(const std::string& job) {
        return client.job(job)->Result().at("fingerprint").get<std::string>();
    }
    Failure refusal(const std::string& name, const VariantMap& options = {}) {
        return failure_of([&] { clone(name, options); });
    }
    /// The machines and images that have come, and were announced.
    std::vector<std::string> announced() {
        client.flush();
        std::vector<std::string> paths;
        for (const auto& signal : client.signals)
            if (signal.name == "InterfacesAdded" && signal.subject.find("/job/") == std::string::npos)
                paths.push_back(signal.subject);
        return paths;
    }

    const MachineId one = *MachineId::parse("0123456789abcdef0123456789abcdef");
    const MachineId two = *MachineId::parse("fedcba9876543210fedcba9876543210");
};

TEST_F(CloneTest, ACopyIsAMachineWithAnIdOfItsOwn) {
    serve();
    const auto job = clone("copy");
    EXPECT_EQ(client.job(job)->Kind(), "clone");
    EXPECT_EQ(client.job(job)->Subject(), web_path);
    EXPECT_EQ(client.job(job)->Owner(), ::geteuid());
    await_end(job);
    const auto path = made_by(job);
    EXPECT_THAT(announced(), UnorderedElementsAre(path, image_path("copy.qcow2")))
        << "all of it is there when the job has ended: Machine, MachineId and Image";
    const auto copy = client.machine(path);
    EXPECT_EQ(copy->Name(), "copy");
    EXPECT_NE(copy->Uuid(), web.text());
    EXPECT_EQ(copy->Owner(), ::geteuid());
    EXPECT_EQ(copy->State(), "shut-off");
    EXPECT_EQ(copy->Disks().at(0).at("file").get<std::string>(), "/pools/default/copy.qcow2");
    EXPECT_THAT(image(image_path("copy.qcow2"))->UsedBy(), ElementsAre(path));
    const auto id = client.machine_id(path);
    EXPECT_EQ(id->Source(), "assigned");
    EXPECT_EQ(id->Guarantee(), "verified");
    EXPECT_EQ(id->Fingerprint(), print_of(job));
    EXPECT_NE(id->GetId(), one.text());
    EXPECT_EQ(server->guests().id("/pools/default/web.qcow2"), one);
    EXPECT_EQ(client.count("DuplicateMachineId"), 0U);
}

TEST_F(CloneTest, ItsIdIsWhatTheOptionSays) {
    serve();
    await_end(client.machine_id(web_path)->Refresh({}));
    const auto given = clone("given", machine_id("FEDCBA98-7654-3210-FEDC-BA9876543210"));
    await_end(given);
    EXPECT_EQ(client.machine_id(made_by(given))->GetId(), two.text());
    expect_error(refusal("again", machine_id(two.text())), "DuplicateMachineId");
    expect_error(refusal("again", machine_id(one.text())), "DuplicateMachineId", web.text());
    const auto sealed = clone("sealed", machine_id("seal"));
    await_end(sealed);
    EXPECT_EQ(client.machine_id(made_by(sealed))->State(), "empty");
    EXPECT_EQ(print_of(sealed), "");
    const auto fresh = clone("fresh", machine_id("regenerate"));
    await_end(fresh);
    EXPECT_NE(print_of(fresh), fingerprint(one));
    EXPECT_EQ(client.count("DuplicateMachineId"), 0U);
    const auto kept = clone("kept", machine_id("keep"));
    await_end(kept);
    EXPECT_EQ(print_of(kept), fingerprint(one));
    EXPECT_THAT(client.machine_id(made_by(kept))->Duplicates(), ElementsAre(web_path));
    EXPECT_EQ(client.count("DuplicateMachineId"), 1U);
}

TEST_F(CloneTest, ItsImagesLieAndAreLinkedAsTheOptionsSay) {
    serve();
    const auto job = clone("copy", {{"pool", sdbus::Variant("fast")},
                                    {"linked", sdbus::Variant(true)},
                                    {"hostname", sdbus::Variant("copy.example.org")}});
    await_end(job);
    EXPECT_EQ(client.machine(made_by(job))->Disks().at(0).at("file").get<std::string>(), "/pools/fast/copy.qcow2");
    EXPECT_EQ(server->guests().change().hostname, "copy.example.org");
    EXPECT_THAT(server->tool().calls(), ElementsAre("create ", "publish copy.qcow2"));
}

TEST_F(CloneTest, BadOptionsAreRefused) {
    serve();
    expect_invalid(refusal("copy", {{"typo", sdbus::Variant(true)}}), "typo");
    expect_invalid(refusal("copy", {{"linked", sdbus::Variant("yes")}}), "linked");
    expect_invalid(refusal("copy", {{"pool", sdbus::Variant(sdbus::ObjectPath("/"))}}), "pool");
    expect_invalid(refusal("copy", {{"machine-id", sdbus::Variant(true)}}), "machine-id");
    for (const auto* word : {"", "new", "Seal", "0123", "00000000000000000000000000000000"})
        expect_invalid(refusal("copy", machine_id(word)), "machine-id");
    auto options = machine_id("keep");
    options["hostname"] = sdbus::Variant("copy");
    expect_invalid(refusal("copy", options), "hostname");
    for (const auto* name : {"", "a/b", ".."}) expect_invalid(refusal(name), "name");
    EXPECT_TRUE(client.manager()->ListJobs().empty());
}

TEST_F(CloneTest, AHostnameThatIsNoneIsRefusedBeforeHoursOfCopying) {
    serve();
    for (const auto* name : {"", "a b", "a\nb", "-a", "a..b", "caf\xc3\xa9"})
        expect_invalid(refusal("copy", {{"hostname", sdbus::Variant(name)}}), "hostname");
    expect_invalid(refusal("copy", {{"hostname", sdbus::Variant(std::string(65, 'a'))}}), "hostname");
}

TEST_F(CloneTest, TheRulesSayWhatIsInTheWay) {
    serve();
    expect_error(refusal("web"), "AlreadyExists", "machine web");
    expect_error(refusal("copy", {{"pool", sdbus::Variant("slow")}}), "NoSuchPool", "slow");
    const auto of_no_pool = failure_of([&] { client.machine(database_path)->Clone("copy", {}); });
    expect_error(of_no_pool, "NotSupported", "/images/db.qcow2");
    client.machine(web_path)->Start({});
    expect_error(refusal("copy"), "InvalidState", "it is running");
    await_end(client.machine(web_path)->Save({}));
    expect_error(refusal("copy"), "InvalidState", "saved memory");
}

TEST_F(CloneTest, TheSourceDoesNotStartMeanwhile) {
    serve();
    server->guests().block();
    const auto job = clone("copy");
    ASSERT_TRUE(await_there([&] { return server->guests().hanging() == 1; }));
    expect_error(failure_of([&] { client.machine(web_path)->Start({}); }), "InUse", "clone");
    server->guests().release();
    await_end(job);
    client.machine(web_path)->Start({});
}

TEST_F(CloneTest, NobodySeesAnythingOfOneThatFails) {
    serve();
    const Error no_linux(Code::unsupported_guest, "there is no Linux on it");
    server->guests().fail(no_linux);
    const auto unsupported = clone("copy");
    await_end(unsupported, "failed");
    EXPECT_EQ(client.job(unsupported)->Error().get<0>(), "org.virtbus1.Error.UnsupportedGuest");
    EXPECT_EQ(client.job(unsupported)->Error().get<1>(), "there is no Linux on it; machine-id keep copies it as it is");
    EXPECT_TRUE(client.job(unsupported)->Result().empty());

    server->tool().fail(Error(Code::no_space, "pool default is full"));
    const auto full = clone("copy");
    await_end(full, "failed");
    EXPECT_EQ(client.job(full)->Error().get<0>(), "org.virtbus1.Error.NoSpace");

    first->fail(PortCall::define_copy, Error(Code::failed, "no"));
    await_end(clone("copy"), "failed");
    EXPECT_THAT(announced(), IsEmpty());
    EXPECT_EQ(client.manager()->ListMachines({}).size(), 3U);
    EXPECT_EQ(server->tool().removed().size(), 3U);
    await_end(clone("copy"));  // nothing stands in the way of another try
}

TEST_F(CloneTest, CanBeCancelled) {
    serve();
    server->tool().block();
    const auto job = clone("copy");
    await_tool();
    client.job(job)->Cancel({});
    await_end(job, "cancelled");
    EXPECT_THAT(announced(), IsEmpty());
    EXPECT_EQ(client.manager()->ListMachines({}).size(), 3U);
    EXPECT_EQ(server->tool().removed().size(), 1U);
}

TEST_F(CloneTest, ShowsHowFarItIs) {
    serve();
    server->tool().block();
    const auto job = clone("copy");
    await_tool();
    ASSERT_TRUE(client.wait_until([&] { return client.job(job)->Progress() == 0.5; }));
    server->tool().release();
    await_end(job);
    EXPECT_EQ(client.job(job)->Progress(), 1);
}

}  // namespace
}  // namespace virtbus::test
