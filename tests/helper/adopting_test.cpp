// SPDX-License-Identifier: LGPL-2.1-or-later
// Files that strangers gave us become images only if they are what they say, and nothing but themselves.
#include "helper_test.h"

#include <fstream>

namespace virtbus::test {

namespace {

class Adopting : public HelperTest {
protected:
    /// A sound image that was imported, under its temporary name.
    void import() {
        make_qcow2("a", 16 * mebibyte, mebibyte);
        std::filesystem::rename(path("a"), path(".virtbus-1"));
    }

    void expect_refused(const std::string& because) {
        const auto outcome = outcome_of([&] { tool_.adopt(target("new.qcow2"), transfer_); });
        EXPECT_TRUE(refuses(outcome, Code::unsafe_image)) << outcome;
        EXPECT_NE(outcome.text.find(because), std::string::npos) << outcome;
        EXPECT_FALSE(exists(".virtbus-1"));
        EXPECT_FALSE(exists("new.qcow2"));
    }

    void create(std::vector<std::string> options) {
        std::vector<std::string> words{"qemu-img", "create", "-q", "-f", "qcow2"};
        words.insert(words.end(), options.begin(), options.end());
        words.push_back(path(".virtbus-1"));
        words.push_back("16M");
        run(words);
    }
};

TEST_F(Adopting, TakesASoundImage) {
    import();
    const auto before = checksum(".virtbus-1").substr(0, 64);
    tool_.adopt(target("new.qcow2"), transfer_);
    EXPECT_EQ(checksum("new.qcow2").substr(0, 64), before);
}

TEST_F(Adopting, TakesEveryKindOfImageThatStandsAlone) {
    for (const auto* options :
         {"compat=0.10", "cluster_size=512", "cluster_size=2M", "extended_l2=on", "compression_type=zstd",
          "lazy_refcounts=on", "refcount_bits=1", "preallocation=metadata"}) {
        create({"-o", options});
        EXPECT_EQ(outcome_of([&] { tool_.adopt(target(options), transfer_); }).text, "") << options;
    }
}

TEST_F(Adopting, TakesAnythingForARawImage) {
    make_raw(".virtbus-1", mebibyte, mebibyte);
    tool_.adopt(target("new.img", "raw"), transfer_);
    EXPECT_TRUE(exists("new.img"));
}

TEST_F(Adopting, RefusesWhatNamesABackingFile) {
    create({"-u", "-b", "/etc/shadow", "-F", "raw"});
    expect_refused("names a backing file");
    create({"-u", "-b", "/etc/shadow", "-F", "raw", "-o", "compat=0.10"});
    expect_refused("names a backing file");
}

TEST_F(Adopting, RefusesWhatKeepsItsDataElsewhere) {
    create({"-o", "data_file=" + path("data") + ",data_file_raw=on"});
    expect_refused("data in another file");
}

TEST_F(Adopting, RefusesWhatIsEncrypted) {
    import();
    patch(".virtbus-1", 32, std::string("\0\0\0\2", 4));
    expect_refused("encrypted");
}

TEST_F(Adopting, RefusesHeadersThatCannotBe) {
    import();
    patch(".virtbus-1", 20, std::string("\0\0\0\x3f", 4));
    expect_refused("clusters of 2^63");
    import();
    patch(".virtbus-1", 24, std::string("\x10\0\0\0\0\0\0\0", 8));
    expect_refused("too large");
    import();
    patch(".virtbus-1", 72, std::string("\0\0\0\0\0\0\0\x02", 8));
    expect_refused("corrupt");
    import();
    patch(".virtbus-1", 0, "QED");
    expect_refused("not a qcow2 image");
}

TEST_F(Adopting, RefusesWhatWasCutOff) {
    import();
    std::filesystem::resize_file(path(".virtbus-1"), 100'000);
    expect_refused("cut off");
    import();
    std::filesystem::resize_file(path(".virtbus-1"), 500'000);
    expect_refused("damaged");
    import();
    std::filesystem::resize_file(path(".virtbus-1"), 0);
    expect_refused("too short");
}

TEST_F(Adopting, RefusesWhatOnlyQemuFindsWrong) {
    import();
    patch(".virtbus-1", 0x40000, std::string("\x80\0\0\0\x7f\xff\0\0", 8));
    expect_refused("damaged");
    import();
    patch(".virtbus-1", 36, std::string("\0\0\0\0", 4));  // too short an L1 table for its size
    expect_refused("QEMU cannot read it");
}

TEST_F(Adopting, RefusesWhatIsNoFile) {
    std::filesystem::create_symlink("/etc/shadow", path(".virtbus-1"));
    EXPECT_FAILS(invalid_args, tool_.adopt(target("new.img", "raw"), transfer_));
    std::filesystem::remove(path(".virtbus-1"));
    EXPECT_FAILS(no_such_image, tool_.adopt(target("new.img", "raw"), transfer_));
}

TEST_F(Adopting, NeverTakesTheNameOfAnother) {
    make_raw("a.img", mebibyte, mebibyte);
    const auto before = checksum("a.img");
    make_raw(".virtbus-1", mebibyte, 0);
    EXPECT_FAILS(already_exists, tool_.adopt(target("a.img", "raw"), transfer_));
    EXPECT_EQ(checksum("a.img"), before);
}

}  // namespace

}  // namespace virtbus::test
