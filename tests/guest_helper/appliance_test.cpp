// SPDX-License-Identifier: LGPL-2.1-or-later
// The same in a real appliance, on a real ext4 file system. It takes some 10 s to start, so all tests here share one:
// each prepares the guest anew, and the order does not matter.
#include "guest_test.h"
#include "helper_program.h"

#include "helper/guest_appliance.h"
#include "helper/guest_identity.h"

#include <sys/stat.h>

namespace virtbus::test {

namespace {

const std::string shadow_text = "root:$y$j9T$secret:19000:0:99999:7:::\n";

std::string directory_of(const char* variable, const char* otherwise) {
    const char* value = std::getenv(variable);
    return value == nullptr ? otherwise : value;
}

class Appliance : public testing::Test {
protected:
    static void SetUpTestSuite() {
        directory_ = std::make_unique<TemporaryDirectory>();
        const auto image = (directory_->path / "guest.img").string();
        GuestTree tree;
        tree.write("/etc/shadow", shadow_text);
        std::filesystem::create_directory(tree.at("/odd"));
        std::filesystem::create_directory(tree.at("/odd/directory"));
        ASSERT_EQ(::mkfifo(tree.at("/odd/fifo").c_str(), 0600), 0);
        tree.link("loop", "/odd/loop");
        tree.link("/odd/nowhere", "/odd/dangling");
        tree.link("/etc/shadow", "/odd/shadow");
        tree.link("/etc/machine-id", "/odd/link");
        tree.write("/odd/huge", "");
        std::filesystem::resize_file(tree.at("/odd/huge"), std::uint64_t{2} << 30);
        tree.make_image(image);
        appliance_ = std::make_unique<GuestAppliance>(
            GuestAppliance::Options{.disks = {{.path = image, .format = "raw"}},
                                    .is_accelerated = false,
                                    .cache = directory_of("CACHE_DIRECTORY", "/var/tmp"),
                                    .temporary = directory_->path.string(),
                                    .leash = guest_helper_program(),
                                    .act = "test"});
        appliance_->mount("/dev/sda", "/");
    }
    static void TearDownTestSuite() {
        appliance_.reset();
        directory_.reset();
    }

    void SetUp() override {
        ASSERT_NE(appliance_, nullptr);
        files().remove(dbus_path);
        put(etc_path, old_id + "\n");
    }

    static GuestAppliance& files() { return *appliance_; }
    static void put(const std::string& path, const std::string& content) {
        files().remove(path);
        files().create(path, content, 0644);
    }
    static std::string get(const std::string& path) { return files().read(path, 0, 1'000); }
    static GuestIdentity read() { return read_guest_identity(files()); }
    static GuestIdentity change(const IdentityChange& wanted) {
        return change_guest_identity(files(), wanted, [] {});
    }
    /// With an odd thing in the place of a file, whatever holds; then it goes back to where it was.
    static void with_odd(const std::string& name, const std::string& path, const std::function<void()>& check) {
        files().remove(path);
        files().rename("/odd/" + name, path);
        check();
        files().rename(path, "/odd/" + name);
    }

    static std::unique_ptr<TemporaryDirectory> directory_;
    static std::unique_ptr<GuestAppliance> appliance_;
};

std::unique_ptr<TemporaryDirectory> Appliance::directory_;
std::unique_ptr<GuestAppliance> Appliance::appliance_;

TEST_F(Appliance, ReadsAndAssigns) {
    EXPECT_EQ(read().id, id_of(old_id));
    put(dbus_path, old_id + "\n");
    const auto found = change(assignment(new_id));
    EXPECT_EQ(found.id, id_of(new_id));
    EXPECT_EQ(found.dbus_state, DbusState::same);
    EXPECT_TRUE(found.consistent);
}

TEST_F(Appliance, MakesAFileThatIsMissing) {
    files().remove(etc_path);
    files().link("/etc/machine-id", dbus_path);
    EXPECT_EQ(read().dbus_state, DbusState::link);
    EXPECT_EQ(change(assignment(new_id)).dbus_state, DbusState::link);
    EXPECT_EQ(get(etc_path), new_id + "\n");
    EXPECT_EQ(files().look(etc_path).kind, FileFacts::Kind::regular);
}

TEST_F(Appliance, Seals) {
    put(dbus_path, old_id + "\n");
    const auto found = change(sealing());
    EXPECT_EQ(found.state, IdState::empty);
    EXPECT_EQ(found.dbus_state, DbusState::link);
    EXPECT_EQ(files().look(etc_path).size, 0);
    EXPECT_EQ(files().match("/var/lib/dbus/*"), std::vector{dbus_path});
}

TEST_F(Appliance, FollowsALinkOnlyInsideTheGuest) {
    with_odd("shadow", etc_path, [] {
        EXPECT_EQ(read().state, IdState::invalid);
        EXPECT_REFUSED(unsupported_guest, "holds no machine-id", change(assignment(new_id)));
    });
    EXPECT_EQ(get("/etc/shadow"), shadow_text);
}

TEST_F(Appliance, RefusesWhatIsNoFileAndDoesNotHang) {
    with_odd("fifo", etc_path, [] { EXPECT_REFUSED(unsupported_guest, "FIFO", read()); });
    with_odd("directory", etc_path, [] { EXPECT_REFUSED(unsupported_guest, "is a directory", read()); });
    with_odd("dangling", etc_path, [] { EXPECT_REFUSED(unsupported_guest, "leads nowhere", read()); });
    with_odd("loop", etc_path, [] { EXPECT_REFUSED(unsupported_guest, "leads nowhere", read()); });
    with_odd("huge", etc_path, [] { EXPECT_REFUSED(unsupported_guest, "2147483648 bytes", read()); });
    put(etc_path, old_id + "\n");
    with_odd("fifo", dbus_path, [] { EXPECT_EQ(read().dbus_state, DbusState::invalid); });
    with_odd("huge", dbus_path, [] { EXPECT_EQ(read().dbus_state, DbusState::invalid); });
    with_odd("fifo", "/etc/hostname", [] { EXPECT_EQ(read().hostname, ""); });
    with_odd("fifo", "/etc/machine-info", [] { EXPECT_EQ(read().id, id_of(old_id)); });
}

TEST_F(Appliance, PutsBackWhatWasThereWhenTheFileSystemIsFull) {
    put(etc_path, "");
    put("/filler", "x");
    const std::string piece(1 << 20, 'x');
    std::uint64_t size = 0;
    // With ever smaller pieces, up to the last block.
    for (std::size_t part = piece.size(); part >= 512;) {
        const auto outcome = outcome_of([&] { files().write("/filler", size, piece.substr(0, part)); });
        if (outcome.failed) {
            ASSERT_TRUE(refuses(outcome, Code::no_space)) << outcome;
            part /= 2;
        } else {
            size += part;
        }
    }
    EXPECT_REFUSED(no_space, "No space left", change(assignment(new_id)));
    EXPECT_EQ(read().state, IdState::empty);
    files().remove(etc_path);
    EXPECT_REFUSED(no_space, "No space left", change(assignment(new_id)));
    EXPECT_EQ(files().match("/etc/machine-id*"), std::vector<std::string>());
    files().remove("/filler");
    files().settle();
    EXPECT_EQ(change(assignment(new_id)).id, id_of(new_id));
}

}  // namespace

}  // namespace virtbus::test
