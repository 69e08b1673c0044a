// SPDX-License-Identifier: LGPL-2.1-or-later
#include "interrupted_test.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>

namespace virtbus::test {

void InterruptedTest::SetUp() {
    ImagesTest::SetUp();
    make_sparse(outside() / "base", size, data);
    make_sparse(outside() / "other", size, 24 * mebibyte);
    ASSERT_THAT(import("base", outside() / "base", "raw"), Succeeded());
    ASSERT_THAT(import("other", outside() / "other", "raw"), Succeeded());
    ASSERT_THAT(clone("base", "disk", {{"format", "qcow2"}}), Succeeded());
    ASSERT_THAT(clone("base", "overlay", {{"linked", true}}), Succeeded());
    output_of({"qemu-io", "-f", "qcow2", "-c", "write -P 5 2M 32M", file_of("overlay")});
    output_of({"qemu-img", "convert", "-f", "qcow2", "-O", "raw", file_of("overlay"), outside() / "overlay"});
    for (const std::string name : {"base", "other", "disk", "overlay"})
        sources_[name] = {fingerprint(file_of(name)), change_time(file_of(name))};
}

std::vector<std::string> InterruptedTest::operation_names() {
    return {"clone", "convert", "flatten", "rebase", "wipe", "import", "export", "create"};
}

InterruptedTest::Operation InterruptedTest::operation(const std::string& name) {
    const auto base = outside() / "base";
    const auto overlay = outside() / "overlay";
    if (name == "clone")
        return {name, "", "new", base, [this] { return image("disk")->Clone("new", {{"format", "raw"}}); }};
    if (name == "convert") return {name, "disk", "", base, [this] { return image("changed")->Convert("raw", {}); }};
    if (name == "flatten") return {name, "overlay", "", overlay, [this] { return image("changed")->Flatten({}); }};
    if (name == "rebase")
        return {name, "overlay", "", overlay, [this] { return image("changed")->Rebase(path_of("other"), {}); }};
    if (name == "wipe") return {name, "disk", "", {}, [this] { return image("changed")->Wipe({}); }};
    if (name == "import")
        return {name, "", "new", base, [this] { return begin_import("new", outside() / "base", "raw"); }};
    if (name == "export") return {name, "", "", {}, [this] { return begin_export("overlay", outside() / "exported"); }};
    return {name, "", "new", {}, [this] {
                return pool()->CreateImage("new", 4 * size, {{"format", "qcow2"}, {"preallocation", "full"}});
            }};
}

std::int64_t InterruptedTest::change_time(const Path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) throw std::runtime_error(file.string() + " is not there");
    return status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec;
}

void InterruptedTest::place(const std::string& original, const std::string& name) {
    std::filesystem::copy_file(file_of(original), outside() / name, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(outside() / name, file_of(name));
    ASSERT_THAT(refresh(), Succeeded());
    ASSERT_TRUE(is_listed(name));
}

void InterruptedTest::make_ready(const Operation& operation) {
    if (!operation.changes.empty()) place(operation.changes, "changed");
}

Clock::duration InterruptedTest::time_of(const Operation& operation) {
    make_ready(operation);
    const auto start = Clock::now();
    const auto end = ended(operation.begin());
    const auto whole = Clock::now() - start;
    EXPECT_THAT(end, Succeeded()) << operation.name;
    expect_whole(operation, end);
    clean(operation);
    return whole;
}

void InterruptedTest::expect_whole(const Operation& operation, const std::optional<Ended>& end) {
    SCOPED_TRACE(operation.name + (end ? " ended " + end->state : ""));
    const bool done = end && end->state == "done";
    EXPECT_EQ(temporaries_in(directory()), std::vector<std::string>{});
    for (auto& [name, source] : sources_) {
        const auto changed = change_time(file_of(name));
        if (changed == source.changed) continue;
        source.changed = changed;
        EXPECT_EQ(fingerprint(file_of(name)), source.fingerprint) << name;
    }

    std::vector<std::string> expected{"base", "disk", "other", "overlay"};
    if (!operation.changes.empty()) expected.insert(expected.begin() + 1, "changed");
    const bool made = !operation.makes.empty() && std::filesystem::exists(file_of(operation.makes));
    if (done && !operation.makes.empty()) {
        EXPECT_TRUE(made);
    }
    if (end && !done) {
        EXPECT_FALSE(made) << "there is an image of a job that made none";
    }
    if (made) expected.insert(expected.begin() + 2, operation.makes);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(listed(), expected);
    EXPECT_EQ(names_in(directory()), expected);

    for (const auto& name : {operation.makes, operation.changes.empty() ? std::string() : std::string("changed")}) {
        if (name.empty() || !is_listed(name)) continue;
        const auto format = image(name)->Format();
        if (format == "qcow2") {
            EXPECT_TRUE(is_sound(file_of(name))) << name;
        }
        EXPECT_EQ(image(name)->VirtualSize(), operation.name == "create" ? 4 * size : size) << name;
        if (operation.name == "create") {
            EXPECT_GE(bytes_on_disk(file_of(name)), 4 * size);
        }
        if (operation.content.empty()) continue;
        EXPECT_TRUE(is_same_content(operation.content, "raw", file_of(name), format)) << name;
    }
    if (operation.name == "export" && done) {
        EXPECT_TRUE(is_same_content(outside() / "overlay", "raw", outside() / "exported", "qcow2"));
    }
    if (end && !done && !operation.changes.empty() && operation.name != "wipe") {
        EXPECT_EQ(fingerprint(file_of("changed")), sources_.at(operation.changes).fingerprint)
            << "it has changed its image";
    }
}

void InterruptedTest::clean(const Operation& operation) {
    for (const auto& name : {operation.makes, operation.changes.empty() ? std::string() : std::string("changed")})
        if (!name.empty() && is_listed(name)) {
            EXPECT_THAT(ended(image(name)->Delete({})), Succeeded()) << name;
        }
}

}  // namespace virtbus::test
