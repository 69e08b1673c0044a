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

Subscription::Subscription(const ConnectionPool& connections, Share events, bool domains)
    : events_(std::make_shared<FirstClosed>(std::move(events))) {
    // libvirt takes the callback where it will never call it, and then never frees it.
    if (connections.can_be_lost())
        for (const auto& connection : connections.all()) register_close(connection.get());
    if (domains) register_domains(connections.all().front().get());
}

Subscription::~Subscription() {
    for (const int id : callbacks_) virConnectDomainEventDeregisterAny(source_, id);
    for (const auto connection : watched_) virConnectUnregisterCloseCallback(connection, on_close);
}

void Subscription::register_close(virConnectPtr connection) {
    auto share = std::make_unique<Share>(events_);
    if (virConnectRegisterCloseCallback(connection, on_close, share.get(), release) < 0) return;
    share.release();
    watched_.push_back(connection);
}

void Subscription::register_domains(virConnectPtr connection) {
    source_ = connection;
    for (const auto& [event, callback] : registrations()) {
        auto share = std::make_unique<Share>(events_);
        const int id = virConnectDomainEventRegisterAny(connection, nullptr, event, callback, share.get(), release);
        if (id >= 0) {
            share.release();
            callbacks_.push_back(id);
        } else {
            log::debug(fmt::format("libvirt's event {} is not to be had: {}", event, last_error().message));
        }
    }
}

}  // namespace virtbus
