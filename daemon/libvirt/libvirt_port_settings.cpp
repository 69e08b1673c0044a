// SPDX-License-Identifier: LGPL-2.1-or-later
// LibvirtPort's settings. Each goes into what runs and into the definition, so that it lasts.
#include "libvirt/error.h"
#include "libvirt/libvirt_port.h"
#include "libvirt/metadata.h"

#include <libvirt/virterror.h>

namespace virtbus {

namespace {

void set_text(const Domain& domain, int type, const std::string& text, std::string_view act) {
    const char* value = text.empty() ? nullptr : text.c_str();  // null removes it
    domain.check(virDomainSetMetadata(domain.get(), type, value, nullptr, nullptr, domain.affected()), act);
}

/// Our element, "" if there is none yet.
std::string read_element(const Domain& domain, unsigned affect) {
    const TextHandle text(virDomainGetMetadata(domain.get(), VIR_DOMAIN_METADATA_ELEMENT, metadata_namespace, affect));
    if (text) return text.get();
    const auto error = last_error();
    if (error.code == VIR_ERR_NO_DOMAIN_METADATA) return "";
    throw_error(domain.connection(), error, domain.cannot("read the tags of"));
}

void refuse_maximum_while_running(const Domain& domain, std::string_view act, bool given) {
    if (given)
        throw Error(Code::invalid_state, domain.cannot(act) + ": its maximum can only be changed while it is off");
}

/// Does two changes, the one that keeps current <= maximum all the time first.
template <typename SetMaximum, typename SetCurrent>
void set_both(bool grows, SetMaximum set_maximum, SetCurrent set_current) {
    if (grows) set_maximum();
    set_current();
    if (!grows) set_maximum();
}

}  // namespace

void LibvirtPort::rename(const Uuid& uuid, const std::string& name) {
    const auto domain = find(uuid);
    if (domain.name() == name) return;
    // libvirt calls a name that is taken an invalid operation.
    const DomainHandle taken(virDomainLookupByName(domain.connection(), name.c_str()));
    if (taken) throw Error(Code::already_exists, domain.cannot("rename") + ": there is already a machine " + name);
    domain.check(virDomainRename(domain.get(), name.c_str(), 0), "rename");
}

void LibvirtPort::set_autostart(const Uuid& uuid, bool autostart) {
    const auto domain = find(uuid);
    domain.check(virDomainSetAutostart(domain.get(), autostart ? 1 : 0), "set the autostart of");
}

void LibvirtPort::set_memory(const Uuid& uuid, const MemoryChange& change) {
    constexpr auto act = "set the memory of";
    const auto domain = find(uuid);
    const auto to_kib = [](std::uint64_t bytes) { return bytes / 1024 + (bytes % 1024 != 0 ? 1 : 0); };
    const auto set = [&](std::uint64_t bytes, unsigned flags) {
        domain.check(virDomainSetMemoryFlags(domain.get(), to_kib(bytes), flags), act);
    };
    if (domain.is_active()) {
        refuse_maximum_while_running(domain, act, change.maximum.has_value());
        set(change.current, VIR_DOMAIN_AFFECT_LIVE);  // not every driver does both at once
        if (domain.is_persistent()) set(change.current, VIR_DOMAIN_AFFECT_CONFIG);
        return;
    }
    const auto maximum = change.maximum.value_or(change.current);
    set_both(
        to_kib(maximum) >= virDomainGetMaxMemory(domain.get()),
        [&] { set(maximum, unsigned{VIR_DOMAIN_AFFECT_CONFIG} | VIR_DOMAIN_MEM_MAXIMUM); },
        [&] { set(change.current, VIR_DOMAIN_AFFECT_CONFIG); });
}

void LibvirtPort::set_vcpus(const Uuid& uuid, const VcpuChange& change) {
    constexpr auto act = "set the virtual CPUs of";
    const auto domain = find(uuid);
    const auto set = [&](std::uint32_t vcpus, unsigned flags) {
        domain.check(virDomainSetVcpusFlags(domain.get(), vcpus, flags), act);
    };
    if (domain.is_active()) {
        refuse_maximum_while_running(domain, act, change.maximum.has_value());
        set(change.current, domain.affected());
        return;
    }
    constexpr unsigned maximum_flags = unsigned{VIR_DOMAIN_AFFECT_CONFIG} | VIR_DOMAIN_VCPU_MAXIMUM;
    const auto maximum = change.maximum.value_or(change.current);
    const int before = virDomainGetVcpusFlags(domain.get(), maximum_flags);
    domain.check(before, act);
    set_both(
        maximum >= static_cast<std::uint32_t>(before), [&] { set(maximum, maximum_flags); },
        [&] { set(change.current, VIR_DOMAIN_AFFECT_CONFIG); });
}

void LibvirtPort::set_title(const Uuid& uuid, const std::string& title) {
    set_text(find(uuid), VIR_DOMAIN_METADATA_TITLE, title, "set the title of");
}

void LibvirtPort::set_description(const Uuid& uuid, const std::string& description) {
    set_text(find(uuid), VIR_DOMAIN_METADATA_DESCRIPTION, description, "set the description of");
}

void LibvirtPort::set_tags(const Uuid& uuid, const std::vector<std::string>& tags) {
    const auto domain = find(uuid);
    const unsigned affected = domain.affected();
    // The definition is what lasts: what runs gets the same.
    const bool persistent = (affected & VIR_DOMAIN_AFFECT_CONFIG) != 0;
    const auto before = read_element(domain, persistent ? VIR_DOMAIN_AFFECT_CONFIG : VIR_DOMAIN_AFFECT_LIVE);
    const auto element = with_tags(before, tags);
    // libvirt puts the element into the namespace itself.
    domain.check(
        virDomainSetMetadata(domain.get(), VIR_DOMAIN_METADATA_ELEMENT, element.empty() ? nullptr : element.c_str(),
                             metadata_prefix, metadata_namespace, affected),
        "set the tags of");
}

}  // namespace virtbus
