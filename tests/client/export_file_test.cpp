// SPDX-License-Identifier: LGPL-2.1-or-later
#include "export_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "failure.h"

namespace virtbusctl {

namespace fs = std::filesystem;

namespace {

/// A directory of its own for each test.
class ExportFileTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = fs::temp_directory_path() / "export-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        file_ = directory_ / "web.raw";
    }
    void TearDown() override { fs::remove_all(directory_); }

    void have(const std::string& content) const { std::ofstream(file_) << content; }
    [[nodiscard]] std::string content() const {
        std::ifstream stream(file_);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    [[nodiscard]] auto files() const { return std::distance(fs::directory_iterator(directory_), {}); }

    fs::path directory_;
    fs::path file_;
};

void write_new(const ExportFile& file) { ASSERT_EQ(::write(file.descriptor(), "new", 3), 3); }

}  // namespace

TEST_F(ExportFileTest, StaysWhenItIsKept) {
    {
        ExportFile file(file_, false);
        write_new(file);
        file.keep();
    }
    EXPECT_EQ(content(), "new");
}

TEST_F(ExportFileTest, IsRemovedWhenItIsNotKept) {
    { write_new(ExportFile(file_, false)); }
    EXPECT_EQ(files(), 0);
}

TEST_F(ExportFileTest, StaysWhenSomebodyElseGoesOnWriting) {
    {
        ExportFile file(file_, false);
        EXPECT_EQ(file.leave(), file_);
    }
    EXPECT_EQ(files(), 1);
}

TEST_F(ExportFileTest, NeverTouchesAFileThatIsThere) {
    have("old");
    EXPECT_THROW(ExportFile(file_, false), Failure);
    EXPECT_EQ(content(), "old");
    EXPECT_THROW(ExportFile(directory_ / "none" / "web.raw", false), Failure);
}

TEST_F(ExportFileTest, ReplacesAFileOnlyWhenTheNewOneIsWhole) {
    have("old");
    { write_new(ExportFile(file_, true)); }
    EXPECT_EQ(content(), "old");
    EXPECT_EQ(files(), 1);
    fs::permissions(file_, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
    {
        ExportFile file(file_, true);
        write_new(file);
        EXPECT_EQ(content(), "old");
        file.keep();
    }
    EXPECT_EQ(content(), "new");
    EXPECT_EQ(files(), 1);
    EXPECT_EQ(fs::status(file_).permissions(), fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
}

TEST_F(ExportFileTest, LeavesALinkALink) {
    have("old");
    fs::create_symlink("web.raw", directory_ / "link");
    {
        ExportFile file(directory_ / "link", true);
        write_new(file);
        file.keep();
    }
    EXPECT_TRUE(fs::is_symlink(directory_ / "link"));
    EXPECT_EQ(content(), "new");
}

TEST_F(ExportFileTest, WritesToAPipeThatIsThere) {
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
    const int reader = ::open(file_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    { write_new(ExportFile(file_, true)); }
    ::close(reader);
    EXPECT_TRUE(fs::is_fifo(file_));
}

}  // namespace virtbusctl
