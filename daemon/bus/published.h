// SPDX-License-Identifier: LGPL-2.1-or-later
// The objects that ObjectManager tells of: how they come to the bus and leave it, with one interface or several.
#pragma once

#include "bus/served_object.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace virtbus::bus {

/// One interface at a path.
class PublishedPart : public ServedObject {
public:
    using ServedObject::ServedObject;

    [[nodiscard]] virtual const char* interface() const = 0;
    /// Puts it on the bus without a word.
    virtual void put_on() = 0;
    /// Takes it off the bus without a word but the `reason` to whoever still waits for a reply.
    virtual void take_off(const Error& reason) = 0;

    // Of interfaces that are at its path.
    virtual void tell_added(const std::vector<std::string>& interfaces) = 0;
    virtual void tell_removed(const std::vector<std::string>& interfaces) = 0;
};

/// `Object`, the class itself, shows the properties of one interface by the generated `Adaptor`, and has gone(): the
/// Error that callers get once it has left. `Properties` is generated as well, and its friend.
template <typename Object, typename Adaptor, typename Properties>
class Published : public sdbus::AdaptorInterfaces<Adaptor>, public PublishedPart {
public:
    /// Puts it on the bus, and announces it with all its properties.
    void announce() {
        put_on();
        tell_added({interface()});
    }

    /// Announces that the properties of these names have changed.
    void announce_changes(const std::vector<std::string>& names) {
        if (names.empty()) return;
        this->getObject().emitPropertiesChangedSignal(interface(), names);
        entry_.changed();
    }

    /// Announces that it is gone, and takes it off the bus.
    void end() {
        if (std::exchange(ended_, true)) return;
        tell_removed({interface()});
        take_off(self().gone());
    }

    [[nodiscard]] const char* interface() const final { return Adaptor::INTERFACE_NAME; }

    void put_on() final {
        this->registerAdaptor();
        entry_ = ManagedObjects::Entry(services().managed_objects, this->getObjectPath(), interface(),
                                       [this](PropertyWriter& writer) { Properties::each(self(), writer); });
    }

    void take_off(const Error& reason) final {
        if (std::exchange(is_off_, true)) return;
        retire(reason);  // before its vtable goes
        entry_ = {};
        this->unregisterAdaptor();
    }

    void tell_added(const std::vector<std::string>& interfaces) final {
        this->getObject().emitInterfacesAddedSignal(interfaces);
    }
    void tell_removed(const std::vector<std::string>& interfaces) final {
        this->getObject().emitInterfacesRemovedSignal(interfaces);
    }

protected:
    Published(Services services, std::string path)
        : sdbus::AdaptorInterfaces<Adaptor>(services.connection, std::move(path)), PublishedPart(services) {}

private:
    Object& self() { return static_cast<Object&>(*this); }

    ManagedObjects::Entry entry_;
    bool ended_ = false;
    bool is_off_ = false;
};

/// Several interfaces of one object: they come and go together, in one signal.
class PublishedGroup {
public:
    virtual ~PublishedGroup() = default;

    void announce() {
        for (const auto& part : parts_) part->put_on();
        parts_.front()->tell_added(names());
    }

    void refuse(const Error& error) {
        for (const auto& part : parts_) part->refuse(error);
    }

    Task<> settle(std::chrono::steady_clock::duration patience) {
        const auto end = std::chrono::steady_clock::now() + patience;
        for (const auto& part : parts_)
            co_await part->settle(std::max(end - std::chrono::steady_clock::now(), patience.zero()));
    }

    void end() {
        if (std::exchange(ended_, true)) return;
        parts_.front()->tell_removed(names());
        take_off(gone());
    }

    void take_off(const Error& reason) {
        for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) (*part)->take_off(reason);
    }

    /// What callers are told once it has left.
    [[nodiscard]] virtual Error gone() const = 0;

protected:
    using Parts = std::vector<std::shared_ptr<PublishedPart>>;

    explicit PublishedGroup(Parts parts) : parts_(std::move(parts)) {}

private:
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& part : parts_) names.emplace_back(part->interface());
        return names;
    }

    Parts parts_;
    bool ended_ = false;
};

}  // namespace virtbus::bus
