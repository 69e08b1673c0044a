// SPDX-License-Identifier: LGPL-2.1-or-later
#include "storage_choice.h"

#include <gtest/gtest.h>

namespace virtbusctl {

namespace {

Bus::ImageRow image_row(const std::string& hypervisor, const std::string& pool, const std::string& name) {
    return {"/" + hypervisor + "/" + pool + "/" + name, name, pool, hypervisor, "qcow2", 0, 0, 0};
}

Bus::PoolRow pool_row(const std::string& hypervisor, const std::string& name) {
    return {"/" + hypervisor + "/" + name, name, hypervisor, "dir", "running", 0, 0, 0};
}

Bus::NetworkRow network_row(const std::string& hypervisor, const std::string& name) {
    return {"/" + hypervisor + "/" + name, name, hypervisor, "nat", "virbr0", true, false, {}};
}

const std::vector<Bus::ImageRow>& image_rows() {
    static const std::vector rows = {image_row("qemu", "default", "web"), image_row("qemu", "default", "mail"),
                                     image_row("qemu", "fast", "mail"), image_row("xen", "default", "web")};
    return rows;
}

/// Why none was chosen.
template <typename Choose>
std::string refusal(Choose choose) {
    try {
        choose();
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "";
}

}  // namespace

TEST(ChooseImage, TakesANameThatIsTheOnlyOne) {
    EXPECT_EQ(choose_image(image_rows(), "web", "xen").path, "/xen/default/web");
    EXPECT_EQ(choose_image({image_row("qemu", "default", "web")}, "web").path, "/qemu/default/web");
}

TEST(ChooseImage, TakesPoolAndName) {
    EXPECT_EQ(choose_image(image_rows(), "fast/mail").path, "/qemu/fast/mail");
    EXPECT_EQ(choose_image(image_rows(), "default/web", "qemu").path, "/qemu/default/web");
}

TEST(ChooseImage, TakesAPath) { EXPECT_EQ(choose_image(image_rows(), "/xen/default/web").hypervisor, "xen"); }

TEST(ChooseImage, TakesANameThatHasASlash) {
    EXPECT_EQ(choose_image({image_row("qemu", "gluster", "a/b")}, "a/b").name, "a/b");
    EXPECT_EQ(choose_image({image_row("qemu", "gluster", "a/b")}, "gluster/a/b").name, "a/b");
}

TEST(ChooseImage, NamesTheCandidates) {
    EXPECT_EQ(refusal([] { (void)choose_image(image_rows(), "mail"); }),
              "there are several images \"mail\": default/mail, fast/mail; say which as POOL/NAME");
    EXPECT_EQ(refusal([] { (void)choose_image(image_rows(), "default/web"); }),
              "there are several images \"default/web\": default/web on qemu, default/web on xen; choose a "
              "hypervisor with -H");
}

TEST(ChooseImage, SaysWhereToLook) {
    EXPECT_EQ(refusal([] { (void)choose_image(image_rows(), "db\x1b"); }),
              "there is no image \"db\\x1b\"; \"virtbusctl image list\" shows those of all pools that run");
    EXPECT_EQ(refusal([] { (void)choose_image(image_rows(), "mail", "xen"); }),
              "there is no image \"mail\" on hypervisor xen; \"virtbusctl image list\" shows those of all pools that "
              "run");
}

TEST(ChoosePool, TakesANameOrAPath) {
    const std::vector rows = {pool_row("qemu", "default"), pool_row("qemu", "fast"), pool_row("xen", "default")};
    EXPECT_EQ(choose_pool(rows, "fast").path, "/qemu/fast");
    EXPECT_EQ(choose_pool(rows, "/xen/default").hypervisor, "xen");
    EXPECT_EQ(choose_pool(rows, "default", "qemu").path, "/qemu/default");
    EXPECT_EQ(refusal([&] { (void)choose_pool(rows, "default"); }),
              "there are several pools \"default\": default on qemu, default on xen; choose a hypervisor with -H");
    EXPECT_EQ(refusal([&] { (void)choose_pool(rows, "slow"); }),
              "there is no pool \"slow\"; \"virtbusctl pool list\" shows all");
}

TEST(ChooseNetwork, TakesANameOrAPath) {
    const std::vector rows = {network_row("qemu", "default"), network_row("qemu", "lab"),
                              network_row("xen", "default")};
    EXPECT_EQ(choose_network(rows, "lab").path, "/qemu/lab");
    EXPECT_EQ(choose_network(rows, "/xen/default").hypervisor, "xen");
    EXPECT_EQ(refusal([&] { (void)choose_network(rows, "default"); }),
              "there are several networks \"default\": default on qemu, default on xen; choose a hypervisor with -H");
    EXPECT_EQ(refusal([&] { (void)choose_network(rows, "slow"); }),
              "there is no network \"slow\"; \"virtbusctl network list\" shows all");
}

TEST(ChooseNetwork, TakesTheFirstOfThoseThatAreTheSame) {
    const std::vector rows = {network_row("qemu", "default"), network_row("lxc", "default"),
                              network_row("lab", "default")};
    const auto here = [](const auto& one, const auto& other) {
        return one.hypervisor != "lab" && other.hypervisor != "lab";
    };
    EXPECT_EQ(choose_network({rows[0], rows[1]}, "default", "", here).path, "/qemu/default");
    EXPECT_EQ(choose_network({rows[1], rows[0]}, "default", "", here).path, "/lxc/default");
    EXPECT_EQ(choose_network(rows, "default", "lab", here).path, "/lab/default");
    EXPECT_EQ(refusal([&] { (void)choose_network(rows, "default", "", here); }),
              "there are several networks \"default\": default on qemu, default on lab; choose a hypervisor with -H");
}

TEST(NewImage, MayNameItsPool) {
    const auto made = [](const char* text, const char* pool) {
        const auto [place, name] = new_image(text, pool);
        return place + "|" + name;
    };
    EXPECT_EQ(made("web", ""), "|web");
    EXPECT_EQ(made("fast/web", ""), "fast|web");
    EXPECT_EQ(made("web", "fast"), "fast|web");
    EXPECT_EQ(made("a/b", "fast"), "fast|a/b") << "the daemon refuses it, and says why";
    EXPECT_EQ(made("fast/a/b", ""), "fast|a/b");
    EXPECT_EQ(made("/fast/web", ""), "|/fast/web");
}

}  // namespace virtbusctl
