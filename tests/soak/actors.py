# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clients: each has things of its own, does what its random numbers say, and holds every answer against the model.
What an actor does next depends on the seed alone, and not on what happened before."""

import faulthandler
import itertools
import os
import random
import signal
import subprocess
import threading
import time
import uuid
from collections import deque

from gi.repository import Gio

from client import OBJECT_MANAGER, ROOT, Client, options
from instance import ADDRESS, BUILD
from model import (GONE, MIB, Belief, TestStorm, image_rules, machine_parts, machine_rules,
                   test_machine_rules)

POOL_PATH = f'{ROOT}/hypervisor/qemu/pool/soak'
OPTIONS = '(a{sv})'


class World:
    """What the actors share: the gate that holds them back at quiet points, the storm, and what was found wrong."""

    def __init__(self):
        self.storm = None
        self.wrong = []
        self.calls = 0
        self.outcomes = {}
        self.slowest = 0.0
        self.ending = False
        self.is_open = False
        self.busy = 0
        self.changed = threading.Condition()

    def enter(self):
        """False when it is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_open or self.ending)
            self.busy += not self.ending
            return not self.ending

    def leave(self):
        with self.changed:
            self.busy -= 1
            self.changed.notify_all()

    def open(self):
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

    def close(self):
        """Returns when nobody acts any more."""
        with self.changed:
            self.is_open = False
            if not self.changed.wait_for(lambda: self.busy == 0, 200):
                faulthandler.dump_traceback()
                raise TimeoutError('clients still wait for their answers')

    def end(self):
        with self.changed:
            self.ending = True
            self.changed.notify_all()

    def note(self, error, seconds):
        with self.changed:
            self.calls += 1
            self.outcomes[error or 'success'] = self.outcomes.get(error or 'success', 0) + 1
            self.slowest = max(self.slowest, seconds)

    def complain(self, text):
        print(f'WRONG: {text}', flush=True)
        self.wrong.append(text)


class Actor(threading.Thread):
    pause = 1.0                                        # about so long between two actions, for the processor's sake

    def __init__(self, world, name, seed):
        super().__init__(name=name, daemon=True)
        self.world = world
        self.random = random.Random(f'{seed} {name}')
        self.client = Client(ADDRESS)
        self.past = deque(maxlen=8)                    # what it has done of late, and what came of it

    def run(self):
        while self.world.enter():
            try:
                self.act()
            except Exception as error:                 # an actor that is missing would be found by nobody
                self.world.complain(f'{self.name}: {error!r}')
            finally:
                self.world.leave()
            time.sleep(self.random.uniform(0.3, 1.7) * self.pause)

    def judge(self, belief, action, perform):
        begun = time.monotonic()
        answer = perform()
        self.world.note(answer.error, time.monotonic() - begun)
        wrong = belief.take(action, answer, self.storm_of(self.world.storm))
        self.past.append(f'{action}: {answer.error or "success"} after {time.monotonic() - begun:.1f} s')
        if wrong:
            self.world.complain(f'{self.name}: {wrong}; of late: {", ".join(self.past)}')

    def ended(self, answer, cancel=False):
        """How the job ends that was begun."""
        return answer if answer.error else self.client.job(answer.value[0], cancel)

    def storm_of(self, storm):
        """What it is for its things."""
        return storm

    def settle(self, truth, storm):
        """At a quiet point: what is wrong, or ''."""
        return self.belief.settle(self.truth_of(truth), self.storm_of(storm))


class MachineActor(Actor):
    """One machine, which it starts, stops, saves, renames and deletes."""
    hypervisor = 'qemu'
    rules = staticmethod(machine_rules)
    actions = ['create'] * 3 + ['start'] * 3 + ['pause', 'resume', 'reset', 'save', 'shutdown', 'start-paused', 'delete',
                                               'delete-force', 'rename', 'title', 'tags', 'xml',
                                               'addresses'] + ['power-off'] * 2

    def __init__(self, world, name, seed, kernel=None):
        super().__init__(world, name, seed)
        self.kernel = kernel
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.path = f'{ROOT}/hypervisor/{self.hypervisor}/machine/{self.uuid.replace("-", "_")}'
        self.belief = Belief(self.rules, 'absent', machine_parts)
        self.numbers = itertools.count(1)              # no two names alike: a machine's own name it may always be given

    def act(self):
        action = self.random.choice(self.actions)
        word = str(next(self.numbers))
        self.judge(self.belief, action, lambda: self.perform(action, word))

    def perform(self, action, word):
        if action == 'create':
            return self.create(f'{self.name}-{word}')
        method, signature, values = {
            'start': ('Start', OPTIONS, [{}]),
            'start-paused': ('Start', OPTIONS, [options(paused=True)]),
            'pause': ('Pause', OPTIONS, [{}]),
            'resume': ('Resume', OPTIONS, [{}]),
            'power-off': ('PowerOff', OPTIONS, [{}]),
            'shutdown': ('Shutdown', OPTIONS, [options(timeout_usec=2_000_000, on_timeout='poweroff')]),
            'delete': ('Delete', OPTIONS, [{}]),
            'delete-force': ('Delete', OPTIONS, [options(force=True)]),
            'rename': ('Rename', '(sa{sv})', [f'{self.name}-{word}', {}]),
            'title': ('SetTitle', '(sa{sv})', [f'title {word}', {}]),
            'tags': ('SetTags', '(asa{sv})', [['soak', word], {}]),
            'xml': ('GetXml', OPTIONS, [{}]),
            'addresses': ('GetAddresses', OPTIONS, [{}]),
            'reset': ('Reset', OPTIONS, [{}]),
            'save': ('Save', OPTIONS, [{}]),
        }[action]
        interface = 'VirtualMachine' if action in ('reset', 'save') else 'Machine'
        answer = self.call(self.path, interface, method, signature, *values)
        if not answer.error and action in ('start', 'start-paused', 'shutdown', 'save'):
            answer = self.client.job(answer.value[0])
        return gone(answer, 'Machine')

    def create(self, name):
        spec = options(name=name, uuid=self.uuid, memory=64 * MIB, acceleration='tcg', interfaces=('aa{sv}', []))
        if self.kernel:
            spec |= options(kernel=f'{self.kernel}/vmlinuz', initrd=f'{self.kernel}/initrd.img',
                            cmdline='quiet no_timer_check')
        return self.call(f'{ROOT}/hypervisor/qemu', 'Hypervisor', 'CreateMachine', OPTIONS, spec)

    def call(self, *what):
        return self.client.call(*what)

    def truth_of(self, truth):
        return truth.machine(self.uuid)


class TestMachineActor(MachineActor):
    """The same with libvirt's test driver, where it costs nothing."""
    hypervisor = 'test'
    rules = staticmethod(test_machine_rules)
    pause = 0.3
    actions = ['create', 'create', 'start', 'start', 'pause', 'resume', 'power-off', 'delete', 'delete-force',
                'rename', 'title', 'tags', 'xml', 'addresses']

    def create(self, name):
        xml = (f"<domain type='test'><name>{name}</name><uuid>{self.uuid}</uuid><memory>8192</memory>"
               '<os><type>hvm</type></os></domain>')
        return self.call(f'{ROOT}/hypervisor/test', 'Hypervisor', 'DefineXml', '(sa{sv})', xml, {})

    def storm_of(self, storm):
        return storm and TestStorm(storm, 'absent')


class LeavingActor(TestMachineActor):
    """Is gone before the answers come. What its calls do is seen at the next quiet point."""

    def call(self, *what):
        return self.client.leave(*what)


class ImageActor(Actor):
    """Three images, which it makes, copies, bases on each other, changes, cancels and deletes."""
    verbs = (['create', 'create-on', 'import', 'clone', 'clone-linked', 'delete'] * 2 +
             ['create-cancelled', 'import-cancelled', 'import-short', 'export', 'check', 'grow', 'shrink', 'convert',
              'flatten', 'wipe'])
    pause = 1.5

    def __init__(self, world, name, seed, scratch):
        super().__init__(world, name, seed)
        self.source, self.target = scratch / f'{name}.source', scratch / f'{name}.target'
        self.source.write_bytes(random.Random(name).randbytes(MIB))
        self.belief = Belief(image_rules, (None, None, None))
        self.names = [f'{name}x{slot}' for slot in range(3)]   # letters and digits: no need to escape them in a path

    def image(self, slot):
        return f'{POOL_PATH}/image/{self.names[slot]}'

    def act(self):
        verb = self.random.choice(self.verbs)
        slot, other = self.random.sample(range(3), 2)
        form, size = self.random.choice(('raw', 'qcow2')), self.random.choice((4, 8)) * MIB
        words = {'create': (form, size), 'create-cancelled': ('raw', 16 * MIB), 'create-on': (other,),
                 'import': ('raw', MIB), 'import-cancelled': ('raw', MIB), 'import-short': ('raw', MIB),
                 'clone': (other,), 'clone-linked': (other,), 'convert': (form,),
                 'grow': (16 * MIB,)}.get(verb, ())
        action = (verb, slot, *words)
        self.judge(self.belief, action, lambda: self.perform(*action))

    def perform(self, verb, slot, *words):
        if verb.startswith('create'):
            return self.create(verb, slot, *words)
        if verb.startswith('import'):
            return self.bring_in(verb, slot)
        if verb == 'export':
            with open(self.target, 'wb') as target:
                return self.on(slot, 'Export', '(ha{sv})', 0, {}, descriptors=descriptors(target.fileno()))
        if verb.startswith('clone'):
            return self.on(slot, 'Clone', '(sa{sv})', self.names[words[0]], options(linked=verb == 'clone-linked'))
        if verb == 'convert':
            return self.on(slot, 'Convert', '(sa{sv})', words[0], {})
        if verb in ('grow', 'shrink'):
            return self.on(slot, 'Resize', '(ta{sv})', words[0] if verb == 'grow' else 512, {})
        return self.on(slot, verb.capitalize(), OPTIONS, {})

    def create(self, verb, slot, *words):
        if verb == 'create-on':
            size, more = 0, options(backing=('o', self.image(words[0])))
        else:
            size, more = words[1], options(format=words[0])
            if verb == 'create-cancelled':
                more |= options(preallocation='full')
        return self.ended(self.client.call(POOL_PATH, 'Pool', 'CreateImage', '(sta{sv})', self.names[slot], size, more),
                          cancel=verb == 'create-cancelled')

    def bring_in(self, verb, slot):
        """From a file, or from a pipe in which nothing comes."""
        ends = os.pipe() if verb == 'import-cancelled' else (os.open(self.source, os.O_RDONLY),)
        more = options(size=2 * MIB) if verb == 'import-short' else {}
        try:
            begun = self.client.call(POOL_PATH, 'Pool', 'ImportImage', '(shsa{sv})', self.names[slot], 0, 'raw', more,
                                     descriptors=descriptors(ends[0]))
            return self.ended(begun, verb == 'import-cancelled')
        finally:
            for end in ends:
                os.close(end)

    def on(self, slot, method, signature, *values, **more):
        return self.ended(gone(self.client.call(self.image(slot), 'Image', method, signature, *values, **more), 'Image'))

    def truth_of(self, truth):
        return tuple(truth.image(name, self.names) for name in self.names)


def gone(answer, noun):
    """Said of what was there when the call came; of what was not the bus itself says that it doesn't know it."""
    return answer._replace(error=GONE) if answer.error == f'NoSuch{noun}' else answer


def descriptors(fd):
    """A copy of it to go with a message."""
    taken = Gio.UnixFDList()
    taken.append(fd)
    return taken


class Reader(Actor):
    """Asks for all there is. Without a fault it is always told."""
    reads = [(OBJECT_MANAGER, 'GetManagedObjects', '()'), ('Manager', 'ListMachines', OPTIONS, {}),
             ('Manager', 'ListImages', OPTIONS, {}), ('Manager', 'ListPools', OPTIONS, {}),
             ('Manager', 'ListNetworks', OPTIONS, {}), ('Manager', 'ListJobs')]

    def __init__(self, world, name, seed):
        super().__init__(world, name, seed)
        self.belief = Belief(lambda state, action: [('', state)], 'there')

    def act(self):
        what = self.random.choice(self.reads)
        self.judge(self.belief, what[1], lambda: self.client.call(ROOT, *what))

    def truth_of(self, _):
        return 'there'


class StalledSubscribers:
    """Clients that have asked for all signals, and read none."""

    def __init__(self, count):
        self.count = count
        self.processes = []

    def renew(self):
        self.end()
        environment = {**os.environ, 'DBUS_SESSION_BUS_ADDRESS': ADDRESS}
        self.processes = [subprocess.Popen([str(BUILD / 'client/virtbusctl'), '--user', 'monitor'], env=environment,
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL) for _ in range(self.count)]
        time.sleep(1.5)                                # until they have subscribed
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []

