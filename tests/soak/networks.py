# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two networks, which their client makes, starts, stops and deletes; with their model."""

from actors import OPTIONS, Actor, gone
from client import ROOT, options
from model import GONE, Belief, TestStorm, one, refused

# ---- the model: a tuple of two slots, each None or (active, autostart, which of the two subnets) ---------------------


def network_rules(slots, action):
    """As libvirt's test driver has it, which starts networks without making anything on the host."""
    verb, index, *words = action
    network = slots[index]

    def put(value):
        return slots[:index] + (value,) + slots[index + 1:]

    if verb in ('create', 'create-started'):
        overlaps = any(other and other[2] == words[0] for at, other in enumerate(slots) if at != index)
        return (refused(slots, AlreadyExists=network, InUse=overlaps) or
                one('', put((verb == 'create-started', False, words[0]))))
    if not network:
        return one(GONE, slots)
    active, autostart, subnet = network
    if verb == 'start':
        return one('InvalidState', slots) if active else one('', put((True, autostart, subnet)))
    if verb == 'stop':
        return one('', put((False, autostart, subnet)))    # this driver doesn't mind when it is stopped already
    if verb == 'autostart':
        return one('', put((active, words[0], subnet)))
    return {'delete': one('', put(None)), 'xml': one('', slots), 'leases': one('NotSupported', slots)}[verb]


def session_network_rules(slots, action):
    """A session's libvirtd may make no bridge, so nothing starts; but it has a list of leases, which is empty."""
    ways = network_rules(slots, action)
    if action[0] in ('create-started', 'start') and ways[0][0] == '':
        return one('Failed', slots)
    if action[0] == 'stop' and slots[action[1]]:
        return one('InvalidState', slots)
    return one('', slots) if ways == [('NotSupported', slots)] else ways


def parts(action):
    """What a call consists of that may be interrupted half-way."""
    verb, *words = action
    if verb == 'create-started':
        return [('create', *words), ('start', words[0])]
    return [('stop', *words), action] if verb == 'delete' else [action]


# ---- the client -----------------------------------------------------------------------------------------------------


class NetworkActor(Actor):
    """Of the test driver."""
    hypervisor = 'test'
    rules = staticmethod(network_rules)
    verbs = ['create'] * 3 + ['create-started'] * 2 + ['start'] * 3 + ['stop', 'stop', 'delete', 'autostart', 'leases',
                                                                      'xml']
    pause = 0.6

    def __init__(self, world, name, seed, number):
        super().__init__(world, name, seed)
        self.names = [f'{name}x{slot}' for slot in range(2)]
        self.subnets = [f'10.{number}.{third}.0/24' for third in range(2)]
        self.belief = Belief(self.rules, (None, None), parts)

    def act(self):
        verb, slot, which = self.random.choice(self.verbs), self.random.randrange(2), self.random.randrange(2)
        words = (which,) if verb.startswith('create') else (bool(which),) if verb == 'autostart' else ()
        action = (verb, slot, *words)
        self.judge(self.belief, action, lambda: self.perform(*action))

    def perform(self, verb, slot, *words):
        hypervisor = f'{ROOT}/hypervisor/{self.hypervisor}'
        if verb.startswith('create'):
            spec = options(name=self.names[slot], subnet=self.subnets[words[0]], start=verb == 'create-started')
            return self.client.call(hypervisor, 'Hypervisor', 'CreateNetwork', OPTIONS, spec)
        method, signature, values = {
            'start': ('Start', OPTIONS, [{}]),
            'stop': ('Stop', OPTIONS, [{}]),
            'delete': ('Delete', OPTIONS, [{}]),
            'autostart': ('SetAutostart', '(ba{sv})', [*words, {}]),
            'leases': ('GetLeases', '()', []),
            'xml': ('GetXml', OPTIONS, [{}]),
        }[verb]
        path = f'{hypervisor}/network/{self.names[slot]}'
        return gone(self.client.call(path, 'Network', method, signature, *values), 'Network')

    def storm_of(self, storm):
        return storm and TestStorm(storm, (None, None))

    def truth_of(self, truth):
        return tuple(truth.network(self.hypervisor, name, self.subnets) for name in self.names)


class SessionNetworkActor(NetworkActor):
    """Of QEMU's session, which remembers what libvirtd forgets in the test driver."""
    hypervisor = 'qemu'
    rules = staticmethod(session_network_rules)
    pause = 1.5

    def storm_of(self, storm):
        return storm
