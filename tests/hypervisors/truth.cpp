// SPDX-License-Identifier: LGPL-2.1-or-later
#include "truth.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>

#include <csignal>
#include <cstdlib>
#include <span>
#include <stdexcept>

namespace virtbus::test {

namespace {

void say_nothing(void*, virErrorPtr) {}

void check(bool good, const std::string& what) {
    if (!good) throw std::runtime_error(what + ": " + virGetLastErrorMessage());
}

std::string state_of(virDomainPtr domain) {
    int state = 0;
    check(virDomainGetState(domain, &state, nullptr, 0) == 0, "virDomainGetState");
    switch (state) {
        case VIR_DOMAIN_RUNNING: return "running";
        case VIR_DOMAIN_PAUSED: return "paused";
        case VIR_DOMAIN_SHUTOFF: return "shut-off";
        default: return "another";
    }
}

std::string title_of(virDomainPtr domain) {
    char* text = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_TITLE, nullptr, 0);
    std::string title = text != nullptr ? text : "";
    std::free(text);
    return title;
}

}  // namespace

std::string Truth::name(int number) { return number == 0 ? "test" : fmt::format("m{}", number); }

std::string Truth::uuid(int number) {
    return number == 0 ? "6695eb01-f6a4-8304-79aa-97f2502e193f"  // libvirt's own
                       : fmt::format("deadbeef-0000-4000-8000-{:012}", number);
}

void Truth::fill() {
    std::signal(SIGPIPE, SIG_IGN);  // its daemon may have been killed
    virSetErrorFunc(nullptr, say_nothing);
    connection_.reset(virConnectOpen(libvirtd.uri().c_str()));
    check(connection_ != nullptr, "virConnectOpen");
    for (int number = 1; number < machine_count; ++number) {
        const auto xml = fmt::format(
            "<domain type='test'><name>{}</name><uuid>{}</uuid><memory>8192</memory>"
            "<os><type>hvm</type></os></domain>",
            name(number), uuid(number));
        const auto domain = virDomainDefineXML(connection_.get(), xml.c_str());
        check(domain != nullptr, "virDomainDefineXML");
        const bool started = virDomainCreate(domain) == 0 || virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID;
        virDomainFree(domain);
        check(started, "virDomainCreate");
    }
}

Machines Truth::machines() const {
    virDomainPtr* domains = nullptr;
    const int count = virConnectListAllDomains(connection_.get(), &domains, 0);
    check(count >= 0, "virConnectListAllDomains");
    Machines machines;
    for (const auto domain : std::span(domains, static_cast<std::size_t>(count))) {
        char uuid[VIR_UUID_STRING_BUFLEN];
        virDomainGetUUIDString(domain, uuid);
        machines[uuid] = fmt::format("{}, {}, {}", virDomainGetName(domain), state_of(domain), title_of(domain));
        virDomainFree(domain);
    }
    std::free(domains);
    return machines;
}

void Truth::kill() {
    libvirtd.kill();
    connection_.reset();
}

}  // namespace virtbus::test
