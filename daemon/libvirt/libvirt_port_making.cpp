// SPDX-License-Identifier: LGPL-2.1-or-later
// LibvirtPort's making and unmaking of machines.
#include "base/log.h"
#include "libvirt/capabilities.h"
#include "libvirt/domain_copy.h"
#include "libvirt/domain_reader.h"
#include "libvirt/domain_writer.h"
#include "libvirt/error.h"
#include "libvirt/first_process.h"
#include "libvirt/libvirt_port.h"
#include "libvirt/metadata.h"
#include "libvirt/xml.h"
#include "model/uri.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>

#include <array>
#include <span>

namespace virtbus {

namespace {

/// A definition that a caller wrote. What decides which machine it changes, its name and UUID, is read once, here, and
/// written back plainly: libvirt must not find another name or UUID in it than we checked.
class Definition {
public:
    explicit Definition(const std::string& xml) : domain_(parse_xml(document_, xml, "domain")) {
        name = text_of(domain_.child("name"));
        const auto element = domain_.child("uuid");
        uuid = Uuid::parse(text_of(element));
        if (element && !uuid) throw Error(Code::invalid_xml, "<uuid> is not a UUID");
        if (name.empty()) throw Error(Code::invalid_xml, "The domain has no <name>");
    }

    [[nodiscard]] std::string text() {
        replace("uuid", uuid->text());
        replace("name", name);
        return to_text(domain_);
    }

    /// GetXml shows no passwords. Whoever gives its XML back does not mean to remove them: each <graphics> without one
    /// keeps that of the same type in the `secure` XML of the present definition.
    void keep_passwords(const std::string& secure) {
        pugi::xml_document document;
        const auto present = parse_xml(document, secure, "domain");
        for (auto graphics : domain_.child("devices").children("graphics")) {
            if (graphics.attribute("passwd")) continue;
            const auto same = present.child("devices").find_child_by_attribute("graphics", "type",
                                                                               graphics.attribute("type").value());
            for (const char* secret : {"passwd", "passwdValidTo", "connected"})
                if (same.attribute(secret)) graphics.append_copy(same.attribute(secret));
        }
    }

    void give_to(std::uint32_t owner) { set_owner(domain_, owner); }

    std::string name;
    std::optional<Uuid> uuid;

private:
    void replace(const char* element, const std::string& value) {
        for (auto child = domain_.child(element); child;) {
            const auto next = child.next_sibling(element);
            domain_.remove_child(child);
            child = next;
        }
        domain_.prepend_child(element).text() = value.c_str();
    }

    pugi::xml_document document_;
    pugi::xml_node domain_;
};

/// The first of `flag_sets` that the driver knows. Drivers refuse a call for a flag that they don't.
int undefine_with(virDomainPtr domain, std::span<const unsigned> flag_sets) {
    for (const unsigned flags : flag_sets) {
        if (virDomainUndefineFlags(domain, flags) == 0) return 0;
        if (code_from(last_error(), nullptr) != Code::not_supported) return -1;
    }
    return virDomainUndefine(domain);
}

/// Makes all of what follows a definition happen, or none: takes the definition back when something fails.
void finish(const Domain& domain, const MachineSpec& spec) try {
    if (spec.autostart) domain.check(virDomainSetAutostart(domain.get(), 1), "set the autostart of");
    if (!spec.start) return;
    const unsigned flags = spec.paused ? VIR_DOMAIN_START_PAUSED : VIR_DOMAIN_NONE;
    domain.check(virDomainCreateWithFlags(domain.get(), flags), "start");
    mend_first_process(domain);
} catch (const Error&) {
    try {
        undefine(domain, true);
    } catch (const Error& error) {
        log::warning(fmt::format("A machine that did not start stays defined: {}", error.what()));
    }
    throw;
}

void refuse_with_content(const Domain& domain) {
    const auto refuse = [&](std::string_view why) {
        throw Error(Code::invalid_state, fmt::format("{}: {}", domain.cannot("delete"), why));
    };
    if (domain.is_active()) refuse("it is running; PowerOff it first, or say \"force\"");
    if (domain.ask(virDomainHasManagedSaveImage(domain.get(), 0), "delete"))
        refuse("it has saved memory, which would be lost; \"force\" deletes it all the same");
    if (domain.ask(virDomainSnapshotNum(domain.get(), 0), "delete"))
        refuse("it has snapshots, which would be lost; \"force\" deletes it all the same");
}

/// Error already_exists where a machine has this name or UUID.
void refuse_taken(virConnectPtr connection, const std::string& name, const Uuid& uuid) {
    const auto refuse_found = [&](virDomainPtr found, const std::string& what) {
        const DomainHandle handle(found);
        if (handle) throw Error(Code::already_exists, fmt::format("there is already a machine {}", what));
        const auto error = last_error();
        if (error.code != VIR_ERR_NO_DOMAIN) throw_error(connection, error, "Cannot look for machine " + what);
    };
    refuse_found(virDomainLookupByUUID(connection, uuid.bytes().data()), uuid.text());
    refuse_found(virDomainLookupByName(connection, name.c_str()), name);
}

/// Defines it after libvirt has validated it against its schema.
Domain define_validated(virConnectPtr connection, const std::string& xml, const std::string& name) {
    DomainHandle handle(virDomainDefineXMLFlags(connection, xml.c_str(), VIR_DOMAIN_DEFINE_VALIDATE));
    if (!handle) throw_last(connection, "Cannot define " + name);
    return Domain(std::move(handle));
}

/// Defines XML that libvirt wrote and we changed. Not validated: the schema does not allow all that libvirt writes.
void define_changed(virConnectPtr connection, const std::string& xml, const std::string& cannot) {
    const DomainHandle defined(virDomainDefineXML(connection, xml.c_str()));
    if (defined) return;
    const auto error = last_error();
    // The caller gave no XML: what libvirt finds wrong in it is one of the values that the copy was given.
    if (code_from(error, connection) == Code::invalid_xml)
        throw Error(Code::invalid_args, fmt::format("{}: {}", cannot, error.message));
    throw_error(connection, error, cannot);
}

}  // namespace

void undefine(const Domain& domain, bool force) {
    constexpr unsigned nvram = VIR_DOMAIN_UNDEFINE_NVRAM;
    constexpr unsigned kept = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    constexpr std::array forced{kept | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | nvram, kept | nvram, kept,
                                unsigned{VIR_DOMAIN_UNDEFINE_MANAGED_SAVE}};
    constexpr std::array plain{nvram};
    const auto flags = force ? std::span<const unsigned>(forced) : std::span<const unsigned>(plain);
    domain.check(undefine_with(domain.get(), flags), "delete");
}

Uuid LibvirtPort::create(const MachineSpec& spec) {
    const Uuid uuid = spec.uuid.value_or(Uuid::random());
    const auto lease = connections_->take();
    const auto connection = lease.get();
    const Host host{read_capabilities(read_capabilities_xml(connection)), is_session_uri(read_uri(connection))};
    const auto xml = write_domain(spec, uuid, host);
    const auto domain = [&] {
        const Reservations::Hold hold(defining_, spec.name, uuid, Code::already_exists);
        refuse_taken(connection, spec.name, uuid);
        try {
            return define_validated(connection, xml, spec.name);
        } catch (const Error& error) {
            // The caller gave no XML: what libvirt finds wrong in it is one of the spec's values.
            if (error.code() == Code::invalid_xml) throw Error(Code::invalid_args, error.what());
            throw;
        }
    }();
    finish(domain, spec);
    return uuid;
}

Uuid LibvirtPort::define(const std::string& xml, std::uint32_t owner) {
    Definition definition(xml);
    definition.give_to(owner);
    if (!definition.uuid) definition.uuid = Uuid::random();
    const auto lease = connections_->take();
    const Reservations::Hold hold(defining_, definition.name, *definition.uuid, Code::already_exists);
    refuse_taken(lease.get(), definition.name, *definition.uuid);
    define_validated(lease.get(), definition.text(), definition.name);
    return *definition.uuid;
}

Uuid LibvirtPort::define_copy(const Uuid& source, const MachineCopy& copy) {
    const auto domain = find(source);
    const auto xml = copy_domain_xml(domain.xml(VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE), copy);
    const Reservations::Hold hold(defining_, copy.name, copy.uuid, Code::already_exists);
    refuse_taken(domain.connection(), copy.name, copy.uuid);
    define_changed(domain.connection(), xml, fmt::format("Cannot define {} as a copy of {}", copy.name, domain.name()));
    return copy.uuid;
}

void LibvirtPort::check_copy(const Uuid& source, const MachineCopy& copy) {
    const auto domain = find(source);
    copy_domain_xml(domain.xml(VIR_DOMAIN_XML_INACTIVE), copy);
    refuse_taken(domain.connection(), copy.name, copy.uuid);
}

void LibvirtPort::redefine(const Uuid& uuid, const std::string& xml, std::optional<std::uint64_t> expected) {
    Definition definition(xml);
    const auto domain = find(uuid);
    const Reservations::Hold hold(defining_, definition.name, uuid, Code::machine_busy);
    if (definition.uuid != uuid)
        throw Error(Code::invalid_args, domain.cannot("redefine") + ": the XML must have the UUID " + uuid.text());
    if (definition.name != domain.name())
        throw Error(Code::invalid_args, domain.cannot("redefine") + ": the XML has another name; Rename changes it");
    if (expected && definition_digest(domain.xml(VIR_DOMAIN_XML_INACTIVE)) != *expected)
        throw Error(Code::stale_generation,
                    domain.cannot("redefine") + ": its definition was changed meanwhile; read it again");
    definition.keep_passwords(domain.xml(VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE));
    define_validated(domain.connection(), definition.text(), definition.name);
}

void LibvirtPort::remove(const Uuid& uuid, bool force) {
    const auto domain = find(uuid);
    if (!force) refuse_with_content(domain);
    const bool persistent = domain.is_persistent();
    if (domain.is_active()) {
        // It may end by itself before we end it. Xen's Domain-0 never does, and says the same.
        const int ended = virDomainDestroy(domain.get());
        const auto error = last_error();
        const bool ended_itself = code_from(error.code) == Code::invalid_state && virDomainIsActive(domain.get()) != 1;
        if (ended < 0 && !ended_itself) throw_error(domain.connection(), error, domain.cannot("power off"));
    }
    if (persistent) undefine(domain, force);
}

}  // namespace virtbus
