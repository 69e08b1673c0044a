#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""man_checks.py PAGE...: the manual is sound, and has all settings, options, verbs and members that there are."""
import os
import pathlib
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [pathlib.Path(argument) for argument in sys.argv[1:]]
ENVIRONMENT = {**os.environ, 'LC_ALL': 'C.UTF-8', 'MANWIDTH': '200', 'MANROFFOPT': '-rHY=0'}


def run(*command):
    return subprocess.run(command, capture_output=True, encoding='utf-8', timeout=60, env=ENVIRONMENT)


def text_of(name):
    page = next(page for page in PAGES if page.name == name)
    # As people read it, without the bold type of terminals.
    return re.sub('.\b', '', run('man', '-E', 'UTF-8', '-P', 'cat', '-l', page).stdout)


def verbs(*path):
    lines = run(os.environ['VIRTBUSCTL'], 'complete', '--', *path, '').stdout.splitlines()
    return [line.partition('\t')[0] for line in lines]


def options(*path):
    lines = run(os.environ['VIRTBUSCTL'], 'complete', '--', *path, '--').stdout.splitlines()
    return [line.partition('\t')[0] for line in lines]


class ManTest(unittest.TestCase):
    def test_pages_are_sound(self):
        self.assertEqual({page.name for page in PAGES}, {'virtbusd.8', 'virtbusctl.1', 'org.virtbus1.5'})
        for page in PAGES:
            self.assertEqual(run('mandoc', '-Tlint', '-Werror', page).stdout, '', page.name)
            self.assertEqual(run('man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page).stderr, '', page.name)

    def test_daemon_has_all_options(self):
        told = text_of('virtbusd.8')
        known = re.findall(r'^ +(?:-\w,)?(--[a-z-]+)', run(os.environ['VIRTBUSD'], '--help').stdout, re.M)
        self.assertIn('--hypervisor', known)
        for option in known:
            self.assertRegex(told, rf'(?m)^ +(-\w, )?{option}\b')

    def test_daemon_has_all_settings(self):
        told = text_of('virtbusd.8')
        known = re.findall(r'^    \{"([a-z-]+)", read_', (ROOT / 'daemon/config.cpp').read_text(), re.M)
        self.assertIn('poll-interval', known)
        for setting in known:
            self.assertRegex(told, rf'(?m)^ +{setting} \(')

    def test_client_has_all_verbs_and_their_options(self):
        told = text_of('virtbusctl.1')
        self.assertIn('image', verbs())
        for verb in verbs():
            self.assertRegex(told, rf'(?m)^ +{verb}\b')
        for verb in verbs('image'):
            self.assertRegex(told, rf'(?m)^ +image {verb}\b')
        self.assertIn('--on-timeout', options('shutdown'))
        for option in [*options('shutdown'), *options('create'), *options('image', 'import')]:
            self.assertRegex(told, rf'(?m)^ +(-\w, )?{option}\b')

    def test_conventions_are_there(self):
        told = text_of('org.virtbus1.5').partition('\nCONVENTIONS\n')[2].partition('\norg.virtbus1.Manager\n')[0]
        xml = (ROOT / 'dbus-interfaces/org.virtbus1.Manager.xml').read_text().partition('<node>')[0]
        errors = re.findall(r'^ +(org\.\S+\.Error\.\w+)  ', xml, re.M)
        self.assertIn('org.virtbus1.Error.Disconnected', errors)
        for error in errors:
            self.assertRegex(told, rf'(?m)^ +{re.escape(error)}$')
        self.assertIn('sizes are bytes', told)

    def test_all_members_are_there(self):
        told = text_of('org.virtbus1.5')
        for file in (ROOT / 'dbus-interfaces').glob('org.virtbus1.*.xml'):
            for interface in ElementTree.parse(file).getroot():
                _, found, rest = told.partition(f'\n{interface.get("name")}\n')
                self.assertTrue(found, interface.get('name'))
                section = re.split(r'\norg\.virtbus1\.\w+\n|\nSEE ALSO', rest)[0]
                for member in interface:
                    if member.tag in ('property', 'method', 'signal'):
                        self.assertRegex(section, rf'(?m)^ +{member.get("name")}[( ].*\n +\S', f'{file.name} {member.get("name")}')


unittest.main(argv=sys.argv[:1])
