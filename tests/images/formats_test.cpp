// SPDX-License-Identifier: LGPL-2.1-or-later
// What an image is made as: the object, qemu-img and the file system agree about it.
#include "images_test.h"

namespace virtbus::test {

namespace {

struct Form {
    std::string format;
    std::string preallocation;

    friend std::ostream& operator<<(std::ostream& stream, const Form& form) {
        return stream << form.format << " " << form.preallocation;
    }
};

}  // namespace

class FormatsTest : public ImagesTest {
protected:
    /// The object's properties are what qemu-img and the file system say.
    void expect_agreement(const std::string& name) {
        const auto file = file_of(name);
        const auto info = qemu_info(file);
        const auto object = image(name);
        EXPECT_EQ(object->Path(), file.string());
        EXPECT_EQ(object->Format(), info.at("format"));
        EXPECT_EQ(object->VirtualSize(), info.at("virtual-size"));
        EXPECT_EQ(object->Allocation(), info.at("actual-size"));
        EXPECT_EQ(object->Allocation(), bytes_on_disk(file));
        EXPECT_FALSE(object->Encrypted());
        EXPECT_EQ(object->BackingFile(), info.value("backing-filename", ""));
    }
};

class EveryFormTest : public FormatsTest, public testing::WithParamInterface<Form> {};

TEST_P(EveryFormTest, IsWhatWasAskedFor) {
    constexpr std::uint64_t size = 32 * mebibyte;
    const auto& [format, preallocation] = GetParam();
    const auto made = create("disk", size, {{"format", format}, {"preallocation", preallocation}});
    ASSERT_THAT(made, Succeeded());
    EXPECT_EQ(made.result.at("image").get<sdbus::ObjectPath>(), path_of("disk"));
    expect_agreement("disk");
    EXPECT_EQ(image("disk")->Format(), format);
    EXPECT_EQ(image("disk")->VirtualSize(), size);
    EXPECT_EQ(image("disk")->Preallocated(), preallocation);
    const auto taken = bytes_on_disk(file_of("disk"));
    if (preallocation == "full") {
        EXPECT_GE(taken, size);
    } else {
        EXPECT_LT(taken, mebibyte);
    }
    if (preallocation == "metadata") {
        EXPECT_GE(std::filesystem::file_size(file_of("disk")), size);
    }
    if (format == "qcow2") {
        EXPECT_TRUE(is_sound(file_of("disk")));
    }
    EXPECT_THAT(refresh(), Succeeded());
    EXPECT_EQ(image("disk")->Preallocated(), preallocation);
}

INSTANTIATE_TEST_SUITE_P(Forms, EveryFormTest,
                         testing::Values(Form{"raw", "off"}, Form{"raw", "full"}, Form{"qcow2", "off"},
                                         Form{"qcow2", "metadata"}, Form{"qcow2", "full"}),
                         [](const auto& form) { return form.param.format + "_" + form.param.preallocation; });

TEST_F(FormatsTest, AClonesFormIsWhatWasAskedFor) {
    make_sparse(outside() / "source", 32 * mebibyte, 4 * mebibyte);
    ASSERT_THAT(import("source", outside() / "source", "raw"), Succeeded());
    expect_agreement("source");
    EXPECT_EQ(image("source")->Preallocated(), "off");
    for (const auto& [format, preallocation] : {Form{"raw", "off"}, Form{"raw", "full"}, Form{"qcow2", "off"},
                                                Form{"qcow2", "metadata"}, Form{"qcow2", "full"}}) {
        const auto name = format + preallocation;
        ASSERT_THAT(clone("source", name, {{"format", format}, {"preallocation", preallocation}}), Succeeded());
        expect_agreement(name);
        EXPECT_EQ(image(name)->Preallocated(), preallocation) << name;
        EXPECT_EQ(image(name)->Format(), format) << name;
        EXPECT_TRUE(is_same_content(file_of("source"), "raw", file_of(name), format)) << name;
        if (preallocation == "full") {
            EXPECT_GE(bytes_on_disk(file_of(name)), 32 * mebibyte) << name;
        }
        if (preallocation != "full") {
            EXPECT_LT(bytes_on_disk(file_of(name)), 6 * mebibyte) << name;
        }
    }
}

TEST_F(FormatsTest, ConvertGivesTheFormThatWasAskedFor) {
    make_sparse(outside() / "source", 32 * mebibyte, 4 * mebibyte);
    ASSERT_THAT(import("disk", outside() / "source", "raw"), Succeeded());
    for (const auto& [format, preallocation] :
         {Form{"qcow2", "metadata"}, Form{"raw", "full"}, Form{"qcow2", "full"}, Form{"raw", "off"}}) {
        ASSERT_THAT(ended(image("disk")->Convert(format, {{"preallocation", preallocation}})), Succeeded());
        expect_agreement("disk");
        EXPECT_EQ(image("disk")->Format(), format);
        EXPECT_EQ(image("disk")->Preallocated(), preallocation) << format;
        EXPECT_TRUE(is_same_content(outside() / "source", "raw", file_of("disk"), format));
    }
    EXPECT_LT(bytes_on_disk(file_of("disk")), 6 * mebibyte);
}

TEST_F(FormatsTest, SizesAreRoundedUpToSectors) {
    ASSERT_THAT(create("disk", 1'000, {{"format", "raw"}}), Succeeded());
    EXPECT_EQ(image("disk")->VirtualSize(), 1'024U);
    EXPECT_EQ(std::filesystem::file_size(file_of("disk")), 1'024U);
}

TEST_F(FormatsTest, TheDefaultPoolIsWhereItIsDocumented) {
    const auto path = hypervisor()->GetDefaultPool({});
    proxies::Pool pool(actor.connection(), "org.virtbus1", path);
    EXPECT_EQ(path, std::string(hypervisor_path) + "/pool/default");
    EXPECT_EQ(pool.Path(), environment("XDG_DATA_HOME") + "/libvirt/images");
    EXPECT_EQ(pool.State(), "running");
    EXPECT_EQ(hypervisor()->GetDefaultPool({}), path);
}

}  // namespace virtbus::test
