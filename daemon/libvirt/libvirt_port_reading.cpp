// SPDX-License-Identifier: LGPL-2.1-or-later
// LibvirtPort's reading, and its life.
#include "base/log.h"
#include "base/utf8.h"
#include "libvirt/capabilities.h"
#include "libvirt/domain_reader.h"
#include "libvirt/error.h"
#include "libvirt/libvirt_port.h"
#include "libvirt/lifecycle_words.h"
#include "model/uri.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>
#include <unordered_set>

namespace virtbus {

namespace {

/// What libvirt tells of a machine beside its XML and state.
struct Flags {
    bool persistent = true;
    bool autostart = false;
    bool saved = false;
};

struct State {
    int state = 0;
    int reason = 0;

    explicit State(const Domain& domain) {
        domain.check(virDomainGetState(domain.get(), &state, &reason, 0), "read the state of");
    }
    [[nodiscard]] bool active() const { return is_active(state_from(state)); }
    void show_in(Machine& machine) const {
        machine.state = state_from(state);
        machine.state_reason = state_reason(state, reason);
    }
};

std::string job_kind_of(const Domain& domain) {
    const auto job = read_job(domain);
    return job ? job->kind : "";
}

Machine read_machine(const Domain& domain, const Flags& flags) {
    const State state(domain);
    const auto definition = domain.xml(VIR_DOMAIN_XML_INACTIVE);
    Machine machine = read_domain(state.active() ? domain.xml(0) : definition);
    state.show_in(machine);
    machine.persistent = flags.persistent;
    machine.autostart = flags.autostart;
    machine.saved = flags.saved;
    machine.definition = definition_digest(definition);
    if (state.active()) machine.libvirt_job = job_kind_of(domain);
    if (state.active() && flags.persistent)
        if (auto next = read_disks(definition); next != machine.disks) machine.next_disks = std::move(next);
    return machine;
}

Flags read_flags(const Domain& domain) {
    int autostart = 0;
    const int answered = virDomainGetAutostart(domain.get(), &autostart);
    return {.persistent = domain.is_persistent(),
            .autostart = domain.ask(answered < 0 ? answered : autostart, "read the autostart of"),
            .saved = domain.ask(virDomainHasManagedSaveImage(domain.get(), 0), "read the saved memory of")};
}

/// All domains that `flags` select. libvirt lists at most 16,384 in one answer and fails when there are more.
DomainList list_domains(virConnectPtr connection, unsigned flags) {
    virDomainPtr* domains = nullptr;
    const int count = virConnectListAllDomains(connection, &domains, flags);
    if (count < 0) throw_last(connection, "Cannot list the machines");
    return {domains, count};
}

/// A fact of all machines, by one call instead of one for each: those that libvirt lists with a flag.
class BulkFlag {
public:
    /// `otherwise` is what holds where the driver can't tell.
    BulkFlag(virConnectPtr connection, unsigned flag, bool otherwise) : otherwise_(otherwise) {
        try {
            for (const auto domain : list_domains(connection, flag)) selected_.insert(uuid_of(domain));
            known_ = true;
        } catch (const Error& error) {
            if (error.code() == Code::disconnected) throw;
        }
    }

    [[nodiscard]] bool of(const Uuid& uuid) const { return known_ ? selected_.contains(uuid) : otherwise_; }

private:
    std::unordered_set<Uuid> selected_;
    bool known_ = false;
    bool otherwise_;
};

/// What a call of libvirt that allocates its answer says; "" where the driver can't.
std::string text_or_nothing(char* allocated) {
    const TextHandle text(allocated);
    return text ? to_utf8(text.get()) : "";
}

/// libvirt's name for its host is gethostname()'s, or what that resolves to.
bool is_this_host(const std::string& hostname) {
    std::string own(HOST_NAME_MAX + 1, '\0');
    if (hostname.empty() || ::gethostname(own.data(), own.size()) != 0) return true;
    own.resize(own.find('\0'));
    return is_same_host(hostname, own);
}

/// What libvirt finds when it writes all out that the model of the host's CPU implies; none where the driver can't.
HardwareVirtualization expanded_hardware(virConnectPtr connection, const std::string& cpu_xml) {
    const char* cpu = cpu_xml.c_str();
    const TextHandle text(virConnectBaselineCPU(connection, &cpu, 1, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES));
    return text ? hardware_of_cpu(to_utf8(text.get())) : HardwareVirtualization::none;
}

HardwareVirtualization own_hardware() {
    std::ifstream file("/proc/cpuinfo");
    std::string text(std::size_t{1} << 16, '\0');  // one CPU's part is enough
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return hardware_virtualization(text);
}

HardwareVirtualization read_hardware(virConnectPtr connection, const HypervisorInfo& info,
                                     const Capabilities& capabilities) {
    auto hardware = capabilities.hardware;
    if (info.driver == "test") return hardware;  // its host is made up
    if (hardware == HardwareVirtualization::none) hardware = expanded_hardware(connection, capabilities.cpu_xml);
    const bool ours = info.on_this_host && is_local_uri(read_uri(connection));
    return hardware == HardwareVirtualization::none && ours ? own_hardware() : hardware;
}

std::string to_lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

}  // namespace

LibvirtPort::LibvirtPort(std::unique_ptr<ConnectionPool> connections, std::unique_ptr<Subscription> subscription,
                         Opener open)
    : connections_(std::move(connections)),
      storage_(*connections_),
      networks_(*connections_),
      subscription_(std::move(subscription)),
      open_(std::move(open)) {}

LibvirtPort::~LibvirtPort() = default;

std::string read_uri(virConnectPtr connection) { return text_or_nothing(virConnectGetURI(connection)); }

std::string read_capabilities_xml(virConnectPtr connection) {
    const TextHandle text(virConnectGetCapabilities(connection));
    if (!text) throw_last(connection, "Cannot read the hypervisor's capabilities");
    return to_utf8(text.get());
}

HypervisorInfo LibvirtPort::describe() {
    const auto lease = connections_->take();
    const auto connection = lease.get();
    const auto capabilities = read_capabilities(read_capabilities_xml(connection));
    HypervisorInfo info;
    const char* type = virConnectGetType(connection);
    if (type == nullptr) throw_last(connection, "Cannot read the hypervisor's type");
    info.driver = to_lower(to_utf8(type));
    info.has_events = subscription_ && subscription_->has_lifecycle();
    info.accelerations = accelerations(capabilities);
    info.type = hypervisor_type(info.driver, info.accelerations);
    info.guest_types = guest_types(capabilities);
    info.arch = capabilities.arch;
    info.cpu = capabilities.cpu;
    info.hostname = text_or_nothing(virConnectGetHostname(connection));
    info.on_this_host = is_this_host(info.hostname);
    info.hardware = read_hardware(connection, info, capabilities);

    unsigned long version = 0;
    if (virConnectGetVersion(connection, &version) == 0) info.version = version_text(version);
    version = 0;
    if (virConnectGetLibVersion(connection, &version) == 0) info.libvirt_version = version_text(version);
    virNodeInfo node{};
    if (virNodeGetInfo(connection, &node) < 0) throw_last(connection, "Cannot read the host's size");
    info.cpus = node.cpus;
    info.memory = std::uint64_t{node.memory} * 1024;
    return info;
}

MachineListing LibvirtPort::list() {
    const auto lease = connections_->take();
    const auto connection = lease.get();
    const auto domains = list_domains(connection, 0);
    const BulkFlag persistent(connection, VIR_CONNECT_LIST_DOMAINS_PERSISTENT, true);
    const BulkFlag autostart(connection, VIR_CONNECT_LIST_DOMAINS_AUTOSTART, false);
    const BulkFlag saved(connection, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, false);
    MachineListing listing;
    listing.machines.reserve(domains.size());
    for (auto& handle : domains) {
        const Domain domain{DomainHandle(std::exchange(handle, nullptr))};
        const Uuid uuid = domain.uuid();
        try {
            listing.machines.push_back(read_machine(domain, {persistent.of(uuid), autostart.of(uuid), saved.of(uuid)}));
        } catch (const Error& error) {
            if (error.code() == Code::disconnected) throw;
            if (error.code() == Code::no_such_machine) continue;  // it went meanwhile
            log::warning(fmt::format("machine {} ({}) cannot be read: {}", domain.name(), uuid.text(), error.what()));
            listing.unread.push_back(uuid);
        }
    }
    return listing;
}

std::optional<Machine> LibvirtPort::read(const Uuid& uuid) try {
    const auto domain = find(uuid);
    return read_machine(domain, read_flags(domain));
} catch (const Error& error) {
    if (error.code() == Code::no_such_machine) return std::nullopt;
    throw;
}

std::optional<Machine> LibvirtPort::read_state(const Machine& known) try {
    const auto domain = find(known.uuid);
    const State state(domain);
    if (!state.active()) return read_machine(domain, read_flags(domain));  // it has ended: what it ran with is gone
    Machine machine = known;
    state.show_in(machine);
    // libvirt tells the job only between two operations on the machine, and the next one may have begun already.
    if (!known.libvirt_job.empty() || may_have_new_job(state.state, state.reason))
        machine.libvirt_job = job_kind_of(domain);
    return machine;
} catch (const Error& error) {
    if (error.code() == Code::no_such_machine) return std::nullopt;
    throw;
}

std::string LibvirtPort::capabilities_xml() { return read_capabilities_xml(connections_->take().get()); }

MachineXml LibvirtPort::machine_xml(const Uuid& uuid, bool inactive) {
    // Never VIR_DOMAIN_XML_SECURE: it would include passwords.
    const auto domain = find(uuid);
    const auto definition = domain.xml(VIR_DOMAIN_XML_INACTIVE);
    return {to_utf8(inactive ? definition : domain.xml(0)), definition_digest(definition)};
}

}  // namespace virtbus
