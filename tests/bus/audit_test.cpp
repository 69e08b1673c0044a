// SPDX-License-Identifier: LGPL-2.1-or-later
// What calls leave in the journal: one entry each.
#include "bus/audit.h"
#include "base/log.h"
#include "bus_fixture.h"
#include "played_polkit.h"

#include <iostream>
#include <sstream>

namespace virtbus::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class AuditTest : public BusTest {
protected:
    AuditTest() : BusTest(PrivateBus::Policy::system) {}

    void SetUp() override {
        if (::geteuid() != 0) {
            std::cerr << "\n*** THE AUDIT IS NOT TESTED: only root can become somebody else ***\n\n";
            GTEST_SKIP() << "needs root";
        }
        serve(bus::BusType::system);
    }

    /// The entries of what `calls` does, as lines with all their fields.
    template <typename Calls>
    std::vector<std::string> entries_of(Calls calls) {
        const auto before = log::level();
        log::set_level(log::Level::debug);
        testing::internal::CaptureStderr();
        calls();
        client.flush();  // its entry is written in the turn of the loop that ended the call
        std::istringstream written(testing::internal::GetCapturedStderr());
        log::set_level(before);
        std::vector<std::string> entries;
        for (std::string line; std::getline(written, line);)
            if (line.find("MESSAGE_ID=") != std::string::npos) entries.push_back(line);
        return entries;
    }

    const std::string interface = "org.virtbus1.Machine";
    PlayedPolkit polkit{bus.address()};
};

TEST_F(AuditTest, HasOneEntryOfACallThatWasDone) {
    const auto entries = entries_of([&] { client.machine(web_path)->Pause({}); });
    EXPECT_THAT(entries,
                ElementsAre(AllOf(HasSubstr("notice: uid 0: Pause of machine web: done"),
                                  HasSubstr("MESSAGE_ID=6c66e1030f054764b60cadb58fd3c591"), HasSubstr("VIRTBUS_UID=0 "),
                                  HasSubstr("VIRTBUS_SENDER=:1."), HasSubstr("VIRTBUS_VERB=Pause "),
                                  HasSubstr("VIRTBUS_ACTION=org.virtbus1.machine.control "),
                                  HasSubstr("VIRTBUS_HYPERVISOR=first"), HasSubstr("VIRTBUS_MACHINE=web"),
                                  HasSubstr("VIRTBUS_UUID=" + web.text()), HasSubstr("VIRTBUS_RESULT=done"))));
}

TEST_F(AuditTest, HasOneEntryOfACallThatFailed) {
    const auto entries = entries_of([&] { failure_of([&] { client.machine(database_path)->Save({}); }); });
    EXPECT_THAT(entries,
                ElementsAre(AllOf(HasSubstr("Save of machine db: failed: "), HasSubstr("VIRTBUS_RESULT=InvalidState"),
                                  HasSubstr("MESSAGE_ID=750889d887f94d8faacd49c96257a76f"))));
}

TEST_F(AuditTest, HasOneEntryOfACallThatWasRefused) {
    const auto entries = entries_of([&] { as_nobody(web_path, interface, "GetXml", "{}"); });
    EXPECT_THAT(entries, ElementsAre(AllOf(HasSubstr("uid 65534: GetXml of machine web: refused: "),
                                           HasSubstr("VIRTBUS_RESULT=AccessDenied"),
                                           HasSubstr("MESSAGE_ID=4a448500fd324f91812572ee22fa9946"))));
}

TEST_F(AuditTest, TakesNobodyForRootWhoHasLeftBeforeItWasKnownWhoCalls) {
    const auto entries = entries_of([] {
        bus::Audit audit;
        bus::Call call;
        call.sender = ":1.99";
        call.verb = "Pause";
        bus::AuditEntry entry(audit, bus::Action::machine_control, call);
        entry.failed(std::make_exception_ptr(Error(Code::access_denied, "the caller has left the bus")));
    });
    EXPECT_THAT(entries, ElementsAre(AllOf(HasSubstr("uid unknown: Pause: refused: "),
                                           HasSubstr("VIRTBUS_SENDER=:1.99"), testing::Not(HasSubstr("VIRTBUS_UID")))));
}

TEST_F(AuditTest, NamesTheJob) {
    const auto entries = entries_of([&] { client.machine(web_path)->Save({}); });
    EXPECT_THAT(entries, ElementsAre(HasSubstr("VIRTBUS_JOB=1")));
}

TEST_F(AuditTest, NamesWhatWasMade) {
    const auto entries = entries_of([&] {
        client.hypervisor(first_path)
            ->CreateMachine(
                {{"name", sdbus::Variant(std::string("fresh"))}, {"memory", sdbus::Variant(std::uint64_t{64} << 20)}});
    });
    EXPECT_THAT(entries, ElementsAre(AllOf(HasSubstr("CreateMachine of machine fresh: done"),
                                           HasSubstr("VIRTBUS_OBJECT=" + first_path + "/machine/"))));
}

TEST_F(AuditTest, HasNothingOfCallsThatOnlyLook) {
    const auto entries = entries_of([&] {
        client.manager()->ListMachines({});
        client.machine(web_path)->GetXml({});
        client.machine(web_path)->State();
    });
    EXPECT_THAT(entries, IsEmpty());
}

TEST_F(AuditTest, IsNotFilledByWhoIsRefusedAgainAndAgain) {
    const auto entries = entries_of([&] {
        const auto flood = begin_as(nobody_uid, web_path, interface, "Pause*500", "{}");
        for (int i = 0; i < 500; ++i) flood->line();
        as_nobody(web_path, interface, "Pause", "{}");
        begin_as(daemon_uid, web_path, interface, "Pause", "{}")->line();
    });
    EXPECT_EQ(entries.size(), 101U);
    EXPECT_THAT(entries.back(), HasSubstr("uid 1: ")) << "others are told of";
}

TEST_F(AuditTest, HasLinesThatNoNameCanForge) {
    first->edit(web,
                [](Machine& machine) { machine.name = "web\nvirtbusd: notice: uid 0: Pause of machine db: done"; });
    first->touch(web);
    ASSERT_TRUE(client.wait_until([&] { return client.machine(web_path)->Name().size() > 3; }));
    const auto entries = entries_of([&] { client.machine(web_path)->Pause({}); });
    EXPECT_THAT(entries, ElementsAre(HasSubstr("uid 0: Pause of machine web virtbusd: notice: ")));
}

}  // namespace
}  // namespace virtbus::test
