// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/lifecycle_words.h"

#include <libvirt/libvirt.h>

#include <array>
#include <span>
#include <string_view>

namespace virtbus {

namespace {

using Words = std::span<const std::string_view>;

// Each table is indexed by libvirt's number, which its API never changes.
constexpr std::string_view no_reasons[] = {"unknown"};
constexpr std::string_view running_reasons[] = {"unknown",       "booted",   "migrated",           "restored",
                                                "from-snapshot", "unpaused", "migration-canceled", "save-canceled",
                                                "wakeup",        "crashed",  "postcopy",           "postcopy-failed"};
constexpr std::string_view paused_reasons[] = {"unknown",  "user",        "migration",     "save",           "dump",
                                               "io-error", "watchdog",    "from-snapshot", "shutting-down",  "snapshot",
                                               "crashed",  "starting-up", "postcopy",      "postcopy-failed"};
constexpr std::string_view shutdown_reasons[] = {"unknown", "user"};
constexpr std::string_view shutoff_reasons[] = {"unknown", "shutdown", "destroyed",     "crashed", "migrated",
                                                "saved",   "failed",   "from-snapshot", "daemon"};
constexpr std::string_view crashed_reasons[] = {"unknown", "panicked"};

struct State {
    MachineState state;
    Words reasons;
};

constexpr std::array states{
    State{MachineState::unknown, no_reasons},              // VIR_DOMAIN_NOSTATE
    State{MachineState::running, running_reasons},         // VIR_DOMAIN_RUNNING
    State{MachineState::blocked, no_reasons},              // VIR_DOMAIN_BLOCKED
    State{MachineState::paused, paused_reasons},           // VIR_DOMAIN_PAUSED
    State{MachineState::shutting_down, shutdown_reasons},  // VIR_DOMAIN_SHUTDOWN
    State{MachineState::shut_off, shutoff_reasons},        // VIR_DOMAIN_SHUTOFF
    State{MachineState::crashed, crashed_reasons},         // VIR_DOMAIN_CRASHED
    State{MachineState::suspended, no_reasons},            // VIR_DOMAIN_PMSUSPENDED
};

constexpr std::string_view defined_details[] = {"added", "updated", "renamed", "from-snapshot"};
constexpr std::string_view undefined_details[] = {"removed", "renamed"};
constexpr std::string_view started_details[] = {"booted", "migrated", "restored", "from-snapshot", "wakeup"};
constexpr std::string_view suspended_details[] = {"paused",    "migrated", "io-error",
                                                  "watchdog",  "restored", "from-snapshot",
                                                  "api-error", "postcopy", "postcopy-failed"};
constexpr std::string_view resumed_details[] = {"unpaused", "migrated", "from-snapshot", "postcopy", "postcopy-failed"};
constexpr std::string_view stopped_details[] = {"shutdown", "destroyed", "crashed",      "migrated",
                                                "saved",    "failed",    "from-snapshot"};
constexpr std::string_view shutdown_details[] = {"finished", "guest", "host"};
constexpr std::string_view pm_suspended_details[] = {"memory", "disk"};
constexpr std::string_view crashed_details[] = {"panicked", "crashloaded"};

struct Event {
    std::string_view word;
    Words details;
};

constexpr std::array event_words{
    Event{"defined", defined_details},            // VIR_DOMAIN_EVENT_DEFINED
    Event{"undefined", undefined_details},        // VIR_DOMAIN_EVENT_UNDEFINED
    Event{"started", started_details},            // VIR_DOMAIN_EVENT_STARTED
    Event{"suspended", suspended_details},        // VIR_DOMAIN_EVENT_SUSPENDED
    Event{"resumed", resumed_details},            // VIR_DOMAIN_EVENT_RESUMED
    Event{"stopped", stopped_details},            // VIR_DOMAIN_EVENT_STOPPED
    Event{"shutdown", shutdown_details},          // VIR_DOMAIN_EVENT_SHUTDOWN
    Event{"pm-suspended", pm_suspended_details},  // VIR_DOMAIN_EVENT_PMSUSPENDED
    Event{"crashed", crashed_details},            // VIR_DOMAIN_EVENT_CRASHED
};

template <typename Table>
auto find(const Table& table, int number) -> decltype(table.data()) {
    const bool known = number >= 0 && static_cast<std::size_t>(number) < table.size();
    return known ? &table[static_cast<std::size_t>(number)] : nullptr;
}

std::string word(const Words& words, int number) {
    const auto* found = find(words, number);
    return std::string(found != nullptr ? *found : "unknown");
}

}  // namespace

MachineState state_from(int state) {
    const auto* found = find(states, state);
    return found != nullptr ? found->state : MachineState::unknown;
}

std::string state_reason(int state, int reason) {
    const auto* found = find(states, state);
    return found != nullptr ? word(found->reasons, reason) : "unknown";
}

bool may_have_new_job(int state, int reason) {
    return !(state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_USER) &&
           !(state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_UNPAUSED);
}

LifecycleEvent lifecycle_event(int event, int detail) {
    const auto* found = find(event_words, event);
    if (found == nullptr) return {"unknown", "unknown"};
    return {std::string(found->word), word(found->details, detail)};
}

LifecycleEvent reboot_event() { return {"rebooted", ""}; }

std::string job_kind(int operation) {
    switch (operation) {
        case VIR_DOMAIN_JOB_OPERATION_START: return "start";
        case VIR_DOMAIN_JOB_OPERATION_SAVE: return "save";
        case VIR_DOMAIN_JOB_OPERATION_RESTORE: return "restore";
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN: return "migration-in";
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT: return "migration-out";
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT: return "snapshot";
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT: return "snapshot-revert";
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE: return "snapshot-delete";
        case VIR_DOMAIN_JOB_OPERATION_DUMP: return "dump";
        case VIR_DOMAIN_JOB_OPERATION_BACKUP: return "backup";
        default: return "";
    }
}

}  // namespace virtbus
