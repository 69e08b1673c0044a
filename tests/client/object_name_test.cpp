// SPDX-License-Identifier: LGPL-2.1-or-later
#include "object_name.h"

#include <gtest/gtest.h>

namespace virtbusctl {

constexpr const char* path_of_pool = "/org/virtbus1/hypervisor/my_2dxen/pool/a_20b";
constexpr const char* path_of_image = "/org/virtbus1/hypervisor/qemu/pool/default/image/web_2eqcow2";

TEST(StorageName, IsReadFromThePath) {
    const auto of_pool = storage_name(path_of_pool);
    ASSERT_TRUE(of_pool);
    EXPECT_EQ(of_pool->hypervisor, "my-xen");
    EXPECT_EQ(of_pool->pool, "a b");
    EXPECT_EQ(of_pool->image, "");
    const auto of_image = storage_name(path_of_image);
    ASSERT_TRUE(of_image);
    EXPECT_EQ(of_image->pool, "default");
    EXPECT_EQ(of_image->image, "web.qcow2");
}

TEST(StorageName, IsNothingForOtherObjects) {
    for (const char* path : {"/", "", "web", "/org/virtbus1", "/org/virtbus1/job/3", "/org/virtbus1/hypervisor/qemu",
                             "/org/virtbus1/hypervisor/qemu/machine/1", "/var/lib/libvirt/images/web.qcow2"})
        EXPECT_FALSE(storage_name(path)) << path;
}

TEST(ShortName, IsWhatPeopleType) {
    EXPECT_EQ(short_name(path_of_image), "default/web.qcow2");
    EXPECT_EQ(short_name(path_of_pool), "a b");
    EXPECT_EQ(short_name("/org/virtbus1/hypervisor/my_2dxen"), "my-xen");
    EXPECT_EQ(short_name("/org/virtbus1/hypervisor/qemu/network/my_20lab"), "my lab");
    EXPECT_EQ(short_name("/org/virtbus1/hypervisor/qemu/machine/db2a6a04_e2c1_4925_8a03_ca73f82353ec"),
              "db2a6a04-e2c1-4925-8a03-ca73f82353ec");
    EXPECT_EQ(short_name("/org/virtbus1/job/3"), "/org/virtbus1/job/3");
}

TEST(ShortName, CallsTheMachineIdOfThisHostByWhoHasIt) {
    EXPECT_EQ(short_name("/org/virtbus1/machine_id"), "this host");
    EXPECT_EQ(subject_name({{"/m/1", "web"}}, "/org/virtbus1/machine_id"), "this host");
}

TEST(KindAndName, CannotDriveATerminal) {
    EXPECT_EQ(kind_and_name("/org/virtbus1/hypervisor/qemu/pool/default/image/a_1bb"), "image default/a\\x1bb");
    EXPECT_EQ(kind_and_name("/org/virtbus1/hypervisor/qemu/network/a_1bb"), "network a\\x1bb");
}

TEST(SubjectName, KnowsMachinesByTheirPaths) {
    EXPECT_EQ(subject_name({{"/m/1", "web"}}, "/m/1"), "web");
    EXPECT_EQ(subject_name({}, "/m/1"), "/m/1");
    EXPECT_EQ(subject_name({}, path_of_image), "default/web.qcow2");
}

}  // namespace virtbusctl
