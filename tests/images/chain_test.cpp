// SPDX-License-Identifier: LGPL-2.1-or-later
// Images that are based on others: the chain is known from both ends, and nothing is taken from below an image.
#include "images_test.h"

#include <fmt/format.h>

namespace virtbus::test {

class ChainTest : public ImagesTest {
protected:
    static constexpr int length = 5;
    static constexpr std::uint64_t size = 16 * mebibyte;

    static std::string overlay(int number) { return fmt::format("overlay{}", number); }
    static std::string below(int number) { return number == 1 ? "base" : overlay(number - 1); }

    /// base ← overlay1 ← … ← overlay5, each with something of its own and something of those below.
    void make_chain() {
        make_sparse(outside() / "base", size, 4 * mebibyte);
        ASSERT_THAT(import("base", outside() / "base", "raw"), Succeeded());
        for (int i = 1; i <= length; ++i) {
            ASSERT_THAT(clone(below(i), overlay(i), {{"linked", true}}), Succeeded());
            write_into(overlay(i), i);
        }
        ASSERT_THAT(refresh(), Succeeded());
    }

    void write_into(const std::string& name, int pattern) {
        output_of({"qemu-io", "-f", "qcow2", "-c", fmt::format("write -P {} {}k 192k", pattern, pattern * 700),
                   file_of(name)});
    }

    /// What a guest sees in it, in a file of its own.
    Path seen(const std::string& name, const std::string& as) {
        output_of({"qemu-img", "convert", "-f", "qcow2", "-O", "raw", file_of(name), outside() / as});
        return outside() / as;
    }

    std::vector<std::string> chain_of(const std::string& name) {
        std::vector<std::string> chain;
        for (const auto& path : image(name)->BackingChain()) chain.push_back(path);
        return chain;
    }
    std::vector<std::string> users_of(const std::string& name) {
        std::vector<std::string> users;
        for (const auto& path : image(name)->UsedBy()) users.push_back(path);
        return users;
    }
};

TEST_F(ChainTest, IsKnownFromBothEnds) {
    make_chain();
    std::vector<std::string> expected{path_of("base")};
    EXPECT_EQ(chain_of("base"), std::vector<std::string>{});
    EXPECT_EQ(image("base")->BackingImage(), "/");
    for (int i = 1; i <= length; ++i) {
        EXPECT_EQ(chain_of(overlay(i)), expected);
        EXPECT_EQ(image(overlay(i))->BackingImage(), path_of(below(i)));
        EXPECT_EQ(image(overlay(i))->BackingFile(), file_of(below(i)).string());
        EXPECT_EQ(users_of(below(i)), std::vector<std::string>{path_of(overlay(i))});
        EXPECT_EQ(qemu_info(file_of(overlay(i))).at("backing-filename"), file_of(below(i)).string());
        expected.insert(expected.begin(), path_of(overlay(i)));
    }
    EXPECT_EQ(users_of(overlay(length)), std::vector<std::string>{});
}

TEST_F(ChainTest, ItsMiddleIsKept) {
    make_chain();
    const auto before = fingerprint(file_of(overlay(3)));
    EXPECT_THAT(failure_of([&] { image(overlay(3))->Delete({}); }), Refused(errors::in_use, overlay(4)));
    EXPECT_THAT(failure_of([&] { image(overlay(3))->Delete({{"force", true}}); }), Refused(errors::in_use, overlay(4)));
    EXPECT_THAT(failure_of([&] { image(overlay(3))->Resize(2 * size, {}); }), Refused(errors::in_use, overlay(4)));
    EXPECT_THAT(failure_of([&] { image(overlay(3))->Convert("raw", {}); }), Refused(errors::in_use, overlay(4)));
    EXPECT_THAT(failure_of([&] { image(overlay(3))->Wipe({}); }), Refused(errors::in_use, overlay(4)));
    EXPECT_THAT(failure_of([&] { image("base")->Delete({}); }), Refused(errors::in_use, overlay(1)));
    EXPECT_EQ(fingerprint(file_of(overlay(3))), before);
}

TEST_F(ChainTest, AMachineDoesNotWriteBelowAnOverlay) {
    make_chain();
    const auto failure = failure_of([&] { create_machine({overlay(3)}, true); });
    EXPECT_THAT(failure, Refused(errors::in_use, overlay(4)));
}

TEST_F(ChainTest, FlattenTakesTheTopOffTheOthers) {
    make_chain();
    const auto whole = seen(overlay(5), "whole");
    ASSERT_THAT(ended(image(overlay(5))->Flatten({})), Succeeded());
    EXPECT_TRUE(is_same_content(whole, "raw", file_of(overlay(5)), "qcow2"));
    EXPECT_TRUE(is_sound(file_of(overlay(5))));
    EXPECT_EQ(chain_of(overlay(5)), std::vector<std::string>{});
    EXPECT_EQ(image(overlay(5))->BackingFile(), "");
    EXPECT_FALSE(qemu_info(file_of(overlay(5))).contains("backing-filename"));
    EXPECT_EQ(users_of(overlay(4)), std::vector<std::string>{});
    EXPECT_THAT(ended(image(overlay(4))->Delete({})), Succeeded());
    EXPECT_FALSE(is_listed(overlay(4)));
    EXPECT_TRUE(is_same_content(whole, "raw", file_of(overlay(5)), "qcow2"));
    EXPECT_THAT(failure_of([&] { image(overlay(5))->Flatten({}); }), Refused(errors::invalid_state, overlay(5)));
}

TEST_F(ChainTest, TheMiddleIsNotFlattenedEither) {
    make_chain();
    EXPECT_THAT(failure_of([&] { image(overlay(3))->Flatten({}); }), Refused(errors::in_use, overlay(4)));
    EXPECT_EQ(chain_of(overlay(3)).size(), 3U);
}

TEST_F(ChainTest, RebaseKeepsWhatAGuestSees) {
    make_chain();
    make_sparse(outside() / "other", size, 2 * mebibyte, 256 * kibibyte);
    ASSERT_THAT(import("other", outside() / "other", "raw"), Succeeded());
    const auto whole = seen(overlay(5), "whole");
    ASSERT_THAT(ended(image(overlay(5))->Rebase(path_of("other"), {})), Succeeded());
    EXPECT_TRUE(is_same_content(whole, "raw", file_of(overlay(5)), "qcow2"));
    EXPECT_TRUE(is_sound(file_of(overlay(5))));
    EXPECT_EQ(chain_of(overlay(5)), std::vector<std::string>{path_of("other")});
    EXPECT_EQ(users_of("other"), std::vector<std::string>{path_of(overlay(5))});
    EXPECT_EQ(users_of(overlay(4)), std::vector<std::string>{});
}

TEST_F(ChainTest, RebaseDownTheChainKeepsWhatAGuestSees) {
    make_chain();
    const auto whole = seen(overlay(5), "whole");
    ASSERT_THAT(ended(image(overlay(5))->Rebase(path_of("base"), {})), Succeeded());
    EXPECT_TRUE(is_same_content(whole, "raw", file_of(overlay(5)), "qcow2"));
    EXPECT_EQ(chain_of(overlay(5)), std::vector<std::string>{path_of("base")});
}

TEST_F(ChainTest, NoCirclesAreMade) {
    make_chain();
    EXPECT_THAT(failure_of([&] { image(overlay(2))->Rebase(path_of(overlay(4)), {}); }),
                Refused(errors::invalid_args, "backing"));
    EXPECT_THAT(failure_of([&] { image(overlay(2))->Rebase(path_of(overlay(2)), {}); }),
                Refused(errors::invalid_args, "backing"));
}

TEST_F(ChainTest, ACloneOrAnExportOfTheTopNeedsNoOther) {
    make_chain();
    const auto whole = seen(overlay(5), "whole");
    ASSERT_THAT(clone(overlay(5), "copy"), Succeeded());
    EXPECT_EQ(chain_of("copy"), std::vector<std::string>{});
    EXPECT_TRUE(is_same_content(whole, "raw", file_of("copy"), "qcow2"));
    for (const std::string format : {"qcow2", "raw"}) {
        const auto target = outside() / ("exported." + format);
        ASSERT_THAT(export_to(overlay(5), target, {{"format", format}}), Succeeded());
        EXPECT_FALSE(qemu_info(target).contains("backing-filename"));
        EXPECT_TRUE(is_same_content(whole, "raw", target, format));
    }
    EXPECT_EQ(temporaries_in(directory()), std::vector<std::string>{});
}

TEST_F(ChainTest, AnOverlayMadeAsSuchIsOfTheSameSize) {
    make_chain();
    ASSERT_THAT(create("sixth", 0, {{"backing", sdbus::ObjectPath(path_of(overlay(5)))}}), Succeeded());
    EXPECT_EQ(image("sixth")->VirtualSize(), size);
    EXPECT_EQ(chain_of("sixth").size(), 6U);
    EXPECT_TRUE(is_same_content(file_of(overlay(5)), "qcow2", file_of("sixth"), "qcow2"));
}

}  // namespace virtbus::test
