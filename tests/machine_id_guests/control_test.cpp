// SPDX-License-Identifier: LGPL-2.1-or-later
// Which machine-id a real Debian boots with when its disk is copied, and when its id is reset by what people do by
// hand. Nothing of virtbus takes part: these are the traps that it has to keep its clones out of, shown to be there.
#include "boot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

namespace virtbus::test {

namespace {

constexpr const char* etc_machine_id = "/etc/machine-id";
constexpr const char* dbus_machine_id = "/var/lib/dbus/machine-id";

// Of the machines, and of no id: whatever a guest takes its id from can be told from the rest.
constexpr const char* original_uuid = "6f1d7c52-0d1c-4a35-9d3a-5a6e5f0a1b2c";
constexpr const char* copy_uuid = "0e5be77e-91a4-4fd5-8a06-41d7a6c3e0f1";
constexpr const char* emptied_uuid = "c2a9d9de-3b0a-4b4c-b7a4-0b8f4f5d9e37";
constexpr const char* entry_uuid = "93b4d0a1-6a77-4f0e-8a51-e2c9b3f6d748";
constexpr const char* old_id = "0a1b2c3d4e5f40718293a4b5c6d7e8f9";
constexpr const char* new_id = "f0e1d2c3b4a549788766554433221100";

std::string without_dashes(std::string uuid) {
    uuid.erase(std::remove(uuid.begin(), uuid.end(), '-'), uuid.end());
    return uuid;
}

/// A guest that was booted, and the disk it has left.
struct Booted {
    explicit Booted(const std::filesystem::path& image) : disk(image) {}

    Disk disk;
    Report report;
};
using Boot = std::shared_future<std::shared_ptr<const Booted>>;

template <typename Prepare>
std::shared_ptr<const Booted> boot(const std::filesystem::path& image, const char* uuid, Prepare prepare) {
    auto booted = std::make_shared<Booted>(image);
    prepare(booted->disk);
    booted->report = Guest(booted->disk, uuid).boot();
    return booted;
}

std::filesystem::path template_image() { return debian_directory() / "debian.qcow2"; }

/// As it comes from its maker: without an id.
std::shared_ptr<const Booted> boot_original() {
    return boot(template_image(), original_uuid, [](Disk&) {});
}

/// Copied as it is, by which it becomes another machine.
std::shared_ptr<const Booted> boot_copy(const Disk& original) {
    return boot(original.image(), copy_uuid, [](Disk&) {});
}

/// Reset as many a manual has it, where D-Bus's id is a file of its own, as dbus-uuidgen makes it.
std::shared_ptr<const Booted> boot_emptied() {
    return boot(template_image(), emptied_uuid, [](Disk& disk) {
        disk.write(dbus_machine_id, std::string(old_id) + "\n");
        disk.write(etc_machine_id, "");
    });
}

/// Given a new id in both places, but with a boot entry that holds the old one, as kernel-install writes it.
std::shared_ptr<const Booted> boot_with_entry() {
    return boot(template_image(), entry_uuid, [](Disk& disk) {
        const auto options = options_of(disk.read(Guest::boot_entry));
        disk.write(Guest::boot_entry, "title Debian\nmachine-id " + std::string(old_id) + "\noptions " + options +
                                          "\noptions systemd.machine_id=" + old_id + "\n");
        disk.write(etc_machine_id, std::string(new_id) + "\n");
    });
}

/// All boots are under way from the start, two at a time: they are what takes the time, and a processor each.
class ControlTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        original_ = std::async(std::launch::async, boot_original).share();
        copy_ = std::async(std::launch::async, [] { return boot_copy(original_.get()->disk); }).share();
        emptied_ = std::async(std::launch::async, boot_emptied).share();
        with_entry_ = std::async(std::launch::async, [] {
                          emptied_.wait();
                          return boot_with_entry();
                      }).share();
    }
    static void TearDownTestSuite() { original_ = copy_ = emptied_ = with_entry_ = Boot(); }

    static void expect_id(const Report& report, const std::string& id) {
        EXPECT_EQ(report.etc, id);
        EXPECT_EQ(report.dbus, id);
        EXPECT_EQ(report.journal, id);
    }

    static inline Boot original_;
    static inline Boot copy_;
    static inline Boot emptied_;
    static inline Boot with_entry_;
};

}  // namespace

TEST_F(ControlTest, AGuestWithoutAnIdTakesTheUuidOfItsMachine) {
    const auto& booted = *original_.get();
    expect_id(booted.report, without_dashes(original_uuid));
    EXPECT_EQ(booted.report.from, "VM UUID");
    EXPECT_EQ(booted.report.host, "debian");
    EXPECT_EQ(booted.disk.read(etc_machine_id), without_dashes(original_uuid) + "\n") << "it stays on the disk";
    EXPECT_EQ(booted.disk.link(dbus_machine_id), etc_machine_id);
}

TEST_F(ControlTest, ACopyThatIsNotResetHasTheIdOfItsOriginal) {
    const auto& booted = *copy_.get();
    expect_id(booted.report, original_.get()->report.etc);
    EXPECT_EQ(booted.report.from, "") << "there was nothing to make";
    EXPECT_EQ(booted.disk.read(etc_machine_id), original_.get()->disk.read(etc_machine_id));
}

TEST_F(ControlTest, AGuestWhoseEtcAloneIsEmptiedTakesItsOldIdBackFromDbus) {
    const auto& booted = *emptied_.get();
    expect_id(booted.report, old_id);
    EXPECT_EQ(booted.report.from, "D-Bus machine ID");
    EXPECT_EQ(booted.disk.read(etc_machine_id), std::string(old_id) + "\n");
    EXPECT_EQ(booted.disk.read(dbus_machine_id), std::string(old_id) + "\n");
}

TEST_F(ControlTest, AnIdInTheBootEntryIsWrittenOverTheOneOnTheDisk) {
    const auto& booted = *with_entry_.get();
    expect_id(booted.report, old_id);
    EXPECT_EQ(booted.report.from, "") << "it is not new to systemd";
    EXPECT_EQ(booted.disk.read(etc_machine_id), std::string(old_id) + "\n") << "the disk had " << new_id;
}

}  // namespace virtbus::test
