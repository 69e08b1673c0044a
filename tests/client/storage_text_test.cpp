// SPDX-License-Identifier: LGPL-2.1-or-later
#include "storage_text.h"

#include <gtest/gtest.h>

namespace virtbusctl {

namespace {

constexpr const char* pool_of_image = "/org/virtbus1/hypervisor/my_2dqemu/pool/default";

std::string image_path(const std::string& escaped) { return std::string(pool_of_image) + "/image/" + escaped; }

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find(line + "\n") != std::string::npos;
}

}  // namespace

TEST(ImageText, NamesWhatItIsBasedOnAndWhoUsesIt) {
    const Json properties = {{"Name", "web.qcow2"},
                             {"Pool", pool_of_image},
                             {"VirtualSize", 10ULL << 30},
                             {"Allocation", 512U},
                             {"Encrypted", false},
                             {"BackingImage", image_path("mid")},
                             {"BackingFile", "/pool/mid"},
                             {"BackingChain", Json::array({image_path("mid"), image_path("base_2eraw")})},
                             {"UsedBy", Json::array({"/machine/1", image_path("child")})}};
    const auto text = image_text(properties, {{"/machine/1", "web"}});
    EXPECT_TRUE(has_line(text, "Hypervisor: my-qemu")) << text;
    EXPECT_TRUE(has_line(text, "Virtual size: 10 GiB (10737418240 bytes)")) << text;
    EXPECT_TRUE(has_line(text, "Allocation: 512 B")) << text;
    EXPECT_TRUE(has_line(text, "Backing image: default/mid")) << text;
    EXPECT_TRUE(has_line(text, "Backing chain: default/mid → default/base.raw")) << text;
    EXPECT_TRUE(has_line(text, "Used by: machine web\n               image default/child")) << text;
}

TEST(ImageText, SaysWhenItIsBasedOnAFileInNoPool) {
    const auto text = image_text({{"BackingImage", "/"}, {"BackingFile", "/tmp/base"}}, {});
    EXPECT_TRUE(has_line(text, "Backing image: /tmp/base (in no running pool)")) << text;
    EXPECT_EQ(image_text({{"BackingImage", "/"}}, {}).find("Backing"), std::string::npos);
}

TEST(PoolText, HasNoSizesWhileItIsInactive) {
    EXPECT_EQ(pool_text({{"State", "inactive"}, {"Capacity", 0U}}).find("Capacity"), std::string::npos);
    const auto text = pool_text({{"Name", "default"}, {"Capacity", 2048U}, {"Available", 1024U}, {"ImageCount", 3U}});
    EXPECT_TRUE(has_line(text, "Capacity: 2 KiB (2048 bytes)")) << text;
    EXPECT_TRUE(has_line(text, "Images: 3")) << text;
}

TEST(CheckText, CountsWhatWasFound) {
    EXPECT_EQ(check_text({{"consistent", true}, {"corruptions", 0U}, {"leaks", 0U}, {"errors", 0U}}), "consistent");
    EXPECT_EQ(check_text({{"consistent", true}, {"leaks", 1U}}), "consistent: 1 leaked cluster");
    EXPECT_EQ(check_text({{"consistent", false}, {"corruptions", 2U}, {"leaks", 3U}, {"errors", 1U}}),
              "inconsistent: 2 corruptions, 3 leaked clusters, 1 error while checking");
}

}  // namespace virtbusctl
