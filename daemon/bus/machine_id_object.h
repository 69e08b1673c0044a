// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.MachineId of a machine or of this host: shows what is known of its machine-id, and begins the jobs that
// learn or change it. Main thread only.
#pragma once

#include "bus/options.h"
#include "bus/published.h"
#include "model/host_identity.h"
#include "model/hypervisor.h"
#include "model/identity_jobs.h"

#include <org.virtbus1.MachineId_adaptor.h>
#include <org.virtbus1.MachineId_properties.h>

#include <functional>
#include <memory>

namespace virtbus::bus {

/// Whose machine-id it is.
class IdSubject {
public:
    virtual ~IdSubject() = default;

    [[nodiscard]] virtual ObjectRef ref() const = 0;
    [[nodiscard]] virtual std::string kind() const = 0;
    /// For people, such as "machine web".
    [[nodiscard]] virtual std::string name() const = 0;
    /// How it gets an id when it has none: the end of a sentence.
    [[nodiscard]] virtual std::string way_to_an_id() const = 0;
    /// Whether the id is a guest's: this host's is known to everybody.
    [[nodiscard]] virtual bool is_confidential() const = 0;
    [[nodiscard]] virtual Error gone() const = 0;
    /// What its calls are about.
    [[nodiscard]] virtual Details details() const = 0;

    // Each begins a job; its number.
    virtual std::uint64_t refresh(std::uint32_t owner) = 0;
    virtual std::uint64_t assign(std::uint32_t owner, const MachineId& id, const IdentityPlan& plan) = 0;
    virtual std::uint64_t regenerate(std::uint32_t owner, const IdentityPlan& plan) = 0;
    virtual std::uint64_t seal(std::uint32_t owner, bool uninitialized, bool boot_entries) = 0;
    /// Throws what assign() would throw at once.
    virtual void check(const MachineId& id) = 0;
};

std::unique_ptr<IdSubject> machine_subject(std::shared_ptr<Hypervisor> hypervisor, const Machine& machine,
                                           IdentityJobs& jobs);
std::unique_ptr<IdSubject> host_subject(HostIdentity& host, Jobs& jobs);

class MachineIdObject final
    : public Published<MachineIdObject, org::virtbus1::MachineId_adaptor, org::virtbus1::MachineId_properties> {
public:
    MachineIdObject(Services services, const Identities& identities, std::unique_ptr<IdSubject> subject);

    /// Announces which properties differ from what was shown.
    void show();
    [[nodiscard]] Error gone() const { return subject_->gone(); }

private:
    friend org::virtbus1::MachineId_properties;

    using JobResult = sdbus::Result<sdbus::ObjectPath>;
    /// Takes the options, and begins the job for the owner.
    using Begin = std::function<std::uint64_t(Options&, std::uint32_t)>;

    [[nodiscard]] Details details() const override { return subject_->details(); }
    void GetId(sdbus::Result<std::string>&& result) override;
    void Refresh(JobResult&& result, VariantMap options) override;
    void Assign(JobResult&& result, std::string id, VariantMap options) override;
    void Regenerate(JobResult&& result, VariantMap options) override;
    void Seal(JobResult&& result, VariantMap options) override;
    void Check(sdbus::Result<std::string, std::string>&& result, std::string id) override;

    std::string Subject() override { return subject_->kind(); }
    std::string State() override { return std::string(to_string(shown_.state)); }
    std::string DbusState() override { return std::string(to_string(shown_.dbus_state)); }
    bool Consistent() override { return shown_.consistent; }
    std::string Fingerprint() override { return fingerprint(shown_); }
    std::string Source() override { return std::string(to_string(shown_.source)); }
    std::uint64_t ObservedUSec() override { return shown_.observed; }
    bool Stale() override { return shown_.stale; }
    std::string Guarantee() override { return std::string(to_string(guarantee(shown_))); }
    std::vector<std::string> Overrides() override { return shown_.overrides; }
    std::vector<sdbus::ObjectPath> Duplicates() override;

    void serve_job(JobResult&& result, Action action, VariantMap options, Begin begin);

    const Identities& identities_;
    std::unique_ptr<IdSubject> subject_;
    Identity shown_;
    std::vector<ObjectRef> shown_duplicates_;
};

}  // namespace virtbus::bus
