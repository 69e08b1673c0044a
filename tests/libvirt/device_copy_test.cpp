// SPDX-License-Identifier: LGPL-2.1-or-later
// What the devices of a copy have of their source's, and what of their own.
#include "libvirt/device_copy.h"

#include "libvirt/domain_reader.h"

#include <gtest/gtest.h>

#include <set>

#include "copied_domain.h"

namespace virtbus::test {

namespace {

TEST(DeviceCopy, HasNewMacAddresses) {
    std::set<std::string> seen{"52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"};
    for (int round = 0; round < 20; ++round)
        for (const auto& card : read_domain(copied_web().text).interfaces) {
            EXPECT_TRUE(card.mac.starts_with("52:54:00:")) << card.mac;
            EXPECT_EQ(card.mac.size(), 17U) << card.mac;
            EXPECT_TRUE(seen.insert(card.mac).second) << card.mac << " again";
        }
    EXPECT_EQ(seen.size(), 63U);
}

TEST(DeviceCopy, HasMacAddressesThatDifferAmongManyCards) {
    std::string cards;
    for (int i = 0; i < 20'000; ++i) cards += "<interface type='user'/>";
    const Copied copy(definition(cards));
    pugi::xml_document document;
    std::set<std::string> addresses;
    for (const auto& card : parse_xml(document, copy.text, "domain").child("devices").children())
        addresses.insert(attribute(card.child("mac"), "address"));
    EXPECT_EQ(addresses.size(), 20'000U) << "two of so many random ones would be equal without care";
}

TEST(DeviceCopy, KeepsTeamsOfCardsTogether) {
    const auto card = [](const std::string& mac, const std::string& alias, const std::string& team) {
        return "<interface type='user'><mac address='" + mac + "'/><alias name='" + alias + "'/>" + team +
               "</interface>";
    };
    const Copied copy(
        definition(card("52:54:00:AB:00:01", "ua-first", "<teaming type='persistent'/>") +
                   card("52:54:00:ab:00:01", "net1", "<teaming type='transient' persistent='ua-first'/>") +
                   card("52:54:00:ab:00:01", "net2", "")));
    const auto first = copy.at("devices/interface[1]/mac/@address");
    EXPECT_EQ(copy.at("devices/interface[2]/mac/@address"), first);
    EXPECT_NE(copy.at("devices/interface[3]/mac/@address"), first);
    EXPECT_EQ(copy.at("devices/interface/alias/@name"), "ua-first") << "libvirt's own aliases go";
}

TEST(DeviceCopy, HasItsCardsWhereTheGuestExpectsThem) {
    const auto copy = copied_web();
    EXPECT_EQ(copy.at("devices/interface[1]/address/@bus"), "0x01");
    EXPECT_EQ(copy.at("devices/interface[1]/source/@network"), "default");
    EXPECT_EQ(copy.at("devices/interface/model/@type"), "virtio virtio e1000e");
    EXPECT_EQ(copy.count("devices/interface/target"), 0U);
    EXPECT_EQ(copy.count("devices/interface//@interfaceid"), 0U);
    EXPECT_EQ(copy.at("devices/interface//@profileid"), "web");
}

TEST(DeviceCopy, HasPortsOfSwitchesOfItsOwnExceptThoseMadeElsewhere) {
    const auto card = [](const std::string& type) {
        return "<interface type='network'><source network='n' portid='p'/><virtualport type='" + type +
               "'><parameters interfaceid='i' instanceid='j'/></virtualport></interface>";
    };
    const Copied copy(definition(card("openvswitch") + card("802.1Qbg") + card("midonet")));
    EXPECT_EQ(copy.at("devices/interface/source/@*"), "n n n");
    EXPECT_EQ(copy.count("devices/interface[position() < 3]/virtualport/parameters/@*"), 0U);
    EXPECT_EQ(copy.at("devices/interface[3]/virtualport/parameters/@interfaceid"), "i");
}

TEST(DeviceCopy, HasATpmWithAStateOfItsOwn) {
    const auto tpm = [](const std::string& type) {
        return "<tpm model='tpm-crb'><backend type='" + type + "'><source path='/tpm'/></backend></tpm>";
    };
    const Copied copy(definition(tpm("emulator") + tpm("external")));
    EXPECT_EQ(copy.at("devices/tpm[backend/source]/backend/@type"), "external");
    EXPECT_EQ(copy.count("devices/tpm"), 2U);
}

TEST(DeviceCopy, HasAVsockAddressOfLibvirtsChoice) {
    EXPECT_EQ(copied_web().at("devices/vsock/cid/@*"), "yes");
    EXPECT_EQ(copied_web().at("devices/vsock/cid/@auto"), "yes");
}

TEST(DeviceCopy, ListensNowhereTheSourceDoes) {
    const auto copy = copied_web();
    EXPECT_EQ(copy.at("devices/channel[1]/@type"), "unix");
    EXPECT_EQ(copy.count("devices/channel[1]/source"), 0U) << "that libvirt made";
    EXPECT_EQ(copy.count("devices/channel[2]/source"), 0U) << "that somebody chose";
    EXPECT_EQ(copy.at("devices/channel[3]/source/@path"), "/run/collector.sock") << "where another listens";
    EXPECT_EQ(copy.at("devices/channel/target/@name"),
              "org.qemu.guest_agent.0 com.example.control com.example.collector");
}

TEST(DeviceCopy, HasPseudoTerminalsForSerialPortsThatListenOrWriteFiles) {
    const auto copy = copied_web();
    EXPECT_EQ(copy.at("devices/serial/@type"), "pty pty");
    EXPECT_EQ(copy.at("devices/serial/target/@port"), "0 1");
    EXPECT_EQ(copy.count("devices/serial/*"), 2U) << "the targets alone";
    const Copied other(
        definition("<serial type='tcp'><source mode='connect' host='h' service='1'/><log file='/l'/>"
                   "</serial>"
                   "<console type='unix'><source mode='bind' path='/c'/></console>"
                   "<serial type='dev'><source path='/dev/ttyS0'/></serial>"));
    EXPECT_EQ(other.at("devices/serial/@type"), "tcp dev");
    EXPECT_EQ(other.at("devices/serial/source/@host"), "h");
    EXPECT_EQ(other.count("devices/serial/log"), 0U);
    EXPECT_EQ(other.at("devices/console/@type"), "pty");
}

TEST(DeviceCopy, HasPortsOfLibvirtsChoiceAndKeepsThePassword) {
    const auto copy = copied_web();
    EXPECT_EQ(copy.at("devices/graphics/@port"), "-1");
    EXPECT_EQ(copy.at("devices/graphics/@websocket"), "-1");
    EXPECT_EQ(copy.at("devices/graphics/@autoport"), "yes");
    EXPECT_EQ(copy.at("devices/graphics/@passwd"), "geheim");
    EXPECT_EQ(copy.at("devices/graphics/listen/@address"), "127.0.0.1");
    const Copied automatic(
        definition("<graphics type='vnc' port='-1' autoport='yes'/>"
                   "<graphics type='sdl' display=':0'/>"
                   "<graphics type='vnc'><listen type='none'/></graphics>"));
    EXPECT_EQ(automatic.at("devices/graphics/@autoport"), "yes") << "nothing is added";
    EXPECT_EQ(automatic.count("devices/graphics/@port"), 1U);
}

TEST(DeviceCopy, OpensNoPortInTheClearWhereTheSourceHasNone) {
    const Copied copy(definition("<graphics type='spice' tlsPort='5999' autoport='no'/>"));
    EXPECT_EQ(copy.at("devices/graphics/@tlsPort"), "-1");
    EXPECT_EQ(copy.at("devices/graphics/@autoport"), "no");
    EXPECT_EQ(copy.count("devices/graphics/@port"), 0U);
}

TEST(DeviceCopy, HasNoSocketOfTheSourcesGraphics) {
    const Copied copy(
        definition("<graphics type='vnc' socket='/run/v'><listen type='socket' socket='/run/v'/>"
                   "</graphics>"));
    EXPECT_EQ(copy.count("devices/graphics//@socket"), 0U);
    EXPECT_EQ(copy.at("devices/graphics/listen/@type"), "socket");
}

}  // namespace

}  // namespace virtbus::test
