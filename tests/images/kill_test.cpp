// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemons are killed at any moment: whoever comes next cleans up, and shows nothing that is not whole.
#include "interrupted_test.h"

#include <fmt/format.h>

#include <csignal>
#include <thread>

namespace virtbus::test {

class KillTest : public InterruptedTest {
protected:
    static constexpr int moments = 10;

    void SetUp() override {
        InterruptedTest::SetUp();
        // A format is remembered when it could not be guessed.
        ASSERT_THAT(import("decoy", decoy(), "raw"), Succeeded());
        ASSERT_THAT(ended(image("decoy")->Delete({})), Succeeded());
        for (const auto& name : operation_names()) times_[name] = time_of(operation(name));
    }

    /// What a guest may write into a raw image.
    Path decoy() {
        const auto file = outside() / "decoy";
        output_of({"qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", file, "1M"});
        std::filesystem::resize_file(file, mebibyte);
        return file;
    }

    void wait_a_part_of(const std::string& name) { std::this_thread::sleep_for(random_part(times_.at(name))); }

private:
    std::map<std::string, Clock::duration> times_;
};

TEST_F(KillTest, OfVirtbusdAtAnyMoment) {
    int left_over = 0;
    for (int i = 0; i < 2 * moments; ++i) {
        const auto names = operation_names();
        const auto what = operation(names[static_cast<std::size_t>(i / 2) % names.size()]);
        make_ready(what);
        what.begin();
        wait_a_part_of(what.name);
        if (i % 2 == 0)
            Daemon::instance().kill();
        else
            Daemon::instance().kill_with_helpers();
        EXPECT_TRUE(actor.wait_until([] { return count_helpers() == 0; })) << "a helper works on alone";
        const auto temporaries = temporaries_in(directory());
        left_over += static_cast<int>(!temporaries.empty());

        come_up();
        EXPECT_TRUE(actor.wait_until([&] { return temporaries_in(directory()).empty(); }));
        if (!temporaries.empty()) {
            const auto is_told = [] {
                return Daemon::instance().log().find("what it had half made is removed") != std::string::npos;
            };
            EXPECT_TRUE(actor.wait_until(is_told)) << what.name << ": " << Daemon::instance().log();
        }
        expect_whole(what, std::nullopt);
        EXPECT_EQ(image("base")->Format(), "raw");
        clean(what);
        if (HasFailure()) break;
    }
    fmt::print("killed {} times; there was something to clean up {} times\n", 2 * moments, left_over);
}

TEST_F(KillTest, OfLibvirtdAtAnyMoment) {
    std::map<std::string, int> states;
    for (int i = 0; i < moments; ++i) {
        const auto names = operation_names();
        // Half of them are those that libvirtd itself carries out.
        const auto what = operation(i % 2 == 0 ? (i % 4 == 0 ? "import" : "export")
                                               : names[static_cast<std::size_t>(i / 2) % names.size()]);
        make_ready(what);
        const std::string job = what.begin();
        wait_a_part_of(what.name);
        const auto pid = find_libvirtd();
        ASSERT_NE(pid, 0);
        actor.flush();
        const auto listings = actor.count("Resynced");
        ASSERT_EQ(::kill(pid, SIGKILL), 0);
        const auto end = ended(job);
        EXPECT_TRUE(end.state == "done" || end.state == "failed") << what.name << ": " << end;
        ++states[end.state];
        // A job may end before virtbusd has noticed.
        ASSERT_TRUE(actor.wait_until([&] { return actor.count("Resynced") > listings; })) << Daemon::instance().log();
        come_up();
        EXPECT_NE(find_libvirtd(), pid);
        EXPECT_TRUE(actor.wait_until([&] { return temporaries_in(directory()).empty(); }));
        expect_whole(what, std::nullopt);
        clean(what);
        if (HasFailure()) break;
    }
    fmt::print("libvirtd killed {} times: {} jobs done, {} failed\n", moments, states["done"], states["failed"]);
}

/// What it was made as is known by whoever shows it, even if virtbusd dies right after it has its name.
TEST_F(KillTest, OfVirtbusdWhenAnImportedImageHasJustAppeared) {
    begin_import("new", decoy(), "raw");
    ASSERT_TRUE(actor.wait_until([&] { return std::filesystem::exists(file_of("new")); }));
    Daemon::instance().kill();
    come_up();
    EXPECT_EQ(image("new")->Format(), "raw");
    EXPECT_EQ(image("new")->BackingFile(), "");
}

TEST_F(KillTest, OfVirtbusdWhenAConvertedImageHasJustBeenReplaced) {
    ASSERT_THAT(import("new", decoy(), "raw"), Succeeded());
    ASSERT_THAT(ended(image("new")->Convert("qcow2", {})), Succeeded());
    const auto before = sha256_of(file_of("new"));
    image("new")->Convert("raw", {});
    ASSERT_TRUE(actor.wait_until([&] { return sha256_of(file_of("new")) != before; }));
    Daemon::instance().kill();
    come_up();
    EXPECT_EQ(image("new")->Format(), "raw");
    EXPECT_EQ(image("new")->BackingFile(), "");
}

}  // namespace virtbus::test
