// SPDX-License-Identifier: LGPL-2.1-or-later
// Whose machine-id it is: a machine's, or this host's.
#include "bus/machine_id_object.h"

#include <fmt/format.h>

namespace virtbus::bus {

namespace {

class MachineSubject final : public IdSubject {
public:
    MachineSubject(std::shared_ptr<Hypervisor> hypervisor, const Machine& machine, IdentityJobs& jobs)
        : hypervisor_(std::move(hypervisor)),
          uuid_(machine.uuid),
          name_(machine.name),
          kind_(machine.kind),
          jobs_(jobs) {}

    [[nodiscard]] ObjectRef ref() const override { return MachineRef{hypervisor_->name(), uuid_}; }
    [[nodiscard]] std::string kind() const override { return std::string(to_string(kind_)); }
    [[nodiscard]] std::string name() const override { return "machine " + machine()->name; }
    [[nodiscard]] std::string way_to_an_id() const override { return "Regenerate gives it one"; }
    [[nodiscard]] bool is_confidential() const override { return true; }
    [[nodiscard]] Error gone() const override {
        return {Code::no_such_machine, fmt::format("machine {} is gone", name_)};
    }
    [[nodiscard]] Details details() const override { return about(*hypervisor_, *machine()); }

    std::uint64_t refresh(std::uint32_t owner) override { return jobs_.refresh({hypervisor_, owner}, *machine()); }
    std::uint64_t assign(std::uint32_t owner, const MachineId& id, const IdentityPlan& plan) override {
        return jobs_.assign({hypervisor_, owner}, *machine(), id, plan);
    }
    std::uint64_t regenerate(std::uint32_t owner, const IdentityPlan& plan) override {
        return jobs_.regenerate({hypervisor_, owner}, *machine(), plan);
    }
    std::uint64_t seal(std::uint32_t owner, bool uninitialized, bool boot_entries) override {
        return jobs_.seal({hypervisor_, owner}, *machine(), uninitialized, boot_entries);
    }
    void check(const MachineId& id) override { jobs_.check(*hypervisor_, *machine(), id); }

private:
    [[nodiscard]] MachinePtr machine() const {
        auto found = hypervisor_->inventory().find(uuid_);
        if (!found) throw gone();
        return found;
    }

    std::shared_ptr<Hypervisor> hypervisor_;
    Uuid uuid_;
    std::string name_;
    Kind kind_;
    IdentityJobs& jobs_;
};

class HostSubject final : public IdSubject {
public:
    HostSubject(HostIdentity& host, Jobs& jobs) : host_(host), jobs_(jobs) {}

    [[nodiscard]] ObjectRef ref() const override { return HostRef{}; }
    [[nodiscard]] std::string kind() const override { return "host"; }
    [[nodiscard]] std::string name() const override { return "this host"; }
    [[nodiscard]] std::string way_to_an_id() const override {
        return "systemd makes one at the next boot, and HostMachineId.Ensure makes a file that is missing";
    }
    [[nodiscard]] bool is_confidential() const override { return false; }
    [[nodiscard]] Error gone() const override { return {Code::disconnected, "virtbusd is stopping"}; }
    [[nodiscard]] Details details() const override { return {}; }

    std::uint64_t refresh(std::uint32_t owner) override {
        return jobs_.start({JobKind::machine_id_refresh, HostRef{}, owner, {}, {}},
                           [this](JobControl&) { return host_.refresh(); });
    }
    std::uint64_t assign(std::uint32_t, const MachineId&, const IdentityPlan&) override { refuse(); }
    std::uint64_t regenerate(std::uint32_t, const IdentityPlan&) override { refuse(); }
    std::uint64_t seal(std::uint32_t, bool, bool) override { refuse(); }
    void check(const MachineId&) override { refuse(); }

private:
    [[noreturn]] static void refuse() {
        throw Error(Code::not_supported,
                    "this host runs: HostMachineId.PrepareRegenerate and Regenerate give it another machine-id");
    }

    HostIdentity& host_;
    Jobs& jobs_;
};

}  // namespace

std::unique_ptr<IdSubject> machine_subject(std::shared_ptr<Hypervisor> hypervisor, const Machine& machine,
                                           IdentityJobs& jobs) {
    return std::make_unique<MachineSubject>(std::move(hypervisor), machine, jobs);
}

std::unique_ptr<IdSubject> host_subject(HostIdentity& host, Jobs& jobs) {
    return std::make_unique<HostSubject>(host, jobs);
}

}  // namespace virtbus::bus
