// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/managed_objects.h"

#include "base/log.h"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <array>

namespace virtbus::bus {

namespace {

/// How many objects are written in one turn of the loop: about 3 ms.
constexpr int slice = 300;

/// A message of sd-bus as one of sdbus-c++, which has no such constructor for others: version 1.2 and 2.x alike.
class RawMessage final : public sdbus::Message {
public:
    RawMessage(sd_bus_message* message, const sdbus::Message& sample)
        : Message(message, sample.*(&RawMessage::sdbus_), sdbus::adopt_message) {}

    static sd_bus* bus_of(const sdbus::Message& message) {
        return sd_bus_message_get_bus(static_cast<sd_bus_message*>(message.*(&RawMessage::msg_)));
    }
};

void check(int result, const char* what) {
    if (result < 0) throw sdbus::createError(-result, what);
}

}  // namespace

ManagedObjects::Entry::Entry(ManagedObjects& owner, std::string path, const char* interface, Write write)
    : owner_(&owner), path_(std::move(path)), interface_(interface) {
    owner.objects_[path_][interface_] = std::move(write);
    changed();
}

ManagedObjects::Entry& ManagedObjects::Entry::operator=(Entry&& other) noexcept {
    leave();
    owner_ = std::exchange(other.owner_, nullptr);
    path_ = std::move(other.path_);
    interface_ = other.interface_;
    return *this;
}

void ManagedObjects::Entry::leave() {
    if (owner_ == nullptr) return;
    const auto object = owner_->objects_.find(path_);
    object->second.erase(interface_);
    if (object->second.empty()) owner_->objects_.erase(object);
    changed();
    owner_ = nullptr;
}

ManagedObjects::ManagedObjects(asio::io_context& loop, sdbus::IConnection& connection, const std::string& root)
    : loop_(loop),
      object_(sdbus::createObject(connection, root)),
      sample_(object_->createSignal("org.virtbus1.Sample", "Sample")) {
    sd_bus_slot* slot = nullptr;
    check(sd_bus_add_object(bus(), &slot, root.c_str(), handle, this), "sd_bus_add_object");
    slot_.reset(slot);
}

sd_bus* ManagedObjects::bus() const { return RawMessage::bus_of(sample_); }

int ManagedObjects::handle(sd_bus_message* call, void* self, sd_bus_error*) {
    if (sd_bus_message_is_method_call(call, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects") <= 0 ||
        sd_bus_message_is_empty(call) <= 0)
        return 0;  // sd-bus serves it
    auto& objects = *static_cast<ManagedObjects*>(self);
    spawn(objects.loop_, objects.answer(MessagePtr(sd_bus_message_ref(call))), "GetManagedObjects");
    return 1;
}

Task<> ManagedObjects::answer(MessagePtr call) {
    Listing listing(listings_);
    try {
        co_await list(call.get(), listing);
    } catch (const std::exception& error) {
        sd_bus_reply_method_errorf(call.get(), SD_BUS_ERROR_FAILED, "the objects cannot be told: %s", error.what());
        co_return;
    }
    correct(listing);
}

Task<> ManagedObjects::list(sd_bus_message* call, Listing& listing) {
    sd_bus_message* raw = nullptr;
    check(sd_bus_message_new_method_return(call, &raw), "sd_bus_message_new_method_return");
    RawMessage message(raw, sample_);
    message.openContainer("{oa{sa{sv}}}");
    bool more = write_some(listing, message);
    while (more) {
        co_await asio::post(loop_, asio::use_awaitable);
        more = write_some(listing, message);
    }
    message.closeContainer();
    check(sd_bus_send(bus(), raw, nullptr), "sd_bus_send");
}

bool ManagedObjects::write_some(Listing& listing, sdbus::Message& message) {
    PropertyWriter writer(message);
    auto object = objects_.lower_bound(listing.next);
    for (int i = 0; i < slice && object != objects_.end(); ++i, ++object) {
        message.openDictEntry("oa{sa{sv}}") << sdbus::ObjectPath(object->first);
        message.openContainer("{sa{sv}}");
        for (const auto& [interface, write] : object->second) {
            message.openDictEntry("sa{sv}") << interface;
            message.openContainer("{sv}");
            write(writer);
            message.closeContainer();
            message.closeDictEntry();
        }
        message.closeContainer();
        message.closeDictEntry();
    }
    if (object == objects_.end()) return false;
    listing.next = object->first;
    return true;
}

void ManagedObjects::correct(const Listing& listing) {
    for (const auto& [path, interface] : listing.outdated) {
        std::string name = interface;
        std::array<char*, 2> names{name.data(), nullptr};
        const auto object = objects_.find(path);
        const bool exists = object != objects_.end() && object->second.contains(interface);
        const int result = exists ? sd_bus_emit_interfaces_added_strv(bus(), path.c_str(), names.data())
                                  : sd_bus_emit_interfaces_removed_strv(bus(), path.c_str(), names.data());
        if (result < 0) log::warning("cannot announce " + path);
    }
}

void ManagedObjects::changed(const std::string& path, const char* interface) {
    for (auto* listing : listings_)
        if (path < listing->next) listing->outdated.emplace(path, interface);
}

}  // namespace virtbus::bus
