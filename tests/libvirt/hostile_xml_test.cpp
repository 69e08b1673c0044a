// SPDX-License-Identifier: LGPL-2.1-or-later
// Whatever a definition contains, reading it ends soon, with a Machine fit for the bus or with invalid_xml.
#include "base/utf8.h"
#include "libvirt/domain_reader.h"
#include "support/errors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "texts.h"

namespace virtbus::test {

namespace {

std::string with(const std::string& content) {
    return "<domain "
           "type='kvm'><name>x</name><uuid>6ba7b811-9dad-11d1-80b4-00c04fd430c8</uuid><os><type>hvm</type></os>" +
           content + "</domain>";
}

std::string repeat(const std::string& text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

bool is_refused(const std::string& xml) {
    return refuses(outcome_of([&] { read_domain(xml); }), Code::invalid_xml);
}

TEST(HostileXml, WhatIsNoXmlIsRefused) {
    EXPECT_TRUE(is_refused(""));
    EXPECT_TRUE(is_refused("   "));
    EXPECT_TRUE(is_refused("domain"));
    EXPECT_TRUE(is_refused("<domain><name>x</domain>"));
    EXPECT_TRUE(is_refused(std::string("\0\0\0\0", 4)));
}

TEST(HostileXml, WhatIsNoDomainIsRefused) {
    EXPECT_TRUE(is_refused("<network><name>x</name></network>"));
    EXPECT_TRUE(is_refused("<\xff\xfe/>"));
}

TEST(HostileXml, ADomainWithoutAUuidIsRefused) {
    EXPECT_TRUE(is_refused("<domain/>"));
    EXPECT_TRUE(is_refused("<domain><uuid>x</uuid></domain>"));
}

TEST(HostileXml, EntitiesAreRefusedWithTheirDocumentType) {
    EXPECT_TRUE(
        is_refused("<!DOCTYPE domain [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]>" + with("<title>&b;</title>")));
    EXPECT_TRUE(is_refused("<!DOCTYPE domain SYSTEM 'file:///etc/passwd'>" + with("")));
}

TEST(HostileXml, DeepNestingIsRefused) {
    EXPECT_TRUE(is_refused(with(repeat("<a>", 300'000) + repeat("</a>", 300'000))));
    EXPECT_TRUE(is_refused(with("<metadata>" + repeat("<a>", 250) + repeat("</a>", 250) + "</metadata>")));
    EXPECT_FALSE(is_refused(with("<metadata>" + repeat("<a>", 100) + repeat("</a>", 100) + "</metadata>")));
}

TEST(HostileXml, TooMuchOfItIsRefused) {
    EXPECT_TRUE(is_refused(with("<description>" + std::string(std::size_t{5} << 20, 'x') + "</description>")));
}

TEST(HostileXml, InvalidUtf8BecomesReplacementCharacters) {
    const auto machine =
        read_domain(with("<title>a\xff\xc3(b</title><devices><disk type='file'><source file='/\xed\xa0\x80'/>"
                         "<target dev='vda\xc0' bus='virtio'/></disk></devices>"));
    EXPECT_TRUE(is_utf8(machine.title));
    EXPECT_TRUE(machine.title.starts_with("a\uFFFD"));
    EXPECT_TRUE(is_utf8(machine.disks.at(0).file));
    EXPECT_TRUE(is_utf8(machine.disks.at(0).target));
    for (const auto& phrase : machine.evidence) EXPECT_TRUE(is_utf8(phrase));
}

TEST(HostileXml, LongTextsAreCutBetweenCharacters) {
    const auto machine = read_domain(
        with("<title>a" + repeat("ü", 50'000) + "</title><description>" + repeat("€", 100'000) + "</description>"));
    EXPECT_LE(machine.title.size(), 4'096U);
    EXPECT_TRUE(machine.title.ends_with("ü"));
    EXPECT_LE(machine.description.size(), 100'000U);
    EXPECT_TRUE(machine.description.ends_with("€"));
}

TEST(HostileXml, HugeCountsAreCutShort) {
    const auto machine =
        read_domain(with("<devices>" + repeat("<disk><target bus='virtio'/></disk>", 50'000) + "</devices>"));
    EXPECT_LE(machine.disks.size(), 1'000U);
    EXPECT_LE(machine.evidence.size(), 1'000U);
    std::string tags;
    for (int i = 0; i < 10'000; ++i) tags += fmt::format("<tag>t{}</tag>", i);
    const auto tagged =
        read_domain(with("<metadata><machine xmlns='https://virtbus.org/machine/1'>" + tags + "</machine></metadata>"));
    EXPECT_EQ(tagged.tags.size(), 100U);
}

TEST(HostileXml, NumbersThatAreNoneAreZero) {
    for (const std::string number : {"-1", "x", "", "99999999999999999999999", "1e9", "0x10"}) {
        const auto machine =
            read_domain(with("<vcpu current='" + number + "'>" + number + "</vcpu><memory>" + number +
                             "</memory><devices><graphics type='vnc' port='" + number + "'/></devices>"));
        EXPECT_EQ(machine.vcpus, 0U) << number;
        EXPECT_EQ(machine.memory, 0U) << number;
        EXPECT_EQ(machine.graphics.at(0).port, 0U) << number;
    }
}

TEST(HostileXml, SizesDoNotOverflow) {
    EXPECT_EQ(read_domain(with("<memory unit='TiB'>18446744073709551615</memory>")).memory, UINT64_MAX);
    EXPECT_EQ(read_domain(with("<memory unit='ZiB'>1</memory>")).memory, 1'024U) << "an unknown unit is libvirt's own";
}

TEST(HostileXml, AnythingReadsOrIsRefused) {
    std::mt19937 random(1);  // the same every time
    const auto original = read_text("domains/kvm-running.xml");
    for (int round = 0; round < 2'000; ++round) {
        auto xml = original;
        for (int change = 0; change < 1 + round % 20; ++change) {
            const auto at = random() % xml.size();
            switch (random() % 3) {
                case 0: xml[at] = static_cast<char>(random()); break;
                case 1: xml.erase(at, random() % 40); break;
                default: xml.insert(at, xml.substr(random() % xml.size(), random() % 200)); break;
            }
        }
        const auto outcome = outcome_of([&] {
            const auto machine = read_domain(xml);
            for (const auto* text : {&machine.name, &machine.title, &machine.description, &machine.arch})
                EXPECT_TRUE(is_utf8(*text));
            for (const auto& phrase : machine.evidence) EXPECT_TRUE(is_utf8(phrase));
        });
        EXPECT_TRUE(!outcome.failed || refuses(outcome, Code::invalid_xml)) << outcome;
    }
}

}  // namespace

}  // namespace virtbus::test
