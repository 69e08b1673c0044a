// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller names files for QEMU only below the directories that the administrator allows, whatever links and dots the
// path is made of.
#include "model/allowed_files.h"
#include "support/errors.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace virtbus {
namespace {

namespace fs = std::filesystem;

class AllowedFilesTest : public testing::Test {
protected:
    AllowedFilesTest() {
        std::string pattern = (fs::temp_directory_path() / "virtbus-files.XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
        top = fs::canonical(pattern);
        fs::create_directories(top / "images" / "deep");
        fs::create_directories(top / "images-evil");
        fs::create_directories(top / "secret");
        for (const auto* file : {"images/web.qcow2", "images/deep/db.qcow2", "images-evil/x", "secret/key"})
            std::ofstream(top / file) << "x";
    }
    AllowedFilesTest(const AllowedFilesTest&) = delete;
    AllowedFilesTest& operator=(const AllowedFilesTest&) = delete;
    ~AllowedFilesTest() override { fs::remove_all(top); }

    [[nodiscard]] test::Outcome check(const fs::path& file) const {
        const AllowedFiles allowed({top / "nowhere", top / "images"});
        return test::outcome_of([&] { allowed.check("disks[0].file", file.string()); });
    }
    [[nodiscard]] bool takes(const fs::path& file) const { return !check(file).failed; }
    [[nodiscard]] bool refuses(const fs::path& file) const {
        return test::refuses(check(file), Code::invalid_args, "disks[0].file: ");
    }

    fs::path top;
};

TEST_F(AllowedFilesTest, TakesFilesBelowAnAllowedDirectory) {
    EXPECT_TRUE(takes(top / "images/web.qcow2"));
    EXPECT_TRUE(takes(top / "images/deep/db.qcow2"));
    EXPECT_TRUE(takes(top / "images//deep/./db.qcow2"));
}

TEST_F(AllowedFilesTest, TakesFilesThatAreStillToBeMade) {
    EXPECT_TRUE(takes(top / "images/new.qcow2"));
    EXPECT_TRUE(takes(top / "images/new/new.qcow2"));
}

TEST_F(AllowedFilesTest, RefusesFilesElsewhere) {
    EXPECT_TRUE(refuses(top / "secret/key"));
    EXPECT_TRUE(refuses("/etc/shadow"));
    EXPECT_TRUE(refuses("/"));
    EXPECT_TRUE(refuses(top));
}

TEST_F(AllowedFilesTest, RefusesADirectoryWhoseNameOnlyBeginsLikeAnAllowedOne) {
    EXPECT_TRUE(refuses(top / "images-evil/x"));
}

TEST_F(AllowedFilesTest, RefusesWhatIsNotAnAbsolutePath) {
    for (const auto* file : {"", "web.qcow2", "images/web.qcow2", "./x", "../x", "~/x", "file:///x"})
        EXPECT_TRUE(refuses(file)) << file;
}

TEST_F(AllowedFilesTest, RefusesDotsThatLeadOut) {
    EXPECT_TRUE(refuses(top / "images/../secret/key"));
    EXPECT_TRUE(refuses(top / "images/deep/../../secret/key"));
    EXPECT_TRUE(refuses(top / "images/nowhere/../../secret/key"));
    EXPECT_TRUE(refuses("/.." / (top / "secret/key").relative_path()));
}

TEST_F(AllowedFilesTest, RefusesALinkThatLeadsOut) {
    fs::create_symlink(top / "secret/key", top / "images/innocent.qcow2");
    fs::create_directory_symlink(top / "secret", top / "images/folder");
    fs::create_symlink("../secret/key", top / "images/relative.qcow2");
    EXPECT_TRUE(refuses(top / "images/innocent.qcow2"));
    EXPECT_TRUE(refuses(top / "images/folder/key"));
    EXPECT_TRUE(refuses(top / "images/folder/new"));
    EXPECT_TRUE(refuses(top / "images/relative.qcow2"));
}

TEST_F(AllowedFilesTest, FollowsALinkBeforeItGoesUp) {
    // As text "images/folder/../key" is images/key; as the kernel sees it, it is outside.
    fs::create_directories(top / "secret/sub");
    fs::create_directory_symlink(top / "secret/sub", top / "images/folder");
    EXPECT_TRUE(refuses(top / "images/folder/../key"));
}

TEST_F(AllowedFilesTest, RefusesToGoUpFromALinkThatLeadsNowhereYet) {
    fs::create_directory_symlink(top / "later/sub", top / "images/folder");
    EXPECT_TRUE(refuses(top / "images/folder/../key"));
}

TEST_F(AllowedFilesTest, RefusesALinkThatLeadsNowhereYet) {
    fs::create_symlink(top / "later", top / "images/innocent.qcow2");
    EXPECT_TRUE(refuses(top / "images/innocent.qcow2"));
}

TEST_F(AllowedFilesTest, RefusesALinkToItself) {
    fs::create_symlink(top / "images/loop", top / "images/loop");
    EXPECT_TRUE(refuses(top / "images/loop"));
    EXPECT_TRUE(refuses(top / "images/loop/x"));
}

TEST_F(AllowedFilesTest, TakesALinkFromElsewhereIntoAnAllowedDirectory) {
    fs::create_symlink(top / "images/web.qcow2", top / "secret/shortcut");
    EXPECT_TRUE(takes(top / "secret/shortcut"));
}

TEST_F(AllowedFilesTest, AllowsADirectoryThatIsItselfALink) {
    fs::create_directory_symlink(top / "images", top / "pool");
    const AllowedFiles allowed({top / "pool"});
    allowed.check("file", (top / "pool/web.qcow2").string());
    allowed.check("file", (top / "images/web.qcow2").string());
}

TEST_F(AllowedFilesTest, AllowsADirectoryThatIsWrittenWithASlashAtItsEnd) {
    const AllowedFiles allowed({(top / "images").string() + "/"});
    allowed.check("file", (top / "images/web.qcow2").string());
    EXPECT_TRUE(test::outcome_of([&] { allowed.check("file", (top / "secret/key").string()); }).failed);
}

TEST_F(AllowedFilesTest, AllowsNothingWhenNoDirectoryIsAllowed) {
    EXPECT_TRUE(test::outcome_of([&] { AllowedFiles({}).check("file", (top / "images/web.qcow2").string()); }).failed);
}

TEST_F(AllowedFilesTest, AllowsEverythingOnTheSessionBus) {
    AllowedFiles::everything().check("file", (top / "secret/key").string());
    EXPECT_TRUE(test::outcome_of([] { AllowedFiles::everything().check("file", "relative"); }).failed);
}

TEST_F(AllowedFilesTest, RefusesNamesThatAreTooLongOrNoText) {
    EXPECT_TRUE(refuses("/" + std::string(10'000, 'x')));
    EXPECT_TRUE(refuses(top.string() + "/images/a\nb"));
    EXPECT_TRUE(refuses(top.string() + "/images/caf\xe9"));
    EXPECT_TRUE(refuses(top.string() + "/images/web" + std::string("\0.qcow2", 7)));
}

TEST_F(AllowedFilesTest, TheRootOfAContainerIsDirectlyInADirectoryForRoots) {
    fs::create_directories(top / "roots/box/etc");
    fs::create_symlink(top / "secret", top / "roots/link");
    fs::create_symlink(top / "roots/box", top / "way");
    const AllowedFiles allowed({top / "images"}, {top / "nowhere", top / "roots"});
    const auto check_root = [&](const fs::path& directory) {
        return test::outcome_of([&] { allowed.check_root("root", directory.string()); });
    };
    EXPECT_FALSE(check_root(top / "roots/box").failed);
    EXPECT_FALSE(check_root(top / "roots/box/").failed);
    EXPECT_FALSE(check_root(top / "way").failed);
    const std::vector<fs::path> refused{top / "roots",         "/",
                                        top / "roots/box/etc",  // a guest could replace it
                                        top / "roots/link",    top / "images/deep",
                                        top / "roots/missing", top / "images/web.qcow2",
                                        "roots/box",           top / "roots/../secret"};
    for (const auto& directory : refused)
        EXPECT_TRUE(test::refuses(check_root(directory), Code::invalid_args, "root: ")) << directory;
    EXPECT_TRUE(test::refuses(test::outcome_of([&] { allowed.check("disks[0].file", top / "roots/box/etc/x"); }),
                              Code::invalid_args, "disks[0].file: "));
}

TEST_F(AllowedFilesTest, AHelperReadsThemInTheConfigurationItself) {
    const auto file = (top / "virtbus.json").string();
    const auto allows = [&](const fs::path& path) {
        return !test::outcome_of([&] { read_allowed_files(file).check("file", path.string()); }).failed;
    };
    EXPECT_TRUE(allows("/var/lib/libvirt/images/web.qcow2")) << "the default, as there is no file";
    EXPECT_FALSE(allows(top / "images/web.qcow2"));
    std::ofstream(file) << "// ours\n{\"log-level\": \"info\", \"allowed-directories\": [\""
                        << (top / "images").string() << "\"]}";
    EXPECT_TRUE(allows(top / "images/web.qcow2"));
    EXPECT_FALSE(allows("/var/lib/libvirt/images/web.qcow2"));
    for (const auto* broken : {"", "[", "[]", "{\"allowed-directories\": \"/\"}"}) {
        std::ofstream(file) << broken;
        EXPECT_FALSE(allows("/var/lib/libvirt/images/web.qcow2")) << broken;
    }
}

}  // namespace
}  // namespace virtbus
