#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the memory goes that virtbusd has for each machine: the table in docs/benchmarks.md.

Usage: scripts/sandbox --no-daemon --build build/bench tests/bench/memory_table.py [MACHINES]

valgrind's massif tells which calls have made what is on the heap when all machines of libvirt's test driver are there;
what is there without machines is taken off.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import libvirt

RUNTIME = pathlib.Path(os.environ['XDG_RUNTIME_DIR'])
CONFIGURATION = pathlib.Path(os.environ['XDG_CONFIG_HOME'])
VIRTBUSD = pathlib.Path(os.environ['VIRTBUS_BUILD']) / 'daemon/virtbusd'
URI = f'test+unix:///default?socket={RUNTIME}/libvirt/libvirt-sock'
PATIENCE = 600

# Whose an allocation is: the first of these that one of its callers is.
OWNERS = [
    ('kept to answer GetManagedObjects', r'ManagedObjects::Entry'),
    ('sdbus-c++: name, types and functions of each member', r'::register(Method|Property|Signal)\('),
    ('sdbus-c++: the vtables that it makes for libsystemd', r'::createInterfaceVTable\('),
    ('libsystemd: what it keeps of each member', r'sd_bus_add_object_vtable'),
    ('sdbus-c++: else', r'registerAdaptor|libsdbus'),
    ('our objects on the bus', r'Branch::added|virtbus::bus::'),
    ('values of the model', r'virtbus::'),
]


def machine_xml(number):
    """As people have them: with a disk, an empty drive, a network interface, a console and a screen."""
    name = f'machine-{number:05}'
    return f'''<domain type='test'><name>{name}</name><title>The machine of number {number}</title>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/{name}.qcow2'/>
<target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk><controller type='sata' index='0'/>
<interface type='user'><mac address='52:54:00:00:{number // 256:02x}:{number % 256:02x}'/><model type='virtio'/></interface>
<serial type='pty'/><graphics type='vnc' autoport='yes' listen='127.0.0.1'/></devices></domain>'''


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError('virtbusd does not show its machines')
        time.sleep(0.2)


def machines_shown():
    reply = subprocess.run(['busctl', '--user', '--json=short', '--timeout=60', 'call', 'org.virtbus1', '/org/virtbus1',
                            'org.virtbus1.Manager', 'ListMachines', 'a{sv}', '0'], capture_output=True, check=False)
    return len(json.loads(reply.stdout)['data'][0]) if reply.returncode == 0 else -1


def leaves(lines):
    """(bytes, its callers as one text) of each allocating call in massif's tree."""
    path = []
    for line in lines:
        node = re.match(r'^( *)n(\d+): (\d+) (.*)$', line)
        if node:
            del path[len(node[1]):]
            path.append(node[4])
            if node[2] == '0':
                yield int(node[3]), '\n'.join(path)


def heap(count):
    """{owner: bytes} with so many machines."""
    snapshot = pathlib.Path(os.environ['TMPDIR']) / f'heap-{count}'
    configuration = CONFIGURATION / 'virtbus.json'
    configuration.write_text(json.dumps({'hypervisors': {'bench': URI}}), encoding='utf-8')
    with subprocess.Popen(['valgrind', '--quiet', '--tool=massif', '--threshold=0', '--depth=40', '--massif-out-file=/dev/null',
                           VIRTBUSD, '--user', '--config', configuration]) as daemon:
        try:
            until(lambda: machines_shown() == count)
            time.sleep(2)                              # what the listing has left to do is done
            subprocess.run(['vgdb', f'--pid={daemon.pid}', 'detailed_snapshot', snapshot], check=True, timeout=60,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            daemon.terminate()
    text = snapshot.read_text(encoding='utf-8')
    owners = dict.fromkeys([*(owner for owner, _ in OWNERS), 'else'], 0)
    for size, callers in leaves(text.splitlines()):
        owners[next((owner for owner, pattern in OWNERS if re.search(pattern, callers)), 'else')] += size
    owners['what malloc adds'] = int(re.search(r'^mem_heap_extra_B=(\d+)$', text, re.MULTILINE)[1])
    return owners


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    (CONFIGURATION / 'libvirt').mkdir(exist_ok=True)
    with subprocess.Popen(['libvirtd'], stderr=subprocess.DEVNULL) as libvirtd:
        try:
            until(lambda: (RUNTIME / 'libvirt/libvirt-sock').exists())
            connection = libvirt.open(URI)
            connection.lookupByName('test').destroy()
            connection.lookupByName('test').undefine()
            few = heap(0)
            for number in range(count):
                connection.defineXML(machine_xml(number))
            many = heap(count)
        finally:
            libvirtd.terminate()
    print('| what | bytes for each machine |\n|---|---|')
    for owner, size in many.items():
        print(f'| {owner} | {(size - few[owner]) / count:,.0f} |')
    print(f'| all | {(sum(many.values()) - sum(few.values())) / count:,.0f} |')


main()
