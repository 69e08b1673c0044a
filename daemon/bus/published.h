// SPDX-License-Identifier: LGPL-2.1-or-later
// The objects that ObjectManager tells of: how they come to the bus and leave it, with one interface or two.
#pragma once

#include "bus/served_object.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace virtbus::bus {

/// `Object`, the class itself, shows the properties of one interface by the generated `Adaptor`, and has gone(): the Error
/// that callers get once it has left. `Properties` is generated as well, and its friend.
template <typename Object, typename Adaptor, typename Properties>
class Published : public sdbus::AdaptorInterfaces<Adaptor>, public ServedObject {
public:
    static constexpr const char* interface_name = Adaptor::INTERFACE_NAME;

    /// Puts it on the bus, and announces it with all its properties.
    void announce() {
        put_on();
        tell_added({interface_name});
    }

    /// Puts it on the bus without a word.
    void put_on() {
        this->registerAdaptor();
        entry_ = ManagedObjects::Entry(services().managed_objects, this->getObjectPath(), interface_name,
                                       [this](PropertyWriter& writer) { Properties::each(self(), writer); });
    }

    /// Announces that the properties of these names have changed.
    void announce_changes(const std::vector<std::string>& names) {
        if (names.empty()) return;
        this->getObject().emitPropertiesChangedSignal(interface_name, names);
        entry_.changed();
    }

    /// Announces that it is gone, and takes it off the bus.
    void end() {
        if (std::exchange(ended_, true)) return;
        tell_removed({interface_name});
        take_off(self().gone());
    }

    // Of interfaces that are at its path.
    void tell_added(const std::vector<std::string>& interfaces) {
        this->getObject().emitInterfacesAddedSignal(interfaces);
    }
    void tell_removed(const std::vector<std::string>& interfaces) {
        this->getObject().emitInterfacesRemovedSignal(interfaces);
    }

    /// Takes it off the bus without a word but the `reason` to whoever still waits for a reply.
    void take_off(const Error& reason) {
        if (std::exchange(is_off_, true)) return;
        retire(reason);  // before its vtable goes
        entry_ = {};
        this->unregisterAdaptor();
    }

protected:
    Published(Services services, std::string path)
        : sdbus::AdaptorInterfaces<Adaptor>(services.connection, std::move(path)), ServedObject(services) {}

private:
    Object& self() { return static_cast<Object&>(*this); }

    ManagedObjects::Entry entry_;
    bool ended_ = false;
    bool is_off_ = false;
};

/// An object of two interfaces, each a Published: they come and go together, in one signal.
template <typename First, typename Second>
class PublishedPair {
public:
    PublishedPair(std::shared_ptr<First> first, std::shared_ptr<Second> second)
        : first_(std::move(first)), second_(std::move(second)) {}

    [[nodiscard]] First& first() const { return *first_; }
    [[nodiscard]] Second& second() const { return *second_; }

    void announce() {
        first_->put_on();
        second_->put_on();
        first_->tell_added(names());
    }

    void refuse(const Error& error) {
        first_->refuse(error);
        second_->refuse(error);
    }

    Task<> settle(std::chrono::steady_clock::duration patience) {
        const auto end = std::chrono::steady_clock::now() + patience;
        co_await first_->settle(patience);
        co_await second_->settle(std::max(end - std::chrono::steady_clock::now(), patience.zero()));
    }

    void end() {
        if (std::exchange(ended_, true)) return;
        first_->tell_removed(names());
        take_off(gone());
    }

    void take_off(const Error& reason) {
        second_->take_off(reason);
        first_->take_off(reason);
    }

    [[nodiscard]] Error gone() const { return first_->gone(); }

private:
    static std::vector<std::string> names() { return {First::interface_name, Second::interface_name}; }

    std::shared_ptr<First> first_;
    std::shared_ptr<Second> second_;
    bool ended_ = false;
};

}  // namespace virtbus::bus
