// SPDX-License-Identifier: LGPL-2.1-or-later
// From libvirt's XML of pools and volumes to values, whatever the XML contains.
#include "libvirt/storage_reader.h"

#include "base/utf8.h"
#include "support/errors.h"

#include <gtest/gtest.h>

namespace virtbus::test {

namespace {

std::string pool_xml(const std::string& content) {
    return "<pool type='dir'><name>default</name><uuid>6ba7b811-9dad-11d1-80b4-00c04fd430c8</uuid>" + content +
           "</pool>";
}

std::string volume_xml(const std::string& content, const std::string& type = "file") {
    return "<volume type='" + type + "'><name>web.img</name><key>/pools/default/web.img</key>" + content + "</volume>";
}

Image read_image(const std::string& content) {
    const auto image = read_volume_xml(volume_xml(content));
    EXPECT_TRUE(image) << content;
    return image.value_or(Image{});
}

std::string format_read_from(const std::string& target) { return read_image("<target>" + target + "</target>").format; }

TEST(StorageReader, ReadsAPool) {
    const auto pool = read_pool_xml(pool_xml(
        "<capacity unit='bytes'>1000</capacity><allocation unit='KiB'>2</allocation><available unit='GiB'>3</available>"
        "<source/><target><path>/var/lib/libvirt/images</path><permissions><mode>0711</mode></permissions></target>"));
    EXPECT_EQ(pool.name, "default");
    EXPECT_EQ(pool.uuid.text(), "6ba7b811-9dad-11d1-80b4-00c04fd430c8");
    EXPECT_EQ(pool.type, "dir");
    EXPECT_EQ(pool.path, "/var/lib/libvirt/images");
    EXPECT_EQ(pool.capacity, 1'000U);
    EXPECT_EQ(pool.allocation, 2'048U);
    EXPECT_EQ(pool.available, std::uint64_t{3} << 30);
}

TEST(StorageReader, ReadsAPoolWithoutADirectory) {
    const auto pool = read_pool_xml(
        "<pool type='rbd'><name>ceph</name>"
        "<uuid>6ba7b811-9dad-11d1-80b4-00c04fd430c8</uuid><source><name>rbd</name><host name='mon'/></source></pool>");
    EXPECT_EQ(pool.type, "rbd");
    EXPECT_EQ(pool.path, "");
    EXPECT_EQ(pool.capacity, 0U);
}

TEST(StorageReader, ReadsAnImage) {
    const auto image = read_image(
        "<capacity unit='bytes'>1073741824</capacity><allocation unit='bytes'>200704</allocation>"
        "<physical unit='bytes'>196616</physical>"
        "<target><path>/pools/default/web.img</path><format type='qcow2'/>"
        "<timestamps><atime>1.5</atime><mtime>1763863200.123456789</mtime><ctime>2</ctime></timestamps>"
        "<compat>1.1</compat></target>"
        "<backingStore><path>/pools/default/base</path><format type='raw'/></backingStore>");
    EXPECT_EQ(image.name, "web.img");
    EXPECT_EQ(image.pool, "") << "the XML does not say";
    EXPECT_EQ(image.path, "/pools/default/web.img");
    EXPECT_EQ(image.format, "qcow2");
    EXPECT_EQ(image.virtual_size, std::uint64_t{1} << 30);
    EXPECT_EQ(image.allocation, 200'704U);
    EXPECT_EQ(image.file_size, 196'616U);
    EXPECT_EQ(image.modified, 1'763'863'200'123'456U);
    EXPECT_EQ(image.backing_file, "/pools/default/base");
    EXPECT_EQ(image.backing_format, "raw");
    EXPECT_FALSE(image.encrypted);
}

TEST(StorageReader, AFileOfWhichOnlyTheCapacityIsKnownIsThatLong) {
    EXPECT_EQ(read_image("<capacity unit='bytes'>512</capacity>").file_size, 512U);
}

TEST(StorageReader, WhatHasNoFormatIsRaw) {
    EXPECT_EQ(format_read_from("<format type='raw'/>"), "raw");
    EXPECT_EQ(format_read_from(""), "raw");
    EXPECT_EQ(format_read_from("<format/>"), "raw");
    EXPECT_EQ(format_read_from("<format type='none'/>"), "raw") << "a logical volume";
    EXPECT_EQ(format_read_from("<format type='unknown'/>"), "raw");
    EXPECT_EQ(format_read_from("<format type='iso'/>"), "raw");
    for (const std::string format : {"qcow2", "vmdk", "vdi", "vpc", "qed", "luks"})
        EXPECT_EQ(format_read_from("<format type='" + format + "'/>"), format);
}

TEST(StorageReader, ABackingFileWhoseFormatIsNotSaidHasNone) {
    const auto image = read_image("<backingStore><path>/base</path></backingStore>");
    EXPECT_EQ(image.backing_file, "/base");
    EXPECT_EQ(image.backing_format, "");
    EXPECT_EQ(read_image("<backingStore/>").backing_file, "");
}

TEST(StorageReader, AnEncryptedImageIsEncrypted) {
    EXPECT_TRUE(read_image("<target><encryption format='luks'><secret uuid='x'/></encryption></target>").encrypted);
}

TEST(StorageReader, DirectoriesAreNoImages) {
    EXPECT_EQ(read_volume_xml(volume_xml("", "dir")), std::nullopt);
    EXPECT_EQ(read_volume_xml(volume_xml("", "netdir")), std::nullopt);
    for (const auto* type : {"file", "block", "network", "ploop"}) EXPECT_TRUE(read_volume_xml(volume_xml("", type)));
}

TEST(StorageReader, TimesAreMicroseconds) {
    const auto modified = [](const std::string& text) {
        return read_image("<target><timestamps><mtime>" + text + "</mtime></timestamps></target>").modified;
    };
    EXPECT_EQ(modified("7"), 7'000'000U);
    EXPECT_EQ(modified("7.5"), 7'500'000U);
    EXPECT_EQ(modified("7.000001999"), 7'000'001U);
    for (const std::string none : {"", "x", "-1", ".", "1e9", "99999999999999999999", "18446744073709551615.9"})
        EXPECT_EQ(modified(none), 0U) << none;
}

TEST(HostileStorageXml, WhatIsNoPoolOrVolumeIsRefused) {
    for (const std::string xml : {"", "pool", "<pool", "<domain/>", "<pool/>", "<pool><uuid>x</uuid></pool>",
                                  "<!DOCTYPE pool [<!ENTITY a 'a'>]><pool/>"})
        EXPECT_TRUE(refuses(outcome_of([&] { read_pool_xml(xml); }), Code::invalid_xml)) << xml;
    for (const std::string xml : {"", "volume", "<volume", "<pool/>", "<!DOCTYPE volume SYSTEM 'file:///x'><volume/>"})
        EXPECT_TRUE(refuses(outcome_of([&] { read_volume_xml(xml); }), Code::invalid_xml)) << xml;
}

TEST(HostileStorageXml, TooMuchAndTooDeepIsRefused) {
    std::string deep;
    for (int i = 0; i < 300; ++i) deep += "<a>";
    for (int i = 0; i < 300; ++i) deep += "</a>";
    EXPECT_TRUE(refuses(outcome_of([&] { read_volume_xml(volume_xml(deep)); }), Code::invalid_xml));
    const std::string much(std::size_t{5} << 20, 'x');
    EXPECT_TRUE(refuses(outcome_of([&] { read_volume_xml(volume_xml("<a>" + much + "</a>")); }), Code::invalid_xml));
}

TEST(HostileStorageXml, SizesNeverOverflow) {
    EXPECT_EQ(read_image("<capacity unit='TiB'>18446744073709551615</capacity>").virtual_size, UINT64_MAX);
    for (const std::string none : {"-1", "x", "", "99999999999999999999", "1e9"})
        EXPECT_EQ(read_image("<capacity unit='bytes'>" + none + "</capacity>").virtual_size, 0U) << none;
}

TEST(HostileStorageXml, TextIsUtf8AndOfBoundedLength) {
    const auto image = read_image(
        "<target><path>/\xff</path><format type='\xc3'/></target>"
        "<backingStore><path>/" +
        std::string(100'000, 'x') + "</path></backingStore>");
    EXPECT_TRUE(is_utf8(image.path));
    EXPECT_TRUE(is_utf8(image.format));
    EXPECT_LE(image.backing_file.size(), 4'096U);
}

}  // namespace

}  // namespace virtbus::test
