// SPDX-License-Identifier: LGPL-2.1-or-later
// The words of Machine.State, Machine.StateReason and Manager.Lifecycle for libvirt's numbers. Pure functions that
// know an answer to every number: what is newer than this is "unknown".
#pragma once

#include "model/machine.h"

#include <string>

namespace virtbus {

/// virDomainState.
MachineState state_from(int state);

/// virDomain<State>Reason of that state.
std::string state_reason(int state, int reason);

/// Whether a machine that was paused or resumed may have got a job by that: libvirt has reasons of their own for what
/// it pauses itself, such as to save it.
bool may_have_new_job(int state, int reason);

/// virDomainEventType and virDomainEvent<Type>DetailType.
LifecycleEvent lifecycle_event(int event, int detail);

/// VIR_DOMAIN_EVENT_ID_REBOOT, which is an event of its own in libvirt.
LifecycleEvent reboot_event();

/// virDomainJobOperation in the words of Job.Kind.
std::string job_kind(int operation);

}  // namespace virtbus
