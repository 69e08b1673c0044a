# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with a disk, and a copy of it, made by Machine.Clone; with their model. The copy keeps the machine-id: to
give it another takes an appliance, which is too slow for a soak."""

import uuid

from actors import OPTIONS, POOL_PATH, Actor, gone
from client import ROOT, options
from model import GONE, LIFECYCLE, MIB, ON, Belief, one, refused

# ---- the model: (source, its disk is there, copy, its disk: '', 'full' or 'linked') ----------------------------------
# A machine is absent, off or running.


def clone_rules(state, action):
    source, disk, copy, copied = state
    verb, _, which = action.partition(' ')
    if verb == 'create-disk':
        return one('AlreadyExists', state) if disk else one('', (source, True, copy, copied))
    if verb == 'create':
        return (refused(state, AlreadyExists=source != 'absent', NoSuchImage=not disk) or
                one('', ('off', disk, copy, copied)))
    if verb == 'delete-copied':
        if not copied:
            return one(GONE, state)
        return one('InUse', state) if copy != 'absent' else one('', (source, disk, copy, ''))
    if verb in ('clone', 'clone-cancelled'):
        if source == 'absent':
            return one(GONE, state)
        made = [('', (source, disk, 'off', which))]
        if verb == 'clone-cancelled':
            made += one('Cancelled', state)
        return refused(state, InvalidState=source in ON, AlreadyExists=copied or copy != 'absent') or made
    machine = copy if which else source
    if machine == 'absent':
        return one(GONE, state)
    # The source's disk must not change below the copy's.
    if verb == 'start' and not which and machine == 'off' and copied == 'linked':
        return one('InUse', state)
    after = LIFECYCLE[verb].get(machine)
    if not after:
        return one('InvalidState', state)
    return one('', (source, disk, after, copied) if which else (after, disk, copy, copied))


def parts(action):
    return [action.replace('delete-force', 'power-off'), action] if action.startswith('delete-force') else [action]


class CloneStorm:
    """What it is for both machines."""

    def __init__(self, storm):
        self.storm = storm
        self.name = storm.name
        self.excuses = storm.excuses

    def jumps(self, state):
        source, disk, copy, copied = state
        return ({(after, disk, copy, copied) for after in self.storm.jumps(source)} |
                {(source, disk, after, copied) for after in self.storm.jumps(copy)})


# ---- the client -----------------------------------------------------------------------------------------------------


class CloneActor(Actor):
    actions = (['create-disk', 'create', 'clone full', 'clone linked', 'start copy', 'delete-force copy',
                'delete-copied'] * 3 +
               ['clone-cancelled full', 'start', 'power-off', 'power-off', 'power-off copy', 'delete'])
    pause = 1.2

    def __init__(self, world, name, seed):
        super().__init__(world, name, seed)
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.path = f'{ROOT}/hypervisor/qemu/machine/{self.uuid.replace("-", "_")}'
        self.disk, self.copy = f'{name}disk', f'{name}copy'
        self.copied = f'{self.copy}.qcow2'
        self.belief = Belief(clone_rules, ('absent', False, 'absent', ''), parts)

    def act(self):
        action = self.random.choice(self.actions)
        self.judge(self.belief, action, lambda: self.perform(*action.split()))

    def perform(self, verb, which=''):
        if verb == 'create-disk':
            return self.ended(self.client.call(POOL_PATH, 'Pool', 'CreateImage', '(sta{sv})', self.disk, 4 * MIB, {}))
        if verb == 'create':
            spec = options(name=self.name, uuid=self.uuid, memory=32 * MIB, acceleration='tcg',
                           disks=('aa{sv}', [options(pool='soak', volume=self.disk)]), interfaces=('aa{sv}', []))
            return self.client.call(f'{ROOT}/hypervisor/qemu', 'Hypervisor', 'CreateMachine', OPTIONS, spec)
        if verb == 'delete-copied':
            path = f'{POOL_PATH}/image/{self.copied.replace(".", "_2e")}'
            return self.ended(gone(self.client.call(path, 'Image', 'Delete', OPTIONS, {}), 'Image'))
        if verb.startswith('clone'):
            given = options(machine_id='keep', linked=which == 'linked')
            begun = self.client.call(self.path, 'Machine', 'Clone', '(sa{sv})', self.copy, given)
            return self.ended(gone(begun, 'Machine'), verb == 'clone-cancelled')
        return gone(self.control(verb, which), 'Machine')

    def control(self, verb, which):
        """Of the copy only the name is known."""
        path = self.path
        if which:
            found = self.client.call(ROOT, 'Manager', 'GetMachine', '(sa{sv})', self.copy, {})
            if found.error:
                return found
            path = found.value[0]
        method, given = {'start': ('Start', {}), 'power-off': ('PowerOff', {}), 'delete': ('Delete', {}),
                         'delete-force': ('Delete', options(force=True))}[verb]
        return self.client.call(path, 'Machine', method, OPTIONS, given)

    def storm_of(self, storm):
        return storm and CloneStorm(storm)

    def truth_of(self, truth):
        below = truth.images.get(self.copied, {}).get('backing')
        copied = {None: '', '': 'full', self.disk: 'linked'}[below]
        return (truth.machine(self.uuid), self.disk in truth.images, truth.machine_named(self.copy), copied)
