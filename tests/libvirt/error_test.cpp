// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/error.h"

#include "libvirt/handle.h"
#include "support/errors.h"

#include <gtest/gtest.h>
#include <libvirt/virterror.h>

namespace virtbus::test {

namespace {

TEST(LibvirtErrors, HaveNamesOfOurs) {
    EXPECT_EQ(code_from(VIR_ERR_NO_SUPPORT), Code::not_supported);
    EXPECT_EQ(code_from(VIR_ERR_INVALID_ARG), Code::invalid_args);
    EXPECT_EQ(code_from(VIR_ERR_XML_ERROR), Code::invalid_xml);
    EXPECT_EQ(code_from(VIR_ERR_XML_DETAIL), Code::invalid_xml);
    EXPECT_EQ(code_from(VIR_ERR_DOM_EXIST), Code::already_exists);
    EXPECT_EQ(code_from(VIR_ERR_OPERATION_DENIED), Code::access_denied);
    EXPECT_EQ(code_from(VIR_ERR_NO_DOMAIN), Code::no_such_machine);
    EXPECT_EQ(code_from(VIR_ERR_AUTH_FAILED), Code::access_denied);
    EXPECT_EQ(code_from(VIR_ERR_OPERATION_INVALID), Code::invalid_state);
    EXPECT_EQ(code_from(VIR_ERR_CONFIG_UNSUPPORTED), Code::not_supported);
    EXPECT_EQ(code_from(VIR_ERR_OPERATION_TIMEOUT), Code::machine_busy);
    EXPECT_EQ(code_from(VIR_ERR_OPERATION_ABORTED), Code::cancelled);
    EXPECT_EQ(code_from(VIR_ERR_AGENT_UNRESPONSIVE), Code::agent_unresponsive);
    EXPECT_EQ(code_from(VIR_ERR_RESOURCE_BUSY), Code::machine_busy);
    EXPECT_EQ(code_from(VIR_ERR_XML_INVALID_SCHEMA), Code::invalid_xml);
}

TEST(LibvirtErrors, WithoutANameAreFailed) {
    for (const int number : {0, 1, 2, 9, 38, 39, 99, 1'000, -1}) EXPECT_EQ(code_from(number), Code::failed) << number;
}

TEST(LibvirtErrors, AboutAFlagThatADriverDoesNotKnowAreNotSupported) {
    const LibvirtError flag{.code = VIR_ERR_INVALID_ARG, .argument = "flags", .message = "unsupported flags"};
    const LibvirtError memory{.code = VIR_ERR_INVALID_ARG, .argument = "memory", .message = "too much"};
    EXPECT_EQ(code_from(flag, nullptr), Code::not_supported);
    EXPECT_EQ(code_from(memory, nullptr), Code::invalid_args);
}

TEST(LibvirtErrors, AreCopiedBeforeAnotherCallForgetsThem) {
    const ConnectionHandle connection(virConnectOpen("test:///default"));
    ASSERT_TRUE(connection);
    const DomainHandle none(virDomainLookupByName(connection.get(), "nobody"));
    EXPECT_FALSE(none);
    const auto error = last_error();
    virConnectIsAlive(connection.get());
    EXPECT_EQ(error.code, VIR_ERR_NO_DOMAIN);
    EXPECT_TRUE(error.message.starts_with("Domain not found")) << error.message;
    EXPECT_EQ(last_error().code, VIR_ERR_OK);
}

TEST(LibvirtErrors, SayWhatWasTried) {
    const LibvirtError error{.code = VIR_ERR_OPERATION_INVALID, .message = "domain is running"};
    const auto outcome = outcome_of([&] { throw_error(nullptr, error, "Cannot start web"); });
    EXPECT_TRUE(refuses(outcome, Code::invalid_state, "Cannot start web: domain is running")) << outcome;
}

TEST(LibvirtErrors, DoNotSayTwiceThatItCannotBe) {
    const LibvirtError error{.code = VIR_ERR_OPERATION_INVALID,
                             .message = "Requested operation is not valid: domain is not running"};
    const auto outcome = outcome_of([&] { throw_error(nullptr, error, "Cannot pause web"); });
    EXPECT_EQ(outcome.text, "Cannot pause web: domain is not running");
}

TEST(LibvirtErrors, OfTheXmlParserDoNotQuoteTheDocument) {
    const LibvirtError error{.code = VIR_ERR_XML_DETAIL,
                             .message = "(domain):1: bad\n<domain><secret/></domain>\n---^"};
    const auto outcome = outcome_of([&] { throw_error(nullptr, error, "Cannot define web"); });
    EXPECT_EQ(outcome.text, "Cannot define web: (domain):1: bad");
}

}  // namespace

}  // namespace virtbus::test
