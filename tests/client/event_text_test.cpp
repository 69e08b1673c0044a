// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event_text.h"

#include <gtest/gtest.h>

namespace virtbusctl {

namespace {

constexpr const char* web = "/org/virtbus1/hypervisor/qemu/machine/1";

Json changed(const Json& properties) {
    return {{"path", web},
            {"signal", "org.freedesktop.DBus.Properties.PropertiesChanged"},
            {"interface", "org.virtbus1.Machine"},
            {"changed", properties}};
}

EventText knowing_web() {
    EventText text;
    text.know(web, {{"Name", "web"}, {"State", "running"}});
    return text;
}

}  // namespace

TEST(EventText, SaysWhatAValueWasBefore) {
    auto text = knowing_web();
    EXPECT_EQ(text.line(changed({{"State", "paused"}})), "web: State running → paused");
    EXPECT_EQ(text.line(changed({{"State", "running"}, {"Memory", 1024U}})),
              "web: State paused → running, Memory 1 KiB");
}

TEST(EventText, CallsAMachineByItsOldNameWhenItIsRenamed) {
    auto text = knowing_web();
    EXPECT_EQ(text.line(changed({{"Name", "mail"}})), "web: Name web → mail");
    EXPECT_EQ(text.line(changed({{"State", "paused"}})), "mail: State running → paused");
}

TEST(EventText, TellsALifecycleOnce) {
    auto text = knowing_web();
    EXPECT_EQ(text.line({{"path", "/org/virtbus1"},
                         {"signal", "org.virtbus1.Manager.Lifecycle"},
                         {"machine", web},
                         {"event", "suspended"},
                         {"detail", "paused"}}),
              "web: suspended (paused)");
    EXPECT_EQ(text.line({{"path", web}, {"signal", "org.virtbus1.Machine.Lifecycle"}, {"event", "suspended"}}), "");
}

TEST(EventText, ForgetsWhatIsGone) {
    auto text = knowing_web();
    const Json gone = {{"signal", "org.freedesktop.DBus.ObjectManager.InterfacesRemoved"}, {"object", web}};
    EXPECT_EQ(text.line(gone), "web: gone");
    EXPECT_EQ(text.line(gone), "1: gone");
}

TEST(EventText, CallsAJobByWhatItDoes) {
    auto text = knowing_web();
    const Json properties = {{"Kind", "save"}, {"Subject", web}};
    EXPECT_EQ(text.line({{"signal", "org.freedesktop.DBus.ObjectManager.InterfacesAdded"},
                         {"object", "/org/virtbus1/job/3"},
                         {"interfaces", {{"org.virtbus1.Job", properties}}}}),
              "job 3: saving web");
    EXPECT_EQ(
        text.line({{"signal", "org.virtbus1.Manager.JobEnded"}, {"job", "/org/virtbus1/job/3"}, {"result", "done"}}),
        "job 3: done");
}

TEST(EventText, SaysWhyWithTheState) {
    auto text = knowing_web();
    const Json changes = {{"State", "paused"}, {"StateReason", "user"}, {"StateSinceUSec", 1U}, {"Generation", 7U}};
    EXPECT_EQ(text.line(changed(changes)), "web: State running → paused (user)");
}

TEST(EventText, SaysOnlyThatADefinitionHasChangedWhenNoPropertyShowsIt) {
    auto text = knowing_web();
    EXPECT_EQ(text.line(changed({{"Generation", 7U}})), "web: definition changed");
    EXPECT_EQ(text.line(changed({{"CurrentJob", "/org/virtbus1/job/3"}})), "");
}

TEST(EventText, SaysOfAJobHowFarItIsAndHowItEnded) {
    const char* const path = "/org/virtbus1/job/3";
    const char* const properties_changed = "org.freedesktop.DBus.Properties.PropertiesChanged";
    EventText text;
    text.know(path, {{"Kind", "save"}, {"Progress", 0.0}, {"Total", 2048U}, {"State", "running"}});
    EXPECT_EQ(
        text.line(
            {{"path", path}, {"signal", properties_changed}, {"changed", {{"Progress", 0.5}, {"Processed", 1024U}}}}),
        "job 3: 50 %, 1 KiB of 2 KiB");
    const Json error = Json::array({"org.virtbus1.Error.Failed", "disk full"});
    EXPECT_EQ(text.line({{"path", path},
                         {"signal", properties_changed},
                         {"changed", {{"State", "failed"}, {"Progress", 0.6}, {"Error", error}}}}),
              "");
    EXPECT_EQ(text.line({{"signal", "org.virtbus1.Manager.JobEnded"}, {"job", path}, {"result", "failed"}}),
              "job 3: failed: disk full");
}

TEST(EventText, CallsImagesAndPoolsByTheNamesInTheirPaths) {
    const std::string pool = "/org/virtbus1/hypervisor/qemu/pool/default";
    const std::string image = pool + "/image/web_2eqcow2";
    const char* const added = "org.freedesktop.DBus.ObjectManager.InterfacesAdded";
    const char* const removed = "org.freedesktop.DBus.ObjectManager.InterfacesRemoved";
    EventText text;
    EXPECT_EQ(text.line({{"signal", added},
                         {"object", pool},
                         {"interfaces", {{"org.virtbus1.Pool", {{"Name", "default"}, {"State", "running"}}}}}}),
              "pool default added");
    EXPECT_EQ(
        text.line(
            {{"signal", added}, {"object", image}, {"interfaces", {{"org.virtbus1.Image", {{"Name", "web.qcow2"}}}}}}),
        "image default/web.qcow2 added");
    EXPECT_EQ(text.line({{"signal", removed}, {"object", image}}), "image default/web.qcow2 removed");
    EXPECT_EQ(text.line({{"signal", removed}, {"object", pool}}), "pool default removed");
}

TEST(EventText, SaysWhatChangesInAnImage) {
    const std::string pool = "/org/virtbus1/hypervisor/qemu/pool/default";
    const char* const properties_changed = "org.freedesktop.DBus.Properties.PropertiesChanged";
    auto text = knowing_web();
    text.know(pool + "/image/a", {{"Allocation", 1024U}, {"UsedBy", Json::array()}, {"BackingImage", "/"}});
    EXPECT_EQ(text.line({{"path", pool + "/image/a"},
                         {"signal", properties_changed},
                         {"changed",
                          {{"Allocation", 2048U},
                           {"UsedBy", Json::array({web})},
                           {"BackingImage", pool + "/image/b"},
                           {"ModifiedUSec", 1U}}}}),
              "image default/a: Allocation 1 KiB → 2 KiB, UsedBy none → web, BackingImage none → image default/b");
    EXPECT_EQ(text.line({{"path", pool}, {"signal", properties_changed}, {"changed", {{"ImageCount", 4U}}}}), "");
}

TEST(EventText, NamesTheImageThatAJobMakes) {
    EXPECT_EQ(EventText().line(
                  {{"signal", "org.freedesktop.DBus.ObjectManager.InterfacesAdded"},
                   {"object", "/org/virtbus1/job/3"},
                   {"interfaces",
                    {{"org.virtbus1.Job",
                      {{"Kind", "create"}, {"Subject", "/org/virtbus1/hypervisor/qemu/pool/default/image/a"}}}}}}),
              "job 3: creating image default/a");
}

TEST(EventText, KeepsTheStateOfAMachineAndThatOfItsIdApart) {
    auto text = knowing_web();
    const auto id_changed = [](const Json& properties) {
        auto event = changed(properties);
        event["interface"] = "org.virtbus1.MachineId";
        return event;
    };
    EXPECT_EQ(text.line(id_changed({{"State", "valid"},
                                    {"Fingerprint", "0123456789abcdef0123456789abcdef"},
                                    {"ObservedUSec", 5U},
                                    {"Duplicates", Json::array({web})}})),
              "web: machine-id State valid, Fingerprint 0123456789ab, Duplicates web");
    EXPECT_EQ(text.line(changed({{"State", "paused"}})), "web: State running → paused");
    EXPECT_EQ(text.line(id_changed({{"State", "empty"}, {"Fingerprint", ""}})),
              "web: machine-id State valid → empty, Fingerprint 0123456789ab → none");
    EXPECT_EQ(text.line(id_changed({{"ObservedUSec", 6U}})), "");
}

TEST(EventText, TellsOnceThatAMachineAndItsIdComeAndGo) {
    EventText text;
    const Json interfaces = {{"org.virtbus1.Machine", {{"Name", "web"}, {"State", "shut-off"}}},
                             {"org.virtbus1.MachineId", {{"State", "unknown"}}}};
    EXPECT_EQ(text.line({{"signal", "org.freedesktop.DBus.ObjectManager.InterfacesAdded"},
                         {"object", web},
                         {"interfaces", interfaces}}),
              "web: appeared, shut-off");
    EXPECT_EQ(text.line({{"signal", "org.freedesktop.DBus.ObjectManager.InterfacesRemoved"},
                         {"object", web},
                         {"interfaces", {"org.virtbus1.Machine", "org.virtbus1.MachineId"}}}),
              "web: gone");
}

TEST(EventText, SaysWhoHasTheSameMachineId) {
    auto text = knowing_web();
    const std::string fingerprint = "0123456789abcdef0123456789abcdef";
    EXPECT_EQ(text.line({{"path", "/org/virtbus1"},
                         {"signal", "org.virtbus1.Manager.DuplicateMachineId"},
                         {"fingerprint", fingerprint},
                         {"objects", Json::array({web, "/org/virtbus1/machine_id"})}}),
              "machine-id 0123456789ab: the same in web, this host");
    EXPECT_EQ(text.line({{"path", "/org/virtbus1"},
                         {"signal", "org.virtbus1.Manager.DuplicateMachineIdResolved"},
                         {"fingerprint", fingerprint}}),
              "machine-id 0123456789ab: no duplicates any more");
}

TEST(EventText, NamesASignalThatItDoesNotKnow) {
    EXPECT_EQ(EventText().line({{"path", web}, {"signal", "org.virtbus1.Machine.New"}}), "1: org.virtbus1.Machine.New");
}

}  // namespace virtbusctl
