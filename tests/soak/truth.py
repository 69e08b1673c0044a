# SPDX-License-Identifier: LGPL-2.1-or-later
"""A quiet point: nothing is under way. What virtbus shows is what libvirt and the files say; nothing is left."""

import json
import os
import subprocess
import time
from pathlib import Path

import libvirt

from instance import HELPERS, POOL, STATE, processes

STATES = {libvirt.VIR_DOMAIN_RUNNING: 'running', libvirt.VIR_DOMAIN_PAUSED: 'paused',
          libvirt.VIR_DOMAIN_SHUTOFF: 'shut-off', libvirt.VIR_DOMAIN_CRASHED: 'crashed'}
PATIENCE = 60

# How much more of these a virtbusd may have than after its first minute; descriptors and threads come and go with the
# connections to libvirt, which are made when they are needed.
SLACK_DESCRIPTORS = 8
SLACK_THREADS = 4
# What stays are ended jobs, a hundred at most, and what the sanitizers keep.
SLACK_RESIDENT = 64 << 20


class Truth:
    """Read from libvirt and the pool's directory, without virtbus."""

    def __init__(self, instance):
        self.machines = {}
        for name in ('qemu', 'test'):
            for domain in instance.connection(name).listAllDomains():
                self.machines[f'{name} {domain.UUIDString()}'] = describe(domain)
        pool = instance.connection('qemu').storagePoolLookupByName('soak')
        pool.refresh()
        self.images = {volume.name(): volume.info()[1] for volume in pool.listAllVolumes()}
        self.files = {path.name for path in POOL.iterdir()}

    def machine(self, uuid):
        """Its state as the model has it."""
        found = [machine for key, machine in self.machines.items() if key.endswith(uuid)]
        if not found:
            return 'absent'
        machine = found[0]
        if machine['state'] == 'shut-off':
            return {'': 'off', 'running': 'saved', 'paused': 'saved-paused'}[machine['saved']]
        return machine['state']

    def image(self, name, names):
        if name not in self.images:
            return None
        facts = json.loads(run('qemu-img', 'info', '--output=json', *self.format(name), str(POOL / name)))
        below = facts.get('backing-filename')
        return (facts['format'], facts['virtual-size'], names.index(Path(below).name) if below else None)

    def format(self, name):
        """What is raw may look like anything."""
        with open(POOL / name, 'rb') as file:
            return ['-f', 'qcow2' if file.read(4) == b'QFI\xfb' else 'raw']

    def __eq__(self, other):
        return (self.machines, self.images, self.files) == (other.machines, other.images, other.files)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def describe(domain):
    state, _ = domain.state()
    return {'name': domain.name(), 'state': STATES.get(state, str(state)), 'title': title_of(domain),
            'autostart': bool(domain.autostart()), 'saved': saved_as(domain)}


def title_of(domain):
    try:
        return domain.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None)
    except libvirt.libvirtError:
        return ''


def saved_as(domain):
    """What its saved memory is restored as."""
    if not domain.hasManagedSaveImage():
        return ''
    for file in save_files():
        if file.stem == domain.name():
            text = file.read_bytes()
            # libvirt's struct _virQEMUSaveHeader: 16 bytes of magic, version, length of the data, was_running.
            return 'running' if int.from_bytes(text[24:28], 'little') else 'paused'
    return 'running'


def save_files():
    return list((Path(os.environ['XDG_CONFIG_HOME']) / 'libvirt/qemu/save').glob('*.save'))


class Mirror:
    """The same as the bus shows it."""

    def __init__(self, objects):
        self.machines = {}
        self.images = {}
        self.connected = {}
        self.running = []
        for path, interfaces in objects.items():
            if 'Machine' in interfaces:
                machine = interfaces['Machine']
                self.machines[f'{path.split("/")[4]} {machine["Uuid"]}'] = {
                    'name': machine['Name'], 'state': machine['State'], 'title': machine['Title'],
                    'autostart': machine['Autostart'], 'saved': interfaces['VirtualMachine']['Saved']}
            elif 'Image' in interfaces:
                self.images[interfaces['Image']['Name']] = interfaces['Image']['VirtualSize']
            elif 'Hypervisor' in interfaces:
                self.connected[path.split('/')[4]] = interfaces['Hypervisor']['Connected']
            elif 'Job' in interfaces and interfaces['Job']['State'] == 'running':
                self.running.append(f'{interfaces["Job"]["Kind"]} of {interfaces["Job"]["Subject"]}')


def differences(truth, mirror):
    there = {key: {**machine, 'saved': bool(machine['saved'])} for key, machine in truth.machines.items()}
    for name, left, right in (('machine', there, mirror.machines), ('image', truth.images, mirror.images)):
        for key in sorted(left.keys() | right.keys()):
            if left.get(key) != right.get(key):
                yield f'{name} {key}: there is {left.get(key)}, virtbus shows {right.get(key)}'
    if truth.files != set(truth.images):
        yield f'files that are no images, or the other way: {sorted(truth.files ^ set(truth.images))}'
    for name, connected in mirror.connected.items():
        if not connected:
            yield f'hypervisor {name} is not connected'
    for job in mirror.running:
        yield f'a job runs: {job}'


class QuietPoint:
    """Waits until all is as it should be; what is not then is wrong."""

    def __init__(self, instance, client):
        self.instance = instance
        self.client = client
        self.before = {}              # the first counts of this virtbusd

    def reach(self):
        """The truth, and what is wrong."""
        end = time.monotonic() + PATIENCE
        while True:
            objects = self.client.objects()
            truth = Truth(self.instance)
            wrong = list(differences(truth, Mirror(objects))) if objects else ['virtbus does not answer']
            wrong += [f'process {name} is left' for name in HELPERS if processes(name)]
            if not wrong and truth == Truth(self.instance):
                break
            if time.monotonic() > end:
                break
            time.sleep(0.5)
        return truth, wrong + list(self.leftovers(truth))

    def leftovers(self, truth):
        running = sum(key.startswith('qemu') and machine['state'] != 'shut-off'
                      for key, machine in truth.machines.items())
        guests = self.instance.guests()
        if len(guests) != running:
            yield f'{len(guests)} processes of QEMU for {running} machines'
        saved = sorted(machine['name'] for key, machine in truth.machines.items()
                       if key.startswith('qemu') and machine['saved'])
        if sorted(file.stem for file in save_files()) != saved:
            yield f'files of saved memory: {[file.stem for file in save_files()]}, machines that are saved: {saved}'
        for name in truth.images:
            if truth.format(name)[1] == 'qcow2':
                run('qemu-img', 'check', '-q', str(POOL / name))
        journal = STATE / 'jobs.json'
        if journal.exists() and json.loads(journal.read_text()):
            yield f'the journal still has {journal.read_text()}'
        log = self.instance.virtbusd.log.read_text(errors='replace')
        for line in log.splitlines():
            if 'defect' in line or 'ERROR: ' in line or 'runtime error' in line:
                yield f'virtbusd wrote: {line}'

    def counts(self):
        return {'descriptors': entries(self.instance.virtbusd.pid, 'fd'),
                'threads': entries(self.instance.virtbusd.pid, 'task'),
                'resident': resident(self.instance.virtbusd.pid),
                "libvirtd's descriptors": entries(self.instance.libvirtd.pid, 'fd')}

    def growth(self, counts):
        """What grows that should not."""
        who = (self.instance.virtbusd.pid, self.instance.libvirtd.pid)
        first = self.before.setdefault(who, counts)
        for what, slack in (('descriptors', SLACK_DESCRIPTORS), ('threads', SLACK_THREADS),
                            ("libvirtd's descriptors", SLACK_DESCRIPTORS), ('resident', SLACK_RESIDENT)):
            if counts[what] > first[what] + slack:
                yield f'{what}: {first[what]} at first, {counts[what]} now'


def entries(pid, what):
    return len(list(Path(f'/proc/{pid}/{what}').iterdir()))


def resident(pid):
    """Bytes."""
    return next(int(line.split()[1]) << 10 for line in Path(f'/proc/{pid}/status').read_text().splitlines()
                if line.startswith('VmRSS'))
