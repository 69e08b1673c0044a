// SPDX-License-Identifier: LGPL-2.1-or-later
// Machines with systems on their disks, and words for what is done to their machine-ids.
#pragma once

#include "base/log.h"
#include "bus/error.h"
#include "storage_fixture.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace virtbus::test {

inline const std::string machine_id_interface = "org.virtbus1.MachineId";
inline const std::string machine_ids_denied = "org.freedesktop.DBus.Error.AccessDenied";

/// All text in a value, whatever it is made of.
inline std::string text_in(const VariantMap& map);

inline std::string text_in(const sdbus::Variant& value) {
    const auto type = value.peekValueType();
    std::string text;
    if (type == "s") {
        text = value.get<std::string>();
    } else if (type == "o") {
        text = value.get<sdbus::ObjectPath>();
    } else if (type == "as") {
        for (const auto& each : value.get<std::vector<std::string>>()) text += each + " ";
    } else if (type == "ao") {
        for (const auto& each : value.get<std::vector<sdbus::ObjectPath>>()) text += each + " ";
    } else if (type == "(ss)") {
        const auto pair = value.get<sdbus::Struct<std::string, std::string>>();
        text = pair.get<0>() + " " + pair.get<1>();
    } else if (type == "a(sao)") {
        for (const auto& row : value.get<std::vector<sdbus::Struct<std::string, std::vector<sdbus::ObjectPath>>>>()) {
            text += row.get<0>() + " ";
            for (const auto& each : row.get<1>()) text += each + " ";
        }
    } else if (type == "a{sv}") {
        text = text_in(value.get<VariantMap>());
    } else if (type == "aa{sv}") {
        for (const auto& map : value.get<std::vector<VariantMap>>()) text += text_in(map);
    } else if (type.size() != 1) {
        ADD_FAILURE() << "what " << type << " holds is not looked at";
    }
    return text;
}

inline std::string text_in(const VariantMap& map) {
    std::string text;
    for (const auto& [key, value] : map) text += key + " " + text_in(value) + " ";
    return text;
}

class MachineIdsTest : public StorageBusTest {
protected:
    explicit MachineIdsTest(PrivateBus::Policy policy = PrivateBus::Policy::session) : StorageBusTest(policy) {
        truth().add(make_image("default", "db.qcow2"));
        first->edit(database, [](Machine& machine) { machine.disks[0].file = "/pools/default/db.qcow2"; });
        first->edit(web, [](Machine& machine) { machine.state = MachineState::shut_off; });
    }

    void serve(bus::BusType type = bus::BusType::session) {
        ASSERT_NO_FATAL_FAILURE(StorageBusTest::serve(type));
        guests().put("/pools/default/db.qcow2", one);
        guests().put("/pools/default/web.qcow2", two);
    }
    FakeGuests& guests() { return server->guests(); }
    std::unique_ptr<proxies::MachineId> id_of(const std::string& path) { return client.machine_id(path); }
    void refresh(const std::string& path) { await_end(id_of(path)->Refresh({})); }
    void await_guests() {
        ASSERT_TRUE(await_there([&] { return guests().hanging() == 1; }));
    }
    /// Returns when the machine is off again.
    void run_once(const std::string& path) {
        client.machine(path)->Start({});
        client.machine(path)->PowerOff({});
    }
    /// What was announced of `property` at last.
    sdbus::Variant announced(const std::string& path, const std::string& property) {
        client.flush();
        const auto found = std::find_if(client.signals.rbegin(), client.signals.rend(), [&](const Signal& signal) {
            return signal.name == "PropertiesChanged" && signal.path == path &&
                   signal.subject == machine_id_interface && signal.changed.contains(property);
        });
        return found == client.signals.rend() ? sdbus::Variant() : found->changed.at(property);
    }
    std::vector<sdbus::ObjectPath> announced_duplicates(const std::string& path) {
        const auto value = announced(path, "Duplicates");
        return value.isEmpty() ? std::vector<sdbus::ObjectPath>{} : value.get<std::vector<sdbus::ObjectPath>>();
    }
    /// Everything that anybody can see or has heard.
    std::string everything() {
        std::string text;
        for (const auto& [path, interfaces] : client.manager()->GetManagedObjects())
            for (const auto& [interface, properties] : interfaces) text += path + " " + text_in(properties) + "\n";
        client.flush();
        for (const auto& signal : client.signals) {
            text += signal.path + " " + signal.subject + " " + text_in(signal.changed) + text_in(signal.properties);
            for (const auto& word : signal.words) text += word + " ";
        }
        return text;
    }
    static void expect_no_id_in(std::string text, const MachineId& id) {
        std::erase(text, '-');
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
        EXPECT_EQ(text.find(id.text()), std::string::npos) << id.text() << " in " << text.substr(0, 2'000);
    }

    using Groups = std::vector<sdbus::Struct<std::string, std::vector<sdbus::ObjectPath>>>;

    Groups groups(const std::string& job, const std::string& key) {
        return client.job(job)->Result().at(key).get<Groups>();
    }

    const MachineId one = *MachineId::parse("0123456789abcdef0123456789abcdef");
    const MachineId two = *MachineId::parse("fedcba9876543210fedcba9876543210");
    const std::string host_path = "/org/virtbus1/machine_id";
};

}  // namespace virtbus::test
