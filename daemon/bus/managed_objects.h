// SPDX-License-Identifier: LGPL-2.1-or-later
// org.freedesktop.DBus.ObjectManager.GetManagedObjects, answered by the objects themselves, some in each turn of the
// loop. sd-bus could do it, but would look each member of each object up in its tables, and serve nobody else
// meanwhile. Main thread only.
#pragma once

#include "base/task.h"
#include "bus/dictionary.h"

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace virtbus::bus {

/// Appends properties to a reply.
class PropertyWriter {
public:
    explicit PropertyWriter(sdbus::Message& message) : message_(message) {}

    template <typename Value>
    void operator()(const char* name, const Value& value) {
        static const std::string signature = sdbus::signature_of<Value>::str();
        message_.openDictEntry("sv") << name;
        message_.openVariant(signature) << value;
        message_.closeVariant();
        message_.closeDictEntry();
    }

    template <typename Value>
    void operator()(const char* name, const Dictionaries<Value>& dictionaries) {
        message_.openDictEntry("sv") << name;
        message_.openVariant("aa{sv}");
        message_.openContainer("a{sv}");
        for (const auto& value : dictionaries.values) {
            message_.openContainer("{sv}");
            each_entry(value, *this);
            message_.closeContainer();
        }
        message_.closeContainer();
        message_.closeVariant();
        message_.closeDictEntry();
    }

private:
    sdbus::Message& message_;
};

class ManagedObjects {
public:
    using Write = std::function<void(PropertyWriter&)>;

    /// What is kept of an interface of an object: while it lives, the interface is told of.
    class Entry {
    public:
        Entry() = default;
        Entry(ManagedObjects& owner, std::string path, const char* interface, Write write);
        Entry(Entry&& other) noexcept { *this = std::move(other); }
        Entry& operator=(Entry&& other) noexcept;
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() { leave(); }

        /// Its properties have changed, and this was announced.
        void changed() { owner_->changed(path_, interface_); }

    private:
        void leave();

        ManagedObjects* owner_ = nullptr;
        std::string path_;
        const char* interface_ = nullptr;
    };

    /// For the objects below `root`, whose ObjectManager sd-bus has: its signals stay sd-bus's.
    ManagedObjects(asio::io_context& loop, sdbus::IConnection& connection, const std::string& root);
    ManagedObjects(const ManagedObjects&) = delete;
    ManagedObjects& operator=(const ManagedObjects&) = delete;

private:
    struct Unref {
        void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
        void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    };
    using MessagePtr = std::unique_ptr<sd_bus_message, Unref>;

    /// A reply that is being written.
    struct Listing {
        explicit Listing(std::set<Listing*>& all) : all_(all) { all_.insert(this); }
        Listing(const Listing&) = delete;
        Listing& operator=(const Listing&) = delete;
        ~Listing() { all_.erase(this); }

        std::string next;  ///< the paths before it are written
        /// What was written and has changed since, by path and interface.
        std::set<std::pair<std::string, std::string>> outdated;

    private:
        std::set<Listing*>& all_;
    };

    static int handle(sd_bus_message* call, void* self, sd_bus_error* error);
    Task<> answer(MessagePtr call);
    Task<> list(sd_bus_message* call, Listing& listing);
    /// Writes some objects; returns whether there are more.
    bool write_some(Listing& listing, sdbus::Message& message);
    /// Announces once more what the listing, which was sent just now, has shown as it no longer is.
    void correct(const Listing& listing);
    void changed(const std::string& path, const char* interface);
    [[nodiscard]] sd_bus* bus() const;

    asio::io_context& loop_;
    std::unique_ptr<sdbus::IObject> object_;
    sdbus::Signal sample_;  // of which the messages below sdbus-c++'s are taken
    std::unique_ptr<sd_bus_slot, Unref> slot_;
    std::map<std::string, std::map<std::string, Write>> objects_;
    std::set<Listing*> listings_;
};

}  // namespace virtbus::bus
