// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/error.h"

#include "base/log.h"
#include "base/utf8.h"

#include <fmt/format.h>
#include <libvirt/virterror.h>

#include <array>
#include <string_view>

namespace virtbus {

namespace {

struct Entry {
    int number;
    Code code;
};

// What is not here is `failed`.
constexpr std::array table{
    Entry{VIR_ERR_NO_SUPPORT, Code::not_supported},
    Entry{VIR_ERR_INVALID_ARG, Code::invalid_args},
    Entry{VIR_ERR_XML_ERROR, Code::invalid_xml},
    Entry{VIR_ERR_DOM_EXIST, Code::already_exists},
    Entry{VIR_ERR_OPERATION_DENIED, Code::access_denied},
    Entry{VIR_ERR_XML_DETAIL, Code::invalid_xml},
    Entry{VIR_ERR_NETWORK_EXIST, Code::already_exists},
    Entry{VIR_ERR_NO_DOMAIN, Code::no_such_machine},
    Entry{VIR_ERR_INVALID_MAC, Code::invalid_args},
    Entry{VIR_ERR_NO_NETWORK, Code::no_such_network},
    Entry{VIR_ERR_NO_STORAGE_POOL, Code::no_such_pool},
    Entry{VIR_ERR_NO_STORAGE_VOL, Code::no_such_image},
    Entry{VIR_ERR_AUTH_FAILED, Code::access_denied},
    Entry{VIR_ERR_OPERATION_INVALID, Code::invalid_state},
    Entry{VIR_ERR_CONFIG_UNSUPPORTED, Code::not_supported},
    Entry{VIR_ERR_OPERATION_TIMEOUT, Code::machine_busy},
    Entry{VIR_ERR_ARGUMENT_UNSUPPORTED, Code::not_supported},
    Entry{VIR_ERR_OPERATION_ABORTED, Code::cancelled},
    Entry{VIR_ERR_AUTH_CANCELLED, Code::access_denied},
    Entry{VIR_ERR_OVERFLOW, Code::invalid_args},
    Entry{VIR_ERR_BLOCK_COPY_ACTIVE, Code::machine_busy},
    Entry{VIR_ERR_OPERATION_UNSUPPORTED, Code::not_supported},
    Entry{VIR_ERR_AGENT_UNRESPONSIVE, Code::agent_unresponsive},
    Entry{VIR_ERR_RESOURCE_BUSY, Code::machine_busy},
    Entry{VIR_ERR_ACCESS_DENIED, Code::access_denied},
    Entry{VIR_ERR_STORAGE_VOL_EXIST, Code::already_exists},
    Entry{VIR_ERR_XML_INVALID_SCHEMA, Code::invalid_xml},
    Entry{VIR_ERR_AUTH_UNAVAILABLE, Code::access_denied},
    Entry{VIR_ERR_AGENT_UNSYNCED, Code::agent_unresponsive},
    Entry{VIR_ERR_MULTIPLE_DOMAINS, Code::ambiguous},
};

/// Which driver has no function for it: a fact that the connection keeps, or learns once.
std::string no_function_text(virConnectPtr connection) {
    const char* type = connection != nullptr ? virConnectGetType(connection) : nullptr;
    return fmt::format("libvirt's {}driver cannot do that", type != nullptr ? to_utf8(type) + " " : "");
}

/// libvirt's words without those that the error's name says already.
std::string reason(const LibvirtError& error) {
    constexpr std::string_view invalid = "Requested operation is not valid: ";
    // What follows the first line of an XML parser's message quotes the document.
    if (error.code == VIR_ERR_XML_DETAIL) return error.message.substr(0, error.message.find('\n'));
    return error.message.starts_with(invalid) ? error.message.substr(invalid.size()) : error.message;
}

}  // namespace

LibvirtError last_error() {
    const virError* error = virGetLastError();
    if (error == nullptr) return {};
    const auto copy = [](const char* text) { return to_utf8(text != nullptr ? text : ""); };
    return {error->code, error->domain, error->int1, copy(error->str2), copy(error->message)};
}

Code code_from(int error_number) {
    for (const auto& entry : table)
        if (entry.number == error_number) return entry.code;
    return Code::failed;
}

Code code_from(const LibvirtError& error, virConnectPtr connection) {
    if (error.code == VIR_ERR_INVALID_ARG && error.argument == "flags") return Code::not_supported;
    // An answer that names its reason was given, even if the connection died right after it; the errors of calls that
    // die with the connection name none.
    const Code code = code_from(error.code);
    const bool dead = connection != nullptr && virConnectIsAlive(connection) != 1;
    return code == Code::failed && dead ? Code::disconnected : code;
}

void throw_error(virConnectPtr connection, const LibvirtError& error, const std::string& what) {
    const Code code = code_from(error, connection);
    log::debug(fmt::format("{}: {}", what, error.message),
               {{"VIRTBUS_LIBVIRT_ERROR", fmt::format("{}/{}/{}", error.code, error.domain, error.number)}});
    // libvirt's own text is of no use then: "An error occurred, but the cause is unknown".
    if (code == Code::disconnected) throw Error(code, what + ": the connection to the hypervisor was lost");
    // libvirt's own text names one of its functions.
    if (error.code == VIR_ERR_NO_SUPPORT) throw Error(code, what + ": " + no_function_text(connection));
    const auto message = reason(error);
    throw Error(code, what + ": " + (message.empty() ? "libvirt does not say why" : message));
}

void throw_last(virConnectPtr connection, const std::string& what) {
    const LibvirtError error = last_error();
    throw_error(connection, error, what);
}

}  // namespace virtbus
