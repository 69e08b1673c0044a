#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interfaces are documented member by member, promise only what there is, and are what the daemon really has."""

import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from interfaces import errors_named_in, read_interfaces
from sources import ROOT, text_of

FOLDER = ROOT / 'dbus-interfaces'
PATIENCE = 30

# A host of libvirt's test driver that has a pool with an image.
STORAGE = """
<node>
  <pool type="dir">
    <name>images</name>
    <target><path>/images</path></target>
    <volume>
      <name>web.qcow2</name>
      <capacity>1000000</capacity>
      <target><path>/images/web.qcow2</path><format type="qcow2"/></target>
    </volume>
  </pool>
</node>
"""

CONTAINER = """
<domain type="test">
  <name>box</name>
  <memory unit="MiB">64</memory>
  <os><type>exe</type><init>/init</init></os>
</domain>
"""

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def documents():
    return sorted(FOLDER.glob('*.xml'))


def ours():
    """(interface, comment, members) of each interface of ours."""
    for path in documents():
        for name, (comment, members) in read_interfaces(text_of(path)).items():
            if name.startswith('org.virtbus1.'):
                yield name, comment, members


def error_names():
    return set(re.findall(r'"(org\.[\w.]+\.Error\.\w+)"', text_of(ROOT / 'daemon/bus/error.cpp')))


def announced_properties(interface):
    """Those that the class of an interface compares, or announces without a look."""
    noun = re.sub(r'(?<!^)(?=[A-Z])', '_', interface.rsplit('.', 1)[1]).lower()
    paths = [ROOT / f'daemon/bus/{noun}_{part}.cpp' for part in ('object', 'properties')]
    text = '\n'.join(text_of(path) for path in paths if path.exists())
    return re.findall(r'\b(?:compare\(|announce_changes\(\{)"(\w+)"', text)


class Documents(unittest.TestCase):
    @unittest.skipUnless(shutil.which('xmllint'), 'xmllint is not installed')
    def test_are_well_formed(self):
        checked = subprocess.run(['xmllint', '--noout', '--nonet', *map(str, documents())],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_hold_the_interface_that_they_are_named_after(self):
        self.assertGreaterEqual(len(documents()), 5)
        for path in documents():
            self.assertEqual(list(read_interfaces(text_of(path))), [path.stem])

    def test_say_what_each_member_is_and_since_when(self):
        for interface, comment, members in ours():
            self.assertTrue(comment.startswith(interface + ':'), interface)
            self.assertRegex(comment, r'Since \d+\.\d+\.$', interface)
            self.assertTrue(members, interface)
            for member in members:
                where = f'{interface}.{member.name}'
                self.assertTrue(member.comment.startswith(member.name + ':'), f'{where}: {member.comment[:40]!r}')
                self.assertRegex(member.comment, r'Since \d+\.\d+\.$', where)

    def test_say_what_each_argument_is(self):
        for interface, _, members in ours():
            for member in members:
                for name, _, _ in member.args:
                    self.assertRegex(member.comment, rf'@{name}:', f'{interface}.{member.name}')

    def test_give_each_argument_a_name_and_a_direction(self):
        """The generator drops an argument without a direction, and says nothing."""
        for interface, _, members in ours():
            for member in members:
                names = [name for name, _, _ in member.args]
                self.assertEqual(len(names), len(set(names)), f'{interface}.{member.name}')
                for name, signature, direction in member.args:
                    self.assertTrue(name and signature, f'{interface}.{member.name}')
                    self.assertIn(direction, ('in', 'out'), f'{interface}.{member.name}: {name}')

    def test_let_every_method_that_changes_something_take_options(self):
        for interface, _, members in ours():
            for member in members:
                inputs = [signature for _, signature, direction in member.args if direction == 'in']
                only_looks = (member.name.startswith(('Get', 'List', 'Find')) or
                              f'{interface}.{member.name}' == 'org.virtbus1.MachineId.Check')
                if member.kind == 'method' and not only_looks:
                    self.assertEqual(inputs[-1:], ['a{sv}'], f'{interface}.{member.name}')

    def test_have_properties_that_are_read_only(self):
        for interface, _, members in ours():
            for member in members:
                if member.kind == 'property':
                    self.assertEqual(member.access, 'read', f'{interface}.{member.name}')
                    self.assertIn(member.emits, ('true', 'const', 'false'), f'{interface}.{member.name}')

    def test_have_properties_whose_changes_are_announced(self):
        """What has changed is found by lists that are written by hand: they lack none."""
        for interface, _, members in ours():
            if interface == 'org.virtbus1.Manager':  # its hypervisors stay, and its jobs are told one by one
                continue
            announced = announced_properties(interface)
            for member in members:
                if member.kind == 'property' and member.emits == 'true':
                    self.assertIn(member.name, announced, interface)

    def test_promise_only_errors_that_there_are(self):
        known = {name.rsplit('.', 1)[1] for name in error_names()}
        self.assertGreater(len(known), 10)
        for interface, comment, members in ours():
            for text in [comment] + [member.comment for member in members]:
                self.assertLessEqual(errors_named_in(text), known, f'{interface}: {text[:60]}')

    def test_name_every_error_that_there_is(self):
        everything = '\n'.join(text_of(path) for path in documents())
        unnamed = [name for name in error_names() if not re.search(rf'\b{name.rsplit(".", 1)[1]}\b', everything)]
        self.assertEqual(unnamed, [])


@unittest.skipUnless(shutil.which('dbus-daemon') and shutil.which('busctl'), 'dbus-daemon or busctl is not installed')
class Daemon(unittest.TestCase):
    """A real virtbusd on libvirt's test driver, on a bus of its own."""

    @classmethod
    def setUpClass(cls):
        if 'VIRTBUSD' not in os.environ:
            raise unittest.SkipTest('VIRTBUSD does not name the daemon')
        cls.processes = []
        cls.folder = tempfile.TemporaryDirectory(prefix='virtbus-static.')
        cls.addClassCleanup(cls.stop)
        config = os.path.join(cls.folder.name, 'bus.conf')
        with open(config, 'w', encoding='utf-8') as file:
            file.write(BUS_CONFIG.format(cls.folder.name))
        bus = subprocess.Popen(['dbus-daemon', '--nofork', '--nopidfile', '--print-address', f'--config-file={config}'],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cls.processes.append(bus)
        cls.address = bus.stdout.readline().strip()
        environment = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=cls.address, HOME=cls.folder.name,
                           XDG_RUNTIME_DIR=cls.folder.name)
        storage = os.path.join(cls.folder.name, 'storage.xml')
        with open(storage, 'w', encoding='utf-8') as file:
            file.write(STORAGE)
        with open(cls.log(), 'w', encoding='utf-8') as log:
            cls.processes.append(subprocess.Popen(
                [os.environ['VIRTBUSD'], '--user', '--hypervisor', 'test=test:///default',
                 '--hypervisor', f'storage=test://{storage}'], env=environment, stderr=log))
        cls.wait_until_connected()

    @classmethod
    def log(cls):
        return os.path.join(cls.folder.name, 'log')

    @classmethod
    def stop(cls):
        for process in reversed(cls.processes):
            process.terminate()
            process.wait()
            if process.stdout:
                process.stdout.close()
        cls.folder.cleanup()

    @classmethod
    def busctl(cls, *words):
        return subprocess.run(['busctl', f'--address={cls.address}', *words], capture_output=True, text=True, check=False)

    @classmethod
    def wait_until_connected(cls):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            listed = cls.busctl('call', 'org.virtbus1', '/org/virtbus1', 'org.virtbus1.Manager', 'ListMachines',
                                'a{sv}', '0')
            if listed.returncode == 0 and '"/org/virtbus1/' in listed.stdout:
                images = cls.busctl('call', 'org.virtbus1', '/org/virtbus1', 'org.virtbus1.Manager', 'ListImages',
                                    'a{sv}', '1', 'hypervisor', 's', 'storage')
                if '"/org/virtbus1/' in images.stdout:
                    cls.machine = re.search(r'"(/org/virtbus1/[^"]+)"', listed.stdout).group(1)
                    cls.image = re.search(r'"(/org/virtbus1/[^"]+)"', images.stdout).group(1)
                    return
            if cls.processes[-1].poll() is not None:
                break
            time.sleep(0.05)
        with open(cls.log(), encoding='utf-8') as log:
            raise AssertionError('virtbusd does not show the machine and the image of libvirt\'s test driver:\n' + log.read())

    def introspect(self, path):
        shown = self.busctl('introspect', '--xml-interface', 'org.virtbus1', path)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        return read_interfaces(shown.stdout)

    def test_has_exactly_the_interfaces_that_are_documented(self):
        started = self.busctl('call', 'org.virtbus1', self.machine, 'org.virtbus1.VirtualMachine', 'Save', 'a{sv}',
                              '0')
        self.assertEqual(started.returncode, 0, started.stderr)
        job = re.search(r'"([^"]+)"', started.stdout).group(1)
        defined = self.busctl('call', 'org.virtbus1', '/org/virtbus1/hypervisor/test', 'org.virtbus1.Hypervisor',
                              'DefineXml', 'sa{sv}', CONTAINER, '0')
        self.assertEqual(defined.returncode, 0, defined.stderr)
        container = re.search(r'"([^"]+)"', defined.stdout).group(1)
        places = {'org.virtbus1.Manager': '/org/virtbus1', 'org.virtbus1.Hypervisor': '/org/virtbus1/hypervisor/test',
                  'org.virtbus1.Machine': self.machine, 'org.virtbus1.Job': job,
                  'org.virtbus1.VirtualMachine': self.machine, 'org.virtbus1.Container': container,
                  'org.virtbus1.Image': self.image, 'org.virtbus1.Pool': self.image.rsplit('/image/', 1)[0],
                  'org.virtbus1.Network': '/org/virtbus1/hypervisor/test/network/default',
                  'org.virtbus1.MachineId': self.machine, 'org.virtbus1.HostMachineId': '/org/virtbus1/machine_id',
                  'org.freedesktop.LogControl1': '/org/freedesktop/LogControl1'}
        documented = {}
        for path in documents():
            documented.update(read_interfaces(text_of(path)))
        self.assertEqual(set(places), set(documented))
        for interface, path in places.items():
            shown = self.introspect(path)
            self.assertIn(interface, shown)
            self.assertEqual(sorted(member.signature() for member in shown[interface][1]),
                             sorted(member.signature() for member in documented[interface][1]), interface)
            there = {name for name, place in places.items() if place == path}
            # This host's machine-id is one as those of machines are, and a container a machine.
            if path in ('/org/virtbus1/machine_id', container):
                there.add('org.virtbus1.MachineId')
            if path == container:
                there.add('org.virtbus1.Machine')
            for name in shown:
                self.assertTrue(name in there or name.startswith('org.freedesktop.DBus.'), f'{path} has {name} too')

    def test_is_found_by_walking_down_from_the_root(self):
        tree = self.busctl('tree', '--list', 'org.virtbus1')
        self.assertIn(self.machine, tree.stdout.split())


if __name__ == '__main__':
    unittest.main()
