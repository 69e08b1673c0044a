// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/subscription.h"

#include "base/log.h"
#include "libvirt/domain.h"
#include "libvirt/error.h"
#include "libvirt/lifecycle_words.h"

#include <fmt/format.h>

#include <atomic>
#include <tuple>

namespace virtbus {

namespace {

/// Passes everything on, but only the first of several closed connections: they mostly die together.
class FirstClosed final : public PortEvents {
public:
    explicit FirstClosed(std::shared_ptr<PortEvents> events) : events_(std::move(events)) {}

    void touched(const Uuid& uuid) override { events_->touched(uuid); }
    void happened(const Uuid& uuid, const LifecycleEvent& event) override { events_->happened(uuid, event); }
    void pool_touched(const std::string& name) override { events_->pool_touched(name); }
    void networks_touched() override { events_->networks_touched(); }
    void closed(const std::string& reason) override {
        if (!closed_.test_and_set()) events_->closed(reason);
    }

private:
    std::shared_ptr<PortEvents> events_;
    std::atomic_flag closed_ = ATOMIC_FLAG_INIT;
};

using Share = std::shared_ptr<PortEvents>;

PortEvents& events_of(void* opaque) { return **static_cast<Share*>(opaque); }

void release(void* opaque) { delete static_cast<Share*>(opaque); }

int on_lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) {
    events_of(opaque).happened(uuid_of(domain), lifecycle_event(event, detail));
    return 0;
}

void on_reboot(virConnectPtr, virDomainPtr domain, void* opaque) {
    events_of(opaque).happened(uuid_of(domain), reboot_event());
}

/// For all other events: what they tell is read again anyway. The opaque pointer comes last.
template <typename... Details>
void on_touched(virConnectPtr, virDomainPtr domain, Details... details) {
    events_of(std::get<sizeof...(Details) - 1>(std::tuple(details...))).touched(uuid_of(domain));
}

void on_pool_touched(virConnectPtr, virStoragePoolPtr pool, void* opaque) {
    events_of(opaque).pool_touched(virStoragePoolGetName(pool));
}

void on_pool_lifecycle(virConnectPtr connection, virStoragePoolPtr pool, int, int, void* opaque) {
    on_pool_touched(connection, pool, opaque);
}

void on_network_lifecycle(virConnectPtr, virNetworkPtr, int, int, void* opaque) {
    events_of(opaque).networks_touched();
}

/// libvirt takes callbacks of all kinds as one type.
template <typename Callback>
virConnectDomainEventGenericCallback generic(Callback callback) {
    return reinterpret_cast<virConnectDomainEventGenericCallback>(reinterpret_cast<void (*)()>(callback));
}

template <typename... Details>
virConnectDomainEventGenericCallback touching(void (*)(virConnectPtr, virDomainPtr, Details...)) {
    return generic(&on_touched<Details...>);
}

struct Registration {
    int event;
    virConnectDomainEventGenericCallback callback;
};

/// What changes something that Machine shows.
std::vector<Registration> registrations() {
    return {
        {VIR_DOMAIN_EVENT_ID_LIFECYCLE, generic(on_lifecycle)},
        {VIR_DOMAIN_EVENT_ID_REBOOT, generic(on_reboot)},
        {VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, touching(virConnectDomainEventIOErrorReasonCallback{})},
        {VIR_DOMAIN_EVENT_ID_DISK_CHANGE, touching(virConnectDomainEventDiskChangeCallback{})},
        {VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, touching(virConnectDomainEventTrayChangeCallback{})},
        {VIR_DOMAIN_EVENT_ID_PMWAKEUP, touching(virConnectDomainEventPMWakeupCallback{})},
        {VIR_DOMAIN_EVENT_ID_PMSUSPEND, touching(virConnectDomainEventPMSuspendCallback{})},
        {VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, touching(virConnectDomainEventPMSuspendDiskCallback{})},
        {VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, touching(virConnectDomainEventBalloonChangeCallback{})},
        {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, touching(virConnectDomainEventDeviceAddedCallback{})},
        {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, touching(virConnectDomainEventDeviceRemovedCallback{})},
        {VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, touching(virConnectDomainEventBlockJobCallback{})},
        {VIR_DOMAIN_EVENT_ID_TUNABLE, touching(virConnectDomainEventTunableCallback{})},
        {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, touching(virConnectDomainEventAgentLifecycleCallback{})},
        {VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, touching(virConnectDomainEventMigrationIterationCallback{})},
        {VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, touching(virConnectDomainEventJobCompletedCallback{})},
        {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, touching(virConnectDomainEventMetadataChangeCallback{})},
        {VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
         touching(virConnectDomainEventMemoryDeviceSizeChangeCallback{})},
    };
}

std::string close_reason(int reason) {
    switch (reason) {
        case VIR_CONNECT_CLOSE_REASON_EOF: return "the hypervisor's daemon closed the connection";
        case VIR_CONNECT_CLOSE_REASON_KEEPALIVE: return "the hypervisor's daemon does not answer";
        default: return "the connection to the hypervisor's daemon broke";
    }
}

/// libvirt calls it once a connection at most.
void on_close(virConnectPtr, int reason, void* opaque) {
    if (reason != VIR_CONNECT_CLOSE_REASON_CLIENT) events_of(opaque).closed(close_reason(reason));
}

}  // namespace

Subscription::Subscription(const ConnectionPool& connections, Share events, bool objects)
    : events_(std::make_shared<FirstClosed>(std::move(events))) {
    // libvirt takes the callback where it will never call it, and then never frees it.
    if (connections.can_be_lost())
        for (const auto& connection : connections.all()) register_close(connection.get());
    if (!objects) return;
    // The one that is taken last: on the others no answer waits behind a storm of events.
    source_ = connections.all().back().get();
    register_domains(source_);
    register_pools(source_);
    register_networks(source_);
}

Subscription::~Subscription() {
    for (const int id : callbacks_) virConnectDomainEventDeregisterAny(source_, id);
    for (const int id : pool_callbacks_) virConnectStoragePoolEventDeregisterAny(source_, id);
    for (const int id : network_callbacks_) virConnectNetworkEventDeregisterAny(source_, id);
    for (const auto connection : watched_) virConnectUnregisterCloseCallback(connection, on_close);
}

void Subscription::register_close(virConnectPtr connection) {
    auto share = std::make_unique<Share>(events_);
    if (virConnectRegisterCloseCallback(connection, on_close, share.get(), release) < 0) return;
    share.release();
    watched_.push_back(connection);
}

template <typename Add>
bool Subscription::register_one(std::vector<int>& callbacks, std::string_view what, Add add) {
    auto share = std::make_unique<Share>(events_);
    const int id = add(share.get());
    if (id < 0) {
        log::debug(fmt::format("libvirt's {} is not to be had: {}", what, last_error().message));
        return false;
    }
    share.release();
    callbacks.push_back(id);
    return true;
}

void Subscription::register_domains(virConnectPtr connection) {
    for (const auto& [event, callback] : registrations()) {
        const bool taken = register_one(
            callbacks_, fmt::format("event {}", event), [&, id = event, function = callback](Share* share) {
                return virConnectDomainEventRegisterAny(connection, nullptr, id, function, share, release);
            });
        if (event == VIR_DOMAIN_EVENT_ID_LIFECYCLE) has_lifecycle_ = taken;
    }
}

void Subscription::register_pools(virConnectPtr connection) {
    const auto add = [&](int event, virConnectStoragePoolEventGenericCallback function) {
        register_one(pool_callbacks_, fmt::format("pool event {}", event), [&](Share* share) {
            return virConnectStoragePoolEventRegisterAny(connection, nullptr, event, function, share, release);
        });
    };
    add(VIR_STORAGE_POOL_EVENT_ID_REFRESH, on_pool_touched);
    add(VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, VIR_STORAGE_POOL_EVENT_CALLBACK(on_pool_lifecycle));
}

void Subscription::register_networks(virConnectPtr connection) {
    register_one(network_callbacks_, "network event", [&](Share* share) {
        return virConnectNetworkEventRegisterAny(connection, nullptr, VIR_NETWORK_EVENT_ID_LIFECYCLE,
                                                 VIR_NETWORK_EVENT_CALLBACK(on_network_lifecycle), share, release);
    });
}

}  // namespace virtbus
