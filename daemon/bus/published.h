// SPDX-License-Identifier: LGPL-2.1-or-later
// An object that ObjectManager tells of: how it comes to the bus and leaves it.
#pragma once

#include "bus/served_object.h"

#include <string>
#include <utility>
#include <vector>

namespace virtbus::bus {

/// `Object`, the class itself, shows the properties of one interface by the generated `Adaptor`, and has gone(): the Error
/// that callers get once it has left. `Properties` is generated as well, and its friend.
template <typename Object, typename Adaptor, typename Properties>
class Published : public sdbus::AdaptorInterfaces<Adaptor>, public ServedObject {
public:
    /// Puts it on the bus, and announces it with all its properties.
    void announce() {
        this->registerAdaptor();
        entry_ = ManagedObjects::Entry(services().managed_objects, this->getObjectPath(), Adaptor::INTERFACE_NAME,
                                       [this](PropertyWriter& writer) { Properties::each(self(), writer); });
        this->getObject().emitInterfacesAddedSignal({Adaptor::INTERFACE_NAME});
    }

    /// Announces that the properties of these names have changed.
    void announce_changes(const std::vector<std::string>& names) {
        if (names.empty()) return;
        this->getObject().emitPropertiesChangedSignal(Adaptor::INTERFACE_NAME, names);
        entry_.changed();
    }

    /// Announces that it is gone, and takes it off the bus.
    void end() {
        if (std::exchange(ended_, true)) return;
        this->getObject().emitInterfacesRemovedSignal({Adaptor::INTERFACE_NAME});
        take_off(self().gone());
    }

    /// Takes it off the bus without a word but the `reason` to whoever still waits for a reply.
    void take_off(const Error& reason) {
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
};

}  // namespace virtbus::bus
