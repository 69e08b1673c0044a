// SPDX-License-Identifier: LGPL-2.1-or-later
// What a kernel's command line says of the machine-id, and that none is written to the disk of who is given one there.
// Taking it out is tested with the copies of definitions.
#include "model/kernel_command_line.h"

#include "unit/identity_jobs_fixture.h"

namespace virtbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string id_a = "0123456789abcdef0123456789abcdef";
const std::string id_b = "fedcba98-7654-3210-fedc-ba9876543210";

/// The id, "firmware", or "".
std::string told(const std::string& line) {
    const auto found = kernel_machine_id(line);
    EXPECT_EQ(found.is_set(), found.id || found.firmware);
    EXPECT_FALSE(found.id && found.firmware) << line;
    return found.id ? found.id->text() : found.firmware ? "firmware" : "";
}

TEST(KernelCommandLine, IsReadAsSystemdReadsIt) {
    for (const auto& line :
         {"systemd.machine_id=" + id_a, "quiet\tsystemd.machine_id=" + id_a + "\n", "systemd.machine-id=" + id_a,
          "\"systemd.machine_id=" + id_a + "\" quiet", "a 'systemd.machine_id'=" + id_a,
          "systemd.machine_id=\"" + id_a + "\"", "x=\"a b\" systemd.machine_id='" + id_a + "'"})
        EXPECT_EQ(told(line), id_a) << line;
}

TEST(KernelCommandLine, OfSeveralTheLastThatIsOneCounts) {
    EXPECT_EQ(told("systemd.machine_id=" + id_a + " systemd.machine-id=" + id_b), MachineId::parse(id_b)->text());
    EXPECT_EQ(told("systemd.machine_id=" + id_a + " systemd.machine_id=0123"), id_a);
    EXPECT_EQ(told("systemd.machine_id=" + id_a + " systemd.machine_id=firmware"), "firmware");
    EXPECT_EQ(told("'systemd.machine-id'=\"firmware\" systemd.machine_id=" + id_a), id_a);
}

TEST(KernelCommandLine, OfOthersSetsNone) {
    for (const auto& line : {std::string(), "quiet " + id_a, "xsystemd.machine_id=" + id_a,
                             "rd.systemd.machine_id=" + id_a, "x=\"a systemd.machine_id=" + id_a + "\"",
                             "systemd.machine_id " + id_a, "systemd.machine_id=" + std::string(32, '0'),
                             "systemd.machine_id=" + id_a + "0", "systemd.set_credential=system.machine_id:" + id_a})
        EXPECT_EQ(told(line), "") << line;
}

TEST(KernelCommandLine, ItsKeyIsFoundWhereATextBeginsWithIt) {
    for (const auto* key :
         {"systemd.machine_id=", "systemd.machine-id=", "'systemd.machine_id'=", "systemd.\"machine_id\"="})
        EXPECT_EQ(machine_id_key_length(key + id_a), std::string_view(key).size()) << key;
    for (const auto* other : {"", "systemd.machine_id", "systemd.machine_id ", "systemd.machine_ids=",
                              "systemd_machine_id=", " systemd.machine_id=", "systemd.machine_id\"", "'"})
        EXPECT_EQ(machine_id_key_length(other), 0U) << other;
}

TEST_F(IdentityJobsTest, WhoseDefinitionSetsAnIdIsGivenNoneOnItsDisk) {
    connect();
    for (const auto& setting : {KernelMachineId{two, false}, KernelMachineId{std::nullopt, true}}) {
        edit(web, [&](Machine& machine) { machine.kernel_machine_id = setting; });
        const auto other = MachineId::random();
        for (const std::function<void()>& change :
             {std::function<void()>([&] { assign(web, other); }), std::function<void()>([&] { regenerate(web); }),
              std::function<void()>([&] { identity_jobs.check(*hypervisor, *mirrored(web), other); })}) {
            const auto outcome = outcome_of(change);
            EXPECT_TRUE(refuses(outcome, Code::unsupported_guest, "machine web: the kernel command line")) << outcome;
            EXPECT_THAT(outcome.text, HasSubstr("DefineXml"));
            EXPECT_THAT(outcome.text, Not(HasSubstr(two.text()))) << "it is confidential";
        }
    }
    EXPECT_THAT(guests->calls(), testing::IsEmpty());
    await_end(refresh(web));  // it may be looked at
    edit(web, [](Machine& machine) { machine.kernel_machine_id = {}; });
    await_end(regenerate(web));
}

TEST_F(IdentityJobsTest, WhoseDefinitionSetsAnIdMayBecomeATemplate) {
    connect();
    edit(web, [&](Machine& machine) { machine.kernel_machine_id.id = two; });
    await_end(seal(web));  // copies do not have it
    EXPECT_EQ(guests->id(web_disk), std::nullopt);
}

}  // namespace
}  // namespace virtbus::test
