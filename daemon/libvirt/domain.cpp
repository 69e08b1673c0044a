// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/domain.h"

#include "base/utf8.h"
#include "libvirt/error.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>

namespace virtbus {

Uuid uuid_of(virDomainPtr domain) {
    std::array<std::uint8_t, Uuid::size> bytes{};
    static_assert(Uuid::size == VIR_UUID_BUFLEN);
    virDomainGetUUID(domain, bytes.data());
    return Uuid(bytes);
}

Domain Domain::find(virConnectPtr connection, const Uuid& uuid) {
    DomainHandle handle(virDomainLookupByUUID(connection, uuid.bytes().data()));
    if (handle) return Domain(std::move(handle));
    const auto error = last_error();
    if (error.code == VIR_ERR_NO_DOMAIN) throw Error(Code::no_such_machine, "There is no machine " + uuid.text());
    throw_error(connection, error, "Cannot find machine " + uuid.text());
}

Domain Domain::find(ConnectionPool::Lease lease, const Uuid& uuid) {
    auto domain = find(lease.get(), uuid);
    domain.lease_ = std::move(lease);
    return domain;
}

Domain::Domain(DomainHandle handle) : handle_(std::move(handle)), connection_(virDomainGetConnect(handle_.get())) {
    const char* name = virDomainGetName(handle_.get());
    name_ = to_utf8(name != nullptr ? name : "");
}

Uuid Domain::uuid() const { return uuid_of(get()); }

std::string Domain::cannot(std::string_view act) const { return fmt::format("Cannot {} {}", act, name_); }

void Domain::fail(std::string_view act) const { throw_last(connection_, cannot(act)); }

void Domain::check(int result, std::string_view act) const {
    if (result < 0) fail(act);
}

bool Domain::ask(int result, std::string_view act) const {
    if (result >= 0) return result > 0;
    const auto error = last_error();
    if (code_from(error, connection_) == Code::not_supported) return false;
    throw_error(connection_, error, cannot(act));
}

bool Domain::is_active() const { return ask(virDomainIsActive(get()), "read"); }

bool Domain::is_persistent() const { return ask(virDomainIsPersistent(get()), "read"); }

unsigned Domain::affected() const {
    const unsigned live = is_active() ? VIR_DOMAIN_AFFECT_LIVE : 0;
    const unsigned definition = is_persistent() ? VIR_DOMAIN_AFFECT_CONFIG : 0;
    return live | definition;
}

std::string Domain::xml(unsigned flags) const {
    const TextHandle text(virDomainGetXMLDesc(get(), flags));
    if (!text) fail("read the definition of");
    return text.get();
}

}  // namespace virtbus
