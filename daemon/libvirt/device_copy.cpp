// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/device_copy.h"

#include "base/uuid.h"
#include "libvirt/xml.h"
#include "libvirt/xml_edit.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace virtbus {

namespace {

/// New addresses that no network card of the source or of the copy has.
class MacAddresses {
public:
    explicit MacAddresses(const pugi::xml_node& devices) {
        for (const auto& card : devices.children("interface")) used_.insert(address_of(card));
    }

    void renew(pugi::xml_node card) {
        // The two cards of a failover team have one address.
        const auto before = card.child("teaming") ? address_of(card) : "";
        auto& team = teams_[before];
        const auto address = before.empty() || team.empty() ? choose() : team;
        if (!before.empty()) team = address;
        drop(card, "mac");
        assign(card.prepend_child("mac"), "address", address);
    }

private:
    static std::string address_of(const pugi::xml_node& card) {
        auto address = attribute(card.child("mac"), "address");
        for (char& c : address)
            if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
        return address;
    }

    std::string choose() {
        for (;;) {
            const auto random = Uuid::random().bytes();  // its last six bytes are nothing but random
            auto address = fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", random[13], random[14], random[15]);
            if (used_.insert(address).second) return address;
        }
    }

    std::set<std::string> used_;
    std::map<std::string, std::string> teams_;
};

void copy_interface(pugi::xml_node card, MacAddresses& addresses) {
    addresses.renew(card);
    drop(card, "target");
    // One that the administrator chose is what teams and arguments for QEMU refer to.
    drop_if(card, "alias", [](const auto& alias) { return !attribute(alias, "name").starts_with("ua-"); });
    for (auto source : card.children("source")) source.remove_attribute("portid");
    // The name of one port of a switch: libvirt makes another, except for midonet, whose ports are made elsewhere.
    const auto port = card.child("virtualport");
    if (attribute(port, "type") == "midonet") return;
    for (auto parameters : port.children("parameters")) {
        parameters.remove_attribute("interfaceid");
        parameters.remove_attribute("instanceid");
    }
}

void copy_vsock(pugi::xml_node vsock) {
    for (auto cid : vsock.children("cid")) {
        cid.remove_attribute("address");
        assign(cid, "auto", "yes");
    }
}

/// Two machines cannot listen on one port or socket. QEMU even takes a socket away from who listens there already.
void copy_graphics(pugi::xml_node graphics) {
    const auto is_fixed = [&](const char* name) {
        const auto port = attribute(graphics, name);
        return !port.empty() && port != "-1";
    };
    // With TLS alone it stays so: autoport could open the other port too.
    if (is_fixed("port")) assign(graphics, "autoport", "yes");
    for (const char* name : {"port", "tlsPort", "websocket"})
        if (is_fixed(name)) assign(graphics, name, "-1");
    graphics.remove_attribute("socket");
    for (auto listen : graphics.children("listen")) listen.remove_attribute("socket");
}

/// Whether a character device has something of the host that two machines cannot both have: where it listens, or the
/// file that it writes.
bool has_own_endpoint(const pugi::xml_node& device) {
    const auto type = attribute(device, "type");
    for (const auto& source : device.children("source")) {
        const bool listens = attribute(source, "mode") == "bind";
        // Where libvirt itself puts the sockets of channels.
        const auto path = attribute(source, "path");
        const bool of_libvirt =
            path.find("/channel/target/") != std::string::npos || path.find("/qemu/channel/") != std::string::npos;
        if (type == "unix" && (listens || of_libvirt)) return true;
        if (type == "tcp" && listens) return true;
    }
    return type == "file";
}

void copy_character_device(pugi::xml_node device) {
    drop(device, "log");
    if (!has_own_endpoint(device)) return;
    const auto target = attribute(device.child("target"), "type");
    const bool channel = std::string_view(device.name()) == "channel";
    if (channel && target != "virtio" && target != "xen") return;
    drop(device, "source");
    drop(device, "protocol");
    // Only for channels does libvirt make a socket by itself.
    if (channel && attribute(device, "type") == "unix") return;
    assign(device, "type", "pty");
}

void copy_tpm(pugi::xml_node tpm) {
    for (auto backend : tpm.children("backend"))
        if (attribute(backend, "type") == "emulator") drop(backend, "source");
}

void copy_device(pugi::xml_node device) {
    const std::string_view kind = device.name();
    if (kind == "vsock") copy_vsock(device);
    if (kind == "graphics") copy_graphics(device);
    if (kind == "tpm") copy_tpm(device);
    for (const std::string_view character : {"serial", "parallel", "console", "channel"})
        if (kind == character) copy_character_device(device);
}

}  // namespace

void copy_devices(pugi::xml_node devices) {
    MacAddresses addresses(devices);
    for (auto card : devices.children("interface")) copy_interface(card, addresses);
    for (auto device : devices.children()) copy_device(device);
}

}  // namespace virtbus
