// SPDX-License-Identifier: LGPL-2.1-or-later
// What format an image has is what somebody has said of that very file, and lasts over a restart.
#include "model/image_formats.h"

#include "support/errors.h"
#include "support/loop.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace virtbus::test {
namespace {

const std::string web_file = "/pools/default/web.img";

class ImageFormatsTest : public testing::Test {
protected:
    void declare(const std::string& path, std::uint64_t inode, const std::string& format) {
        run(loop, formats->declare(path, inode, format));
    }
    /// Returns when what nobody waits for is on disk: `text` is there, or is not.
    void await_saved(const std::string& text, bool there = true) {
        ASSERT_TRUE(turn_until(loop, [&] {
            return (StateFile(loop, file).read().value_or("").find(text) != std::string::npos) == there;
        }));
    }
    void restart() {
        settle(loop);
        formats = std::make_unique<ImageFormats>(loop, file);
    }

    asio::io_context loop;
    TemporaryDirectory directory;
    const std::filesystem::path file = directory.path / "formats.json";
    std::unique_ptr<ImageFormats> formats = std::make_unique<ImageFormats>(loop, file);
};

TEST_F(ImageFormatsTest, NobodyHasSaidAnythingAtFirst) { EXPECT_EQ(formats->find(web_file, 7), std::nullopt); }

TEST_F(ImageFormatsTest, FindsWhatWasDeclared) {
    declare(web_file, 7, "raw");
    EXPECT_EQ(formats->find(web_file, 7), "raw");
    EXPECT_EQ(formats->find("/pools/default/db.img", 7), std::nullopt);
}

TEST_F(ImageFormatsTest, WhatIsDeclaredLastCounts) {
    declare(web_file, 7, "raw");
    declare(web_file, 7, "qcow2");
    EXPECT_EQ(formats->find(web_file, 7), "qcow2");
}

TEST_F(ImageFormatsTest, AnotherFileUnderTheSameNameIsNotMeant) {
    declare(web_file, 7, "raw");
    EXPECT_EQ(formats->find(web_file, 8), std::nullopt);
    EXPECT_EQ(formats->find(web_file, 7), std::nullopt) << "should the number come again, it is a third file";
    await_saved(web_file, false);
}

TEST_F(ImageFormatsTest, WithoutAnInodeTheNextFileSeenIsMeant) {
    declare(web_file, 0, "raw");
    EXPECT_EQ(formats->find(web_file, 8), "raw");
    EXPECT_EQ(formats->find(web_file, 9), std::nullopt);
}

TEST_F(ImageFormatsTest, AFileWhoseInodeIsNotKnownIsTakenForTheSame) {
    declare(web_file, 7, "raw");
    EXPECT_EQ(formats->find(web_file, 0), "raw");
    EXPECT_EQ(formats->find(web_file, 7), "raw");
}

TEST_F(ImageFormatsTest, ForgetsWhatItIsTold) {
    declare(web_file, 7, "raw");
    formats->forget(web_file);
    formats->forget("/never/heard/of");
    EXPECT_EQ(formats->find(web_file, 7), std::nullopt);
    await_saved(web_file, false);
    restart();
    EXPECT_EQ(formats->find(web_file, 7), std::nullopt);
}

TEST_F(ImageFormatsTest, WhatIsDeclaredLastsOverARestart) {
    declare(web_file, 7, "raw");
    declare("/pools/default/d b.img", UINT64_MAX, "qcow2");
    restart();
    EXPECT_EQ(formats->find(web_file, 7), "raw");
    EXPECT_EQ(formats->find("/pools/default/d b.img", UINT64_MAX), "qcow2");
    restart();
    EXPECT_EQ(formats->find(web_file, 8), std::nullopt) << "the inode lasts too";
}

TEST_F(ImageFormatsTest, WhatIsDeclaredForNobodyToWaitForLastsSoon) {
    for (int i = 0; i < 100; ++i) formats->declare_later("/pools/default/" + std::to_string(i), 7, "raw");
    EXPECT_EQ(formats->find("/pools/default/99", 7), "raw") << "at once";
    await_saved("/pools/default/99");
    restart();
    EXPECT_EQ(formats->find("/pools/default/0", 7), "raw");
}

TEST_F(ImageFormatsTest, ADamagedFileIsBegunAnew) {
    for (const auto* text : {"", "nonsense", "[]", "[1]", "7", "null", R"({"/a": 7})", R"({"/a": {"inode": "x"}})",
                             R"({"/a": {"inode": 1, "format": "raw"}, "/b": {"inode": 2}})", "{\"/\xff\": 1}"}) {
        std::ofstream(file) << text;
        restart();
        EXPECT_EQ(formats->find("/a", 1), std::nullopt) << text;
        declare(web_file, 7, "raw");
        restart();
        EXPECT_EQ(formats->find(web_file, 7), "raw") << text;
    }
}

TEST_F(ImageFormatsTest, SaysWhenItCannotBeSaved) {
    std::ofstream(directory.path / "file") << "no directory";
    ImageFormats unwritable(loop, directory.path / "file" / "formats.json");
    const auto outcome = outcome_of([&] { run(loop, unwritable.declare(web_file, 7, "raw")); });
    EXPECT_TRUE(refuses(outcome, Code::failed)) << outcome;
}

}  // namespace
}  // namespace virtbus::test
