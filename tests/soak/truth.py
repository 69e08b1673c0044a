# SPDX-License-Identifier: LGPL-2.1-or-later
"""What there is, and what virtbus shows of it."""

import json
import os
import subprocess
from ipaddress import ip_interface
from pathlib import Path
from xml.etree import ElementTree

import libvirt

from instance import POOL

STATES = {libvirt.VIR_DOMAIN_RUNNING: 'running', libvirt.VIR_DOMAIN_PAUSED: 'paused',
          libvirt.VIR_DOMAIN_SHUTOFF: 'shut-off', libvirt.VIR_DOMAIN_CRASHED: 'crashed'}


class Truth:
    """Read from libvirt and the pool's directory, without virtbus."""

    def __init__(self, instance):
        self.machines = {}
        self.networks = {}
        self.defined = {}             # the disks that machines are to have when they start next
        for name in ('qemu', 'test'):
            for domain in instance.connection(name).listAllDomains():
                self.machines[f'{name} {domain.UUIDString()}'] = describe(domain)
                self.defined[domain.UUIDString()] = disks_of(domain, libvirt.VIR_DOMAIN_XML_INACTIVE)
            for network in instance.connection(name).listAllNetworks():
                self.networks[f'{name} {network.name()}'] = describe_network(network)
        pool = instance.connection('qemu').storagePoolLookupByName('soak')
        pool.refresh()
        self.images = {volume.name(): self.describe_image(volume) for volume in pool.listAllVolumes()}
        for key, machine in self.machines.items():
            for name in set(machine['disks']) & self.images.keys():
                self.images[name]['users'].add(key)
        for name, image in self.images.items():
            if image['backing'] in self.images:
                self.images[image['backing']]['users'].add(name)
        self.files = {path.name for path in POOL.iterdir()}

    def describe_image(self, volume):
        backing = ElementTree.fromstring(volume.XMLDesc()).findtext('backingStore/path')
        return {'format': self.format(volume.name())[1], 'size': volume.info()[1],
                'backing': Path(backing).name if backing else '', 'users': set()}

    def machine(self, uuid):
        """Its state as the model has it."""
        return self.state([machine for key, machine in self.machines.items() if key.endswith(uuid)])

    def machine_named(self, name):
        return self.state([machine for machine in self.machines.values() if machine['name'] == name])

    @staticmethod
    def state(found):
        if not found:
            return 'absent'
        machine = found[0]
        if machine['state'] == 'shut-off':
            return {'': 'off', 'running': 'saved', 'paused': 'saved-paused'}[machine['saved']]
        return machine['state']

    def disks(self, uuid):
        """Those that it shows, and those in its definition."""
        shown = [machine['disks'] for key, machine in self.machines.items() if key.endswith(uuid)]
        return (shown[0] if shown else []), self.defined.get(uuid, [])

    def image(self, name, names):
        if name not in self.images:
            return None
        facts = json.loads(run('qemu-img', 'info', '-U', '--output=json', *self.format(name), str(POOL / name)))
        below = facts.get('backing-filename')
        return (facts['format'], facts['virtual-size'], names.index(Path(below).name) if below else None)

    def network(self, hypervisor, name, subnets):
        found = self.networks.get(f'{hypervisor} {name}')
        return found and (found['active'], found['autostart'], subnets.index(found['subnets'][0]))

    def format(self, name):
        """What is raw may look like anything."""
        with open(POOL / name, 'rb') as file:
            return ['-f', 'qcow2' if file.read(4) == b'QFI\xfb' else 'raw']

    def __eq__(self, other):
        return vars(self) == vars(other)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def describe(domain):
    state, _ = domain.state()
    return {'name': domain.name(), 'state': STATES.get(state, str(state)), 'title': title_of(domain),
            'tags': tags_of(domain), 'autostart': bool(domain.autostart()), 'saved': saved_as(domain),
            'disks': disks_of(domain)}


def disks_of(domain, flags=0):
    """The names of their files."""
    disks = ElementTree.fromstring(domain.XMLDesc(flags)).findall('devices/disk/source')
    return [Path(disk.get('file') or disk.get('volume')).name for disk in disks]


def describe_network(network):
    root = ElementTree.fromstring(network.XMLDesc())
    bridge, subnets = root.find('bridge'), []
    for address in root.findall('ip'):
        mask = address.get('netmask') or address.get('prefix')
        subnets.append(str(ip_interface(f'{address.get("address")}/{mask}').network))
    return {'active': bool(network.isActive()), 'autostart': bool(network.autostart()),
            'persistent': bool(network.isPersistent()), 'uuid': network.UUIDString(),
            'bridge': '' if bridge is None else bridge.get('name', ''), 'subnets': subnets}


def title_of(domain):
    return metadata_of(domain, libvirt.VIR_DOMAIN_METADATA_TITLE)


def tags_of(domain):
    text = metadata_of(domain, libvirt.VIR_DOMAIN_METADATA_ELEMENT, 'https://virtbus.org/machine/1')
    return sorted(element.text for element in ElementTree.fromstring(text or '<none/>').iter()
                  if element.tag.rpartition('}')[2] == 'tag')


def metadata_of(domain, kind, namespace=None):
    try:
        return domain.metadata(kind, namespace)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            raise
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
        self.objects = objects
        self.machines = {}
        self.images = {}
        self.networks = {}
        self.connected = {}
        self.running = []
        for path, interfaces in objects.items():
            if 'Machine' in interfaces:
                machine, hardware = interfaces['Machine'], interfaces['VirtualMachine']
                self.machines[f'{path.split("/")[4]} {machine["Uuid"]}'] = {
                    'name': machine['Name'], 'state': machine['State'], 'title': machine['Title'],
                    'tags': machine['Tags'], 'autostart': machine['Autostart'], 'saved': hardware['Saved'],
                    'disks': [Path(disk.get('file') or disk['volume']).name for disk in hardware['Disks']]}
            elif 'Image' in interfaces:
                image = interfaces['Image']
                self.images[image['Name']] = {
                    'format': image['Format'], 'size': image['VirtualSize'],
                    'backing': self.name_of(image['BackingImage']),
                    'users': {self.name_of(user) for user in image['UsedBy']}}
            elif 'Network' in interfaces:
                network = interfaces['Network']
                self.networks[f'{path.split("/")[4]} {network["Name"]}'] = {
                    'active': network['Active'], 'autostart': network['Autostart'],
                    'persistent': network['Persistent'], 'uuid': network['Uuid'], 'bridge': network['Bridge'],
                    'subnets': [str(ip_interface(f'{subnet["address"]}/{subnet["prefix"]}').network)
                                for subnet in network['Subnets']]}
            elif 'Hypervisor' in interfaces:
                self.connected[path.split('/')[4]] = interfaces['Hypervisor']['Connected']
            elif 'Job' in interfaces and interfaces['Job']['State'] == 'running':
                self.running.append(f'{interfaces["Job"]["Kind"]} of {interfaces["Job"]["Subject"]}')


    def name_of(self, path):
        """As the truth has it."""
        for interface, name in (('Image', 'Name'), ('Machine', 'Uuid')):
            if interface in self.objects.get(path, {}):
                hypervisor = f'{path.split("/")[4]} ' if interface == 'Machine' else ''
                return hypervisor + self.objects[path][interface][name]
        return '' if path == '/' else path


def differences(truth, mirror):
    there = {key: {**machine, 'saved': bool(machine['saved'])} for key, machine in truth.machines.items()}
    for name, left, right in (('machine', there, mirror.machines), ('image', truth.images, mirror.images),
                              ('network', truth.networks, mirror.networks)):
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
