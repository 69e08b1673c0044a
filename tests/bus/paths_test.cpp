// SPDX-License-Identifier: LGPL-2.1-or-later
// Whatever a pool or an image is called, its path names it, and nothing else.
#include "bus/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace virtbus::test {
namespace {

const std::vector<std::string> odd_names{"default",
                                         "web.qcow2",
                                         "a b",
                                         "1",
                                         "_",
                                         "__",
                                         "_5f",
                                         "image",
                                         "pool",
                                         "a/b",
                                         "/",
                                         ".",
                                         "..",
                                         "Büro (alt)",
                                         "100 %",
                                         "-",
                                         "~",
                                         "a_",
                                         "\xff",
                                         "\n",
                                         std::string(255, 'x'),
                                         std::string(255, '.')};

TEST(PathsTest, OfAnImageNamesItWhateverItIsCalled) {
    for (const auto& name : odd_names) {
        EXPECT_EQ(bus::image_ref(bus::image_path("qemu", "default", name)), (ImageRef{"qemu", "default", name}))
            << name;
        EXPECT_EQ(bus::image_ref(bus::image_path("qemu", name, "web")), (ImageRef{"qemu", name, "web"})) << name;
        EXPECT_EQ(bus::image_ref(bus::image_path(name, "default", "web")), (ImageRef{name, "default", "web"})) << name;
    }
}

TEST(PathsTest, OfAPoolNamesItWhateverItIsCalled) {
    for (const auto& name : odd_names) {
        EXPECT_EQ(bus::pool_ref(bus::pool_path("qemu", name)), (PoolRef{"qemu", name})) << name;
        EXPECT_EQ(bus::pool_ref(bus::pool_path(name, "default")), (PoolRef{name, "default"})) << name;
    }
}

TEST(PathsTest, AreWhatDocumentationSays) {
    EXPECT_EQ(bus::pool_path("qemu", "default"), "/org/virtbus1/hypervisor/qemu/pool/default");
    EXPECT_EQ(bus::image_path("qemu", "default", "web.qcow2"),
              "/org/virtbus1/hypervisor/qemu/pool/default/image/web_2eqcow2");
    EXPECT_EQ(bus::object_path(PoolRef{"qemu", "default"}), bus::pool_path("qemu", "default"));
    EXPECT_EQ(bus::object_path(ImageRef{"qemu", "default", "web"}), bus::image_path("qemu", "default", "web"));
}

TEST(PathsTest, OfOneImageAreNotThoseOfAnother) {
    std::set<std::string> paths;
    for (const auto& name : odd_names) paths.insert(bus::image_path("qemu", "default", name));
    EXPECT_EQ(paths.size(), odd_names.size());
}

TEST(PathsTest, OfSomethingElseNameNoImageAndNoPool) {
    for (const std::string path :
         {"/", "/org", "/org/virtbus1", "/org/virtbus1/hypervisor", "/org/virtbus1/hypervisor/qemu",
          "/org/virtbus1/hypervisor/qemu/machine/x", "/org/virtbus1/hypervisor/qemu/pool",
          "/org/virtbus1/hypervisor/qemu/poolx/default", "/org/virtbus1/hypervisorx/qemu/pool/default",
          "/org/virtbus1/job/1", "/org/virtbus2/hypervisor/qemu/pool/default", "/org/virtbus1/pool/default"}) {
        EXPECT_EQ(bus::pool_ref(path), std::nullopt) << path;
        EXPECT_EQ(bus::image_ref(path), std::nullopt) << path;
    }
    const std::string pool = "/org/virtbus1/hypervisor/qemu/pool/default";
    const std::string image = pool + "/image/web";
    EXPECT_EQ(bus::pool_ref(image), std::nullopt);
    EXPECT_EQ(bus::image_ref(pool), std::nullopt);
    EXPECT_EQ(bus::image_ref(pool + "/image"), std::nullopt);
    EXPECT_EQ(bus::image_ref(pool + "/machine/web"), std::nullopt);
    EXPECT_EQ(bus::image_ref(image + "/image/web"), std::nullopt);
}

}  // namespace
}  // namespace virtbus::test
