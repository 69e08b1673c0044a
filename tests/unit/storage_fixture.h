// SPDX-License-Identifier: LGPL-2.1-or-later
// A Hypervisor on the fake with a pool "default", and an observer that writes down what it hears of pools and images.
#pragma once

#include "unit/hypervisor_fixture.h"

#include <fmt/format.h>

#include <functional>

namespace virtbus::test {

/// Writes each call down as a line: "pool added default", "image changed default/web.qcow2", "links default/web.qcow2".
class StorageRecorder final : public StorageObserver {
public:
    void pool_added(const PoolPtr& pool) override { lines.push_back("pool added " + pool->name); }
    void pool_changed(const PoolPtr& after) override { lines.push_back("pool changed " + after->name); }
    void pool_removed(const PoolPtr& pool) override { lines.push_back("pool removed " + pool->name); }
    void image_added(const ImagePtr& image) override { lines.push_back("added " + name(*image)); }
    void image_changed(const ImagePtr& after) override { lines.push_back("changed " + name(*after)); }
    void image_removed(const ImagePtr& image) override { lines.push_back("removed " + name(*image)); }
    void links_changed(const ImagePtr& image) override { lines.push_back("links " + name(*image)); }

    std::vector<std::string> lines;

private:
    static std::string name(const Image& image) { return image.pool + "/" + image.name; }
};

class StorageFixture : public HypervisorTest {
protected:
    StorageFixture() { truth().add(make_pool("default")); }
    ~StorageFixture() override { storage().ignore(&told); }

    FakeStorage& truth() { return fake->storage(); }
    Storage& storage() { return hypervisor->storage(); }

    void start() {
        storage().observe(&told);
        HypervisorTest::start();
    }
    /// Starts, and returns when all is listed; what was told until then is forgotten.
    void connect() {
        start();
        await_line("resynced");
        await_quiet();
        heard.lines.clear();
        told.lines.clear();
    }
    void await_told(const std::string& line) {
        ASSERT_TRUE(turn_until(loop, [&] { return count(line) > 0; }))
            << "never told: " << line << "; only " << testing::PrintToString(told.lines);
    }
    std::size_t count(const std::string& line) const {
        return static_cast<std::size_t>(std::count(told.lines.begin(), told.lines.end(), line));
    }
    void await_listing() {
        ASSERT_TRUE(turn_until(loop, [&] { return truth().hanging() > 0; }));
    }

    /// An image of pool "default" that is there from the beginning.
    Image put(
        const std::string& name, const std::function<void(Image&)>& change = [](Image&) {}) {
        auto image = make_image("default", name);
        change(image);
        truth().add(image);
        return image;
    }
    Image put_overlay(const std::string& name, const Image& backing) {
        return put(name, [&](Image& image) {
            image.backing_file = backing.path;
            image.backing_format = backing.format;
        });
    }
    void change(const std::string& name, const std::function<void(Image&)>& change) {
        auto image = *truth().image("default", name);
        change(image);
        truth().add(image);
    }
    void change_pool(const std::string& name, const std::function<void(Pool&)>& change) {
        auto pool = *truth().read_pool(name);
        change(pool);
        truth().add(pool);
    }
    void put_machine(const std::string& name, std::uint32_t number, const Image& disk,
                     MachineState state = MachineState::shut_off) {
        auto machine = make_machine(name, number, state);
        machine.disks[0].file = disk.path;
        machine.disks[0].format = disk.format;
        fake->add(std::move(machine));
    }
    /// The pool is read, and the difference is told.
    void read(const std::string& pool = "default") { run(loop, storage().refreshed(pool, false)); }
    /// What the mirror has.
    Image mirrored_image(const std::string& name, const std::string& pool = "default") {
        const auto image = storage().find_image(pool, name);
        EXPECT_TRUE(image) << name << " is not there";
        return image ? *image : Image{};
    }
    template <typename Each>
    static std::vector<std::string> names(const std::vector<Each>& all) {
        std::vector<std::string> names;
        for (const auto& each : all) names.push_back(each->name);
        return names;
    }

    StorageRecorder told;
};

}  // namespace virtbus::test
