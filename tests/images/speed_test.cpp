// SPDX-License-Identifier: LGPL-2.1-or-later
// How fast images go in and out, against virsh in the same minute. The figure is what is printed; what is asserted is
// only that nothing is very wrong.
#include "images_test.h"

#include <fmt/format.h>

namespace virtbus::test {

class SpeedTest : public ImagesTest {
protected:
    static constexpr std::uint64_t size = 256 * mebibyte;
    static constexpr int runs = 3;

    template <typename Work>
    static void take(double& best, Work work) {
        const auto start = Clock::now();
        work();
        best = std::min(best, seconds_since(start));
    }

    static void judge(const std::string& what, double ours, double theirs) {
        const auto rate = [](double seconds) { return static_cast<double>(size / mebibyte) / seconds; };
        fmt::print("{}: {:.0f} MiB/s; virsh {:.0f} MiB/s; ratio {:.2f}\n", what, rate(ours), rate(theirs),
                   theirs / ours);
        if (is_timed) {
            EXPECT_GT(theirs / ours, 0.5);
        }
    }
};

TEST_F(SpeedTest, Export) {
    make_random(outside() / "disk", size);
    ASSERT_THAT(import("disk", outside() / "disk", "raw"), Succeeded());
    double ours = 1e9;
    double theirs = 1e9;
    for (int i = 0; i < runs; ++i) {
        std::filesystem::remove(outside() / "ours");
        std::filesystem::remove(outside() / "theirs");
        take(theirs, [&] {
            output_of({"virsh", "vol-download", "--pool", pool_name(), "disk", outside() / "theirs", "--sparse"});
        });
        take(ours, [&] { EXPECT_THAT(export_to("disk", outside() / "ours"), Succeeded()); });
    }
    EXPECT_EQ(fingerprint(outside() / "ours"), fingerprint(outside() / "disk"));
    judge("export", ours, theirs);
}

TEST_F(SpeedTest, Import) {
    make_random(outside() / "disk", size);
    double ours = 1e9;
    double theirs = 1e9;
    for (int i = 0; i < runs; ++i) {
        output_of({"virsh", "vol-create-as", pool_name(), "theirs", "0", "--format", "raw"});
        take(theirs, [&] {
            output_of({"virsh", "vol-upload", "--pool", pool_name(), "theirs", outside() / "disk", "--sparse"});
        });
        take(ours, [&] { EXPECT_THAT(import("ours", outside() / "disk", "raw"), Succeeded()); });
        if (i == 0) {
            EXPECT_EQ(fingerprint(file_of("ours")), fingerprint(outside() / "disk"));
        }
        EXPECT_THAT(ended(image("ours")->Delete({})), Succeeded());
        output_of({"virsh", "vol-delete", "--pool", pool_name(), "theirs"});
    }
    judge("import", ours, theirs);
}

}  // namespace virtbus::test
