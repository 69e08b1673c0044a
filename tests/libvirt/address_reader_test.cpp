// SPDX-License-Identifier: LGPL-2.1-or-later
// Addresses as guest agents tell them: right ones, and whatever else may come.
#include "libvirt/address_reader.h"

#include "base/utf8.h"
#include "support/errors.h"

#include <gtest/gtest.h>

#include "scripted_agent.h"

namespace virtbus::test {

namespace {

const std::string network_command = "guest-network-get-interfaces";

std::vector<Address> told(const Json& answer) {
    ScriptedAgent guest;
    guest.answers[network_command] = Json{{"return", answer}}.dump(-1, ' ', false, Json::error_handler_t::ignore);
    GuestAgent agent("web", guest.sender());
    return read_agent_addresses(agent);
}

Json interface(const Json& addresses) {
    return {{{"name", "eth0"}, {"hardware-address", "52:54:00:AB:00:01"}, {"ip-addresses", addresses}}};
}

Json ip_address(const Json& address, const Json& prefix) {
    return {{"ip-address", address}, {"ip-address-type", "ipv4"}, {"prefix", prefix}};
}

TEST(AgentAddresses, AreReadAsAnAgentTellsThem) {
    const auto found = told(Json::parse(R"([
        {"name": "lo", "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8}],
         "statistics": {"tx-packets": 1}, "hardware-address": "00:00:00:00:00:00"},
        {"name": "eth0", "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "192.168.122.15", "prefix": 24},
                                          {"ip-address-type": "ipv6", "ip-address": "fe80::5054:ff:feab:1", "prefix": 64}],
         "hardware-address": "52:54:00:ab:00:01"},
        {"name": "sit0"}])"));
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[1],
              (Address{"52:54:00:ab:00:01", *IpAddress::parse("192.168.122.15"), 24, {AddressSource::agent}, "eth0"}));
    EXPECT_EQ(found[2].address.text(), "fe80::5054:ff:feab:1");
}

TEST(AgentAddresses, AreLeftOutWhenTheyAreNone) {
    EXPECT_TRUE(told(Json::array()).empty());
    EXPECT_TRUE(told(Json::array({1, "x", nullptr, Json::object(), Json::array()})).empty());
    EXPECT_TRUE(told(interface("x")).empty());
    EXPECT_TRUE(told(interface(Json::array({1, Json::object(), Json::array()}))).empty());
    for (const Json& address :
         {Json("web"), Json(7), Json(nullptr), Json(""), Json("1.2.3.4; rm -rf /"), Json("1.2.3")})
        EXPECT_TRUE(told(interface(Json::array({ip_address(address, 24)}))).empty()) << address;
}

TEST(AgentAddresses, HaveNoPrefixThatTheyCannotHave) {
    for (const Json& prefix : {Json(33), Json(-1), Json("24"), Json(nullptr), Json(1e9), Json(UINT64_MAX)})
        EXPECT_EQ(told(interface(Json::array({ip_address("10.0.0.1", prefix)}))).at(0).prefix, 0U) << prefix;
}

TEST(AgentAddresses, HaveNamesThatCanBeShown) {
    auto answer = interface(Json::array({ip_address("10.0.0.1", 24)}));
    answer[0]["name"] = std::string(5'000, 'x');
    answer[0]["hardware-address"] = "so be it";
    EXPECT_LE(told(answer).at(0).device.size(), 64U);
    EXPECT_EQ(told(answer).at(0).mac, "");
    answer[0]["name"] = std::string(63, 'x') + "ü";
    EXPECT_TRUE(is_utf8(told(answer).at(0).device)) << "not cut in the midst of a character";
    answer[0]["name"] = 7;
    EXPECT_EQ(told(answer).at(0).device, "");
}

TEST(AgentAddresses, AreNotMoreThanAMachineMayHave) {
    Json many = Json::array();
    for (int i = 0; i < 3'000; ++i) many.push_back(ip_address("10.0.0.1", 24));
    EXPECT_EQ(told(interface(many)).size(), 256U);
}

TEST(AgentAddresses, AreNoAnswerOfAnotherKind) {
    for (const Json& answer : {Json(7), Json("x"), Json::object()})
        EXPECT_TRUE(refuses(outcome_of([&] { told(answer); }), Code::agent_unresponsive)) << answer;
}

}  // namespace

}  // namespace virtbus::test
