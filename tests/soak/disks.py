# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine of QEMU with images as its disks, which come and go while it is off and while it runs; with its model."""

import uuid
from xml.etree import ElementTree

from actors import OPTIONS, POOL_PATH, Actor, gone
from client import ROOT, options
from instance import POOL
from model import GONE, LIFECYCLE, MIB, ON, Belief, one, refused

# ---- the model: (machine, the slots that it runs with, the slots in its definition, images) --------------------------
# A machine is absent, off, running or paused; an image None or (size, the slot that it is based on or None), and qcow2.


def disk_rules(state, action):
    verb, *words = action
    return (image_rules if verb.startswith('image') else machine_rules)(state, verb, words)


def machine_rules(state, verb, words):
    machine, running, defined, images = state
    if verb == 'create':
        return (refused(state, AlreadyExists=machine != 'absent', NoSuchImage=not images[words[0]]) or
                one('', ('off', (), (words[0],), images)))
    if machine == 'absent':
        return one(GONE, state)
    if verb == 'attach':
        return one('', (machine, running, tuple(sorted({*defined, words[0]})), images))
    if verb == 'detach':
        return one('', (machine, running, tuple(slot for slot in defined if slot != words[0]), images))
    after = LIFECYCLE[verb].get(machine)
    if not after:
        return one('InvalidState', state)
    if verb == 'start':
        if any(overlays(images, slot) for slot in defined):
            return one('InUse', state)
        if not all(images[slot] for slot in defined):
            # libvirt does not find the volume that `create` has named, and QEMU not the file that `attach` has.
            return refused(state, NoSuchImage=True, Failed=True)
        running = defined
    return one('', (after, running if after in ON else (), () if after == 'absent' else defined, images))


def image_rules(state, verb, words):
    machine, running, defined, images = state
    slot, *words = words
    image = images[slot]

    def put(where, value):
        return one('', (machine, running, defined, images[:where] + (value,) + images[where + 1:]))

    if verb == 'image-create':
        return one('AlreadyExists', state) if image else put(slot, (words[0], None))
    if not image:
        return one(GONE, state)
    size, below = image
    # What it is based on cannot be a disk of a machine that runs: see `start`.
    runs = slot in running or below in running
    if verb == 'image-check':
        return one('InUse' if runs else '', state)
    if verb == 'image-clone-linked':
        return refused(state, AlreadyExists=images[words[0]], InUse=runs) or put(words[0], (size, slot))
    if verb == 'image-grow':
        # Also while its machine runs.
        return one('InUse', state) if overlays(images, slot) else put(slot, (16 * MIB, below))
    if verb == 'image-flatten' and below is None:
        return one('InvalidState', state)
    # Also what a machine that runs with others has when it starts next.
    if runs or overlays(images, slot) or (verb == 'image-delete' and slot in defined):
        return one('InUse', state)
    return put(slot, (size, None) if verb == 'image-flatten' else None)


def overlays(images, slot):
    return any(image and image[1] == slot for image in images)


def parts(action):
    return [('power-off',), action] if action[0] == 'delete-force' else [action]


class DiskStorm:
    """What it is for a machine and its images."""

    def __init__(self, storm):
        self.storm = storm
        self.name = storm.name
        self.excuses = storm.excuses

    def jumps(self, state):
        machine, _, defined, images = state
        return {(after, (), defined, images) for after in self.storm.jumps(machine)}


# ---- the client -----------------------------------------------------------------------------------------------------


class DiskActor(Actor):
    verbs = (['create', 'start', 'attach', 'image-create', 'image-delete'] * 3 +
             ['power-off', 'detach', 'image-clone-linked', 'image-delete-force', 'image-grow'] * 2 +
             ['pause', 'resume', 'delete', 'delete-force', 'image-check', 'image-flatten'])

    def __init__(self, world, name, seed):
        super().__init__(world, name, seed)
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.path = f'{ROOT}/hypervisor/qemu/machine/{self.uuid.replace("-", "_")}'
        self.names = [f'{name}x{slot}' for slot in range(2)]
        self.belief = Belief(disk_rules, ('absent', (), (), (None, None)), parts)

    def act(self):
        verb, slot = self.random.choice(self.verbs), self.random.randrange(2)
        size = self.random.choice((4, 8)) * MIB
        words = {'image-create': (slot, size), 'image-clone-linked': (slot, 1 - slot)}.get(verb, (slot,))
        if verb in LIFECYCLE:
            words = ()
        action = (verb, *words)
        self.judge(self.belief, action, lambda: self.perform(*action))

    def perform(self, verb, slot=None, *words):
        if verb == 'create':
            spec = options(name=self.name, uuid=self.uuid, memory=32 * MIB, acceleration='tcg',
                           disks=('aa{sv}', [options(pool='soak', volume=self.names[slot])]), interfaces=('aa{sv}', []))
            return self.client.call(f'{ROOT}/hypervisor/qemu', 'Hypervisor', 'CreateMachine', OPTIONS, spec)
        if verb in ('attach', 'detach'):
            return gone(self.redefine(verb, str(POOL / self.names[slot])), 'Machine')
        if verb == 'image-create':
            return self.ended(self.client.call(POOL_PATH, 'Pool', 'CreateImage', '(sta{sv})', self.names[slot], *words,
                                               {}))
        if verb.startswith('image'):
            return self.change_image(verb, f'{POOL_PATH}/image/{self.names[slot]}', *words)
        method, given = {'start': ('Start', {}), 'power-off': ('PowerOff', {}), 'pause': ('Pause', {}),
                         'resume': ('Resume', {}), 'delete': ('Delete', {}),
                         'delete-force': ('Delete', options(force=True))}[verb]
        return gone(self.client.call(self.path, 'Machine', method, OPTIONS, given), 'Machine')

    def redefine(self, verb, file):
        """As people do it: they read the definition, change it, and give it back, unless it has changed meanwhile."""
        read = self.client.call(self.path, 'Machine', 'GetXml', OPTIONS, options(inactive=True))
        if read.error:
            return read
        xml, generation = read.value
        domain = ElementTree.fromstring(xml)
        devices = domain.find('devices')
        for disk in devices.findall('disk'):
            source = disk.find('source')
            if file in (source.get('file'), str(POOL / source.get('volume', ''))):
                devices.remove(disk)
        if verb == 'attach':
            targets = [disk.find('target').get('dev') for disk in devices.findall('disk')]
            target = 'vdb' if 'vda' in targets else 'vda'
            devices.append(ElementTree.fromstring(
                f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{file}'/>"
                f"<target dev='{target}' bus='virtio'/></disk>"))
        return self.client.call(self.path, 'Machine', 'DefineXml', '(sa{sv})',
                                ElementTree.tostring(domain, encoding='unicode'), options(generation=generation))

    def change_image(self, verb, path, *others):
        names = [self.names[other] for other in others]
        method, signature, values = {
            'image-clone-linked': ('Clone', '(sa{sv})', [*names, options(linked=True)]),
            'image-grow': ('Resize', '(ta{sv})', [16 * MIB, {}]),
            'image-check': ('Check', OPTIONS, [{}]),
            'image-flatten': ('Flatten', OPTIONS, [{}]),
            'image-delete': ('Delete', OPTIONS, [{}]),
            'image-delete-force': ('Delete', OPTIONS, [options(force=True)]),
        }[verb]
        return self.ended(gone(self.client.call(path, 'Image', method, signature, *values), 'Image'))

    def storm_of(self, storm):
        return storm and DiskStorm(storm)

    def truth_of(self, truth):
        images = tuple(image and image[1:] for image in (truth.image(name, self.names) for name in self.names))
        machine = truth.machine(self.uuid)
        running, defined = ([self.names.index(name) for name in names] for names in truth.disks(self.uuid))
        return (machine, tuple(sorted(running)) if machine in ON else (), tuple(sorted(defined)), images)
