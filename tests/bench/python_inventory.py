#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole inventory as people read it in Python: the domains, and of each what virtbus's properties of a machine show.

Usage: python_inventory.py URI COUNT FILE

Writes how long each of COUNT times took to FILE, in milliseconds, and how many machines there were.
"""
import json
import pathlib
import sys
import time
from xml.etree import ElementTree

import libvirt


def read(domain):
    """One call of libvirt for each fact that its XML does not have."""
    state, reason = domain.state()
    definition = ElementTree.fromstring(domain.XMLDesc())
    kind = definition.find('os/type')
    devices = definition.find('devices')
    metadata = definition.find('metadata')
    return {
        'name': domain.name(), 'uuid': domain.UUIDString(), 'state': state, 'reason': reason,
        'persistent': domain.isPersistent(), 'autostart': domain.autostart(),
        'saved': domain.hasManagedSaveImage(), 'driver': definition.get('type'),
        'type': kind.text, 'arch': kind.get('arch'), 'machine_type': kind.get('machine'),
        'firmware': definition.findtext('os/loader'), 'title': definition.findtext('title'),
        'description': definition.findtext('description'), 'vcpus': int(definition.find('vcpu').get('current', 0)),
        'maximum_vcpus': int(definition.findtext('vcpu')), 'memory': int(definition.findtext('currentMemory')),
        'maximum_memory': int(definition.findtext('memory')),
        'metadata': [] if metadata is None else [ElementTree.tostring(element) for element in metadata],
        'disks': [parts(disk, 'target', 'driver', 'source') for disk in devices.iter('disk')],
        'interfaces': [parts(interface, 'mac', 'model', 'source', 'target') for interface in devices.iter('interface')],
        'graphics': [parts(graphics, 'listen') for graphics in devices.iter('graphics')],
        'agent': [channel.attrib for channel in devices.iterfind('channel/target')],
    }


def parts(device, *names):
    """The attributes of a device, and of its elements of these names."""
    found = {name: device.find(name) for name in names}
    return device.attrib | {name: element.attrib for name, element in found.items() if element is not None}


def main():
    uri, count, file = sys.argv[1:]
    connection = libvirt.open(uri)
    times = []
    for _ in range(int(count)):
        start = time.monotonic()
        machines = [read(domain) for domain in connection.listAllDomains()]
        times.append((time.monotonic() - start) * 1e3)
    pathlib.Path(file).write_text(json.dumps({'times': times, 'machines': len(machines)}), encoding='utf-8')


main()
