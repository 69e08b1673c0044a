# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference model: what each call must answer, and what it leaves, given what is there.

A kind of thing has rules: rules(state, action) gives the ways in which the action may end, each (error, state after),
with '' for success. There is one way for nearly all: what depends on timing, such as a cancellation, has two.
A Belief is the states that a thing may be in by what its owner has seen. Without faults that is one."""

from client import CLOSED, LEFT, NO_ANSWER

GONE = 'UnknownObject'


def one(error, state):
    return [(error, state)]


def refused(state, **errors):
    """With any of the errors whose reason holds; nothing when none does."""
    return [(error, state) for error, holds in errors.items() if holds]


# ---- machines: absent, off, running, paused, saved or saved-paused (what it is when it is started again) -------------

ON = ('running', 'paused')
SAVED = ('saved', 'saved-paused')

# What each action makes of a state; of another it makes InvalidState.
LIFECYCLE = {
    'start': {'off': 'running', 'saved': 'running', 'saved-paused': 'paused'},
    'start-paused': {'off': 'paused', 'saved': 'paused', 'saved-paused': 'paused'},
    'pause': {'running': 'paused', 'paused': 'paused'},
    'resume': {'paused': 'running'},
    'reset': {'running': 'running', 'paused': 'paused'},
    'power-off': {'running': 'off', 'paused': 'off'},
    'shutdown': {'running': 'off'},
    'save': {'running': 'saved', 'paused': 'saved-paused'},
    'delete': {'off': 'absent'},
    'delete-force': {state: 'absent' for state in ('off', *ON, *SAVED)},
    'rename': {'off': 'off'},
    'title': {state: state for state in ('off', *ON, *SAVED)},
    'tags': {state: state for state in ('off', *ON, *SAVED)},
    'xml': {state: state for state in ('off', *ON, *SAVED)},
    'addresses': {state: state for state in ON},
}


def machine_rules(state, action):
    if action == 'create':
        return one('', 'off') if state == 'absent' else one('AlreadyExists', state)
    if state == 'absent':
        return one(GONE, state)
    after = LIFECYCLE[action].get(state)
    return one('', after) if after else one('InvalidState', state)


def machine_parts(action):
    """What a call consists of that may be interrupted half-way."""
    return ['power-off', action] if action == 'delete-force' else [action]


def test_machine_rules(state, action):
    """libvirt's test driver pauses nothing twice; QEMU's does."""
    return one('InvalidState', state) if (state, action) == ('paused', 'pause') else machine_rules(state, action)


# ---- images: a tuple of slots, each None or (format, size, the slot that it is based on or None) ---------------------

MIB = 1 << 20


def image_rules(slots, action):
    verb, index, *words = action
    image = slots[index]

    def put(where, value):
        return slots[:where] + (value,) + slots[where + 1:]

    def based_on(where):
        return any(slot and slot[2] == where for slot in slots)

    if verb in ('create', 'import', 'import-cancelled', 'import-short', 'create-cancelled'):
        if image:
            return one('AlreadyExists', slots)
        form, size = words
        made = ('', put(index, (form, size, None)))
        return {'import-cancelled': one('Cancelled', slots), 'import-short': one('InvalidArgs', slots),
                'create-cancelled': [made, ('Cancelled', slots)]}.get(verb, [made])
    if verb == 'create-on':
        below = slots[words[0]]
        if not image and below:
            return one('', put(index, ('qcow2', below[1], words[0])))
        return refused(slots, AlreadyExists=image, NoSuchImage=not below)
    if not image:
        return one(GONE, slots)
    form, size, below = image
    if verb in ('clone', 'clone-linked'):
        if slots[words[0]]:
            return one('AlreadyExists', slots)
        return one('', put(words[0], (form, size, None) if verb == 'clone' else ('qcow2', size, index)))
    if verb == 'export':
        return one('', slots)
    if verb == 'check':
        return one('NotSupported' if form == 'raw' else '', slots)
    if verb == 'shrink':
        return refused(slots, InvalidArgs=True, InUse=based_on(index))
    if verb == 'flatten' and below is None:
        return refused(slots, InvalidState=True, InUse=based_on(index))
    if based_on(index):
        return one('InUse', slots)
    after = {'delete': lambda: None, 'grow': lambda: (form, words[0], below), 'convert': lambda: (words[0], size, None),
             'flatten': lambda: (form, size, None), 'wipe': lambda: (form, size, None)}
    return one('', put(index, after[verb]()))


# ---- what may be so -------------------------------------------------------------------------------------------------

# Who knows less than this knows nothing, until the next quiet point.
MOST_STATES = 500


class Belief:
    """`storm` is None, or has `excuses`, the errors that its faults may cause, and jumps(state), what they may make of
    a state by themselves. parts(action) are the actions that an action consists of: one without an outcome may have come
    as far as any of them."""

    def __init__(self, rules, state, parts=lambda action: [action]):
        self.rules = rules
        self.parts = parts
        self.possible = {state}
        self.late = set()      # actions without an outcome: they may still be carried out

    def spread(self, storm):
        """All states that may have come of these meanwhile; None when that is anything."""
        found, new = set(), set(self.possible or ())
        while new and len(found) < MOST_STATES:
            state = new.pop()
            found.add(state)
            after = {after for action in self.late for _, after in self.rules(state, action)}
            if storm:
                after |= storm.jumps(state)
            new |= after - found
        return None if new or not found else found

    def take(self, action, answer, storm):
        """Takes in how an action ended; what is wrong about that, or ''."""
        before = self.spread(storm)
        if before is None:
            self.possible = None
            return ''
        ways = {(error, after) for state in before for error, after in self.rules(state, action)}
        after = {state for error, state in ways if error == answer.error}
        if answer.error == LEFT or (storm and answer.error in storm.excuses):
            self.late.update(self.parts(action))
            self.possible = before | after
            return ''
        if after:
            self.possible = after
            return ''
        self.late.update(self.parts(action))
        expected = ' or '.join(sorted({error or 'success' for error, _ in ways}))
        return (f'{action} of {show(before)}: {answer.error or "success"}, not {expected}'
                f'{" during " + storm.name if storm else ""}: {answer.text}')

    def settle(self, state, storm):
        """Adopts the truth; what is wrong about it, or ''."""
        possible = self.spread(storm)
        self.possible, self.late = {state}, set()
        return '' if possible is None or state in possible else f'is {state}, but can only be {show(possible)}'


def show(states):
    return ' or '.join(sorted(map(str, states)))


# ---- faults: which errors their victims may hear, beyond what the model predicts -------------------------------------

AWAY = {'Disconnected', 'Timeout', 'Busy'}
NOBODY = {'NoReply', 'ServiceUnknown', 'NameHasNoOwner'}
# After its start virtbusd has its name at once, and reads what there is while the first calls come.
NOT_YET = {GONE, 'NoSuchMachine', 'NoSuchPool', 'NoSuchImage', 'NoSuchNetwork'}

EXCUSES = {
    'libvirtd-kill': AWAY | {'Failed'},
    'libvirtd-stop': AWAY | {'MachineBusy'},
    'libvirtd-slow': {'Timeout', 'Disconnected'},
    'guest-kill': {'Failed', 'MachineBusy'},
    'guest-stop': {'MachineBusy', 'Timeout', 'Busy'},
    'virtbusd-kill': NOBODY | NOT_YET | AWAY,
    'virtbusd-end': NOBODY | NOT_YET | AWAY | {'Cancelled'},
    'virtbusd-stop': {'Disconnected', 'Timeout'},
    'bus-kill': NOBODY | NOT_YET | AWAY | {CLOSED},
    'helper-kill': {'Failed'},
    'helper-stop': set(),
    'disk-full': {'NoSpace', 'Failed'},
    'state-drop': set(),
    # Nothing is begun whose end could not be written down.
    'state-full': {'Failed'},
}

# After these virtbusd is another process.
RESTARTS = {'virtbusd-kill', 'virtbusd-end', 'bus-kill'}


class Storm:
    def __init__(self, kinds):
        self.kinds = kinds
        self.name = ' and '.join(kinds)
        self.excuses = set().union(*(EXCUSES[kind] for kind in kinds))

    def jumps(self, state):
        if 'guest-kill' in self.kinds and state in ON:
            return {'off'}
        return set()


class TestStorm(Storm):
    """What it is for what libvirt's test driver has, which libvirtd forgets when it dies: then there is `nothing`."""

    def __init__(self, storm, nothing):
        super().__init__(storm.kinds)
        self.nothing = nothing
        if 'libvirtd-kill' in self.kinds:
            self.excuses = self.excuses | NOT_YET

    def jumps(self, state):
        return {self.nothing} if 'libvirtd-kill' in self.kinds else set()


assert NO_ANSWER not in set().union(*EXCUSES.values())
