// SPDX-License-Identifier: LGPL-2.1-or-later
// Jobs on machine-ids, with fakes of what is inside the disks.
#pragma once

#include "model/identity_jobs.h"

#include "support/fake_guests.h"
#include "unit/image_jobs_fixture.h"

#include <algorithm>

namespace virtbus::test {

/// Writes down how far jobs say that they are.
class ProgressRecorder final : public JobsObserver {
public:
    void job_added(const JobStatus&) override {}
    void job_changed(const JobStatus&, const JobStatus& after) override { shares.push_back(after.progress); }
    void job_removed(const JobStatus&) override {}

    std::vector<double> shares;
};

class IdentityJobsTest : public ImageJobsFixture {
protected:
    IdentityJobsTest() {
        put_machine("web", 1, put("web.qcow2"));
        guests->put(web_disk, one);
    }
    ~IdentityJobsTest() override { end_jobs(); }

    void end_jobs() {
        guests->release();
        ImageJobsFixture::end_jobs();
    }

    void connect() {
        identities.added(hypervisor);
        ImageJobsFixture::connect();
    }
    /// Another machine, with a disk of its own, on which the system with `id` is.
    void put_other(const std::string& name, std::uint32_t number, const std::optional<MachineId>& id,
                   MachineState state = MachineState::shut_off) {
        const auto image = put(name + ".qcow2");
        put_machine(name, number, image, state);
        guests->put(image.path, id);
    }
    static ObjectRef ref_of(const Uuid& uuid) { return MachineRef{"test", uuid}; }
    [[nodiscard]] Identity known(const Uuid& uuid) const { return identities.find(ref_of(uuid)); }

    std::uint64_t refresh(const Uuid& uuid) { return identity_jobs.refresh(origin(), *mirrored(uuid)); }
    std::uint64_t assign(const Uuid& uuid, const MachineId& id, const IdentityPlan& plan = {}) {
        return identity_jobs.assign(origin(), *mirrored(uuid), id, plan);
    }
    std::uint64_t regenerate(const Uuid& uuid, const IdentityPlan& plan = {}) {
        return identity_jobs.regenerate(origin(), *mirrored(uuid), plan);
    }
    std::uint64_t seal(const Uuid& uuid, bool uninitialized = false, bool boot_entries = true) {
        return identity_jobs.seal(origin(), *mirrored(uuid), uninitialized, boot_entries);
    }
    std::uint64_t audit() { return identity_jobs.audit(1000, {hypervisor}); }
    void await_guests() {
        ASSERT_TRUE(turn_until(loop, [&] { return guests->hanging() == 1; }));
    }

    /// Whatever would change it is refused, and nothing is even looked at.
    void expect_no_change(const Uuid& uuid, Code code, const std::string& part) {
        expect_refused(
            code, [&] { assign(uuid, two); }, part);
        expect_refused(
            code, [&] { regenerate(uuid); }, part);
        expect_refused(
            code, [&] { seal(uuid); }, part);
        expect_refused(
            code, [&] { identity_jobs.check(*hypervisor, *mirrored(uuid), two); }, part);
        EXPECT_THAT(guests->calls(), testing::IsEmpty());
        EXPECT_EQ(jobs.list().size(), 0U);
    }
    std::string fingerprint_of(std::uint64_t number) {
        const auto& result = job(number).result;
        return result.contains("fingerprint") ? std::get<std::string>(result.at("fingerprint")) : "none";
    }
    std::vector<ObjectGroup> groups_of(std::uint64_t number, const std::string& key) {
        const auto& result = job(number).result;
        return result.contains(key) ? std::get<std::vector<ObjectGroup>>(result.at(key)) : std::vector<ObjectGroup>();
    }

    const std::string web_disk = "/pools/default/web.qcow2";
    const MachineId one = *MachineId::parse("0123456789abcdef0123456789abcdef");
    const MachineId two = *MachineId::parse("fedcba9876543210fedcba9876543210");
    std::shared_ptr<FakeGuests> guests = std::make_shared<FakeGuests>();
    Identities identities{loop, directory.path / "machine-ids.json"};
    IdentityJobs identity_jobs{jobs, identities, guests};
};

}  // namespace virtbus::test
