// SPDX-License-Identifier: LGPL-2.1-or-later
// One domain for the length of one call: looked up anew each time, since a handle would keep a dead connection alive.
// Any thread, one at a time. Knows the machine's name, so that every error says which machine it is about.
#pragma once

#include "base/uuid.h"
#include "libvirt/connection_pool.h"
#include "libvirt/handle.h"

#include <string>
#include <string_view>

namespace virtbus {

class Domain {
public:
    /// Error no_such_machine if there is none of that UUID.
    static Domain find(virConnectPtr connection, const Uuid& uuid);
    /// The same, and keeps the connection until it is done.
    static Domain find(ConnectionPool::Lease lease, const Uuid& uuid);

    explicit Domain(DomainHandle handle);

    [[nodiscard]] virDomainPtr get() const { return handle_.get(); }
    [[nodiscard]] virConnectPtr connection() const { return connection_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Uuid uuid() const;

    /// `result` is what a call of libvirt returned; negative throws its error as "Cannot <act> <name>: …".
    void check(int result, std::string_view act) const;
    /// The same for calls that answer yes or no; a driver that doesn't know the call says no.
    [[nodiscard]] bool ask(int result, std::string_view act) const;
    /// Throws the thread's last error.
    [[noreturn]] void fail(std::string_view act) const;
    /// "Cannot <act> <name>"
    [[nodiscard]] std::string cannot(std::string_view act) const;

    [[nodiscard]] bool is_active() const;
    [[nodiscard]] bool is_persistent() const;
    /// VIR_DOMAIN_AFFECT_…: what runs, if it does, and the definition, if there is one.
    [[nodiscard]] unsigned affected() const;
    [[nodiscard]] std::string xml(unsigned flags) const;

private:
    ConnectionPool::Lease lease_;
    DomainHandle handle_;
    virConnectPtr connection_;
    std::string name_;
};

/// libvirt's form of a UUID, read while the domain is valid.
Uuid uuid_of(virDomainPtr domain);

}  // namespace virtbus
