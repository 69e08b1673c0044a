#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What polkit is told of virtbus, and the journal's catalog, say what the sources say."""

import re
import unittest
import xml.etree.ElementTree as ElementTree

from sources import ROOT, text_of

POLICY = ROOT / 'dbus-interfaces/org.virtbus1.policy'
RULES = (ROOT / 'dbus-interfaces/60-virtbus.rules', ROOT / 'docs/polkit-example.rules')
OWNER = 'org.freedesktop.policykit.owner'


def actions_of_the_sources():
    """All but the one that polkit is not asked about."""
    names = set(re.findall(r'"(org\.virtbus1\.[\w.-]+)"', text_of(ROOT / 'daemon/bus/authority.cpp')))
    return names - {'org.virtbus1.read'}


def actions_of_the_policy():
    return {action.get('id'): action for action in ElementTree.parse(POLICY).getroot().iter('action')}


class Policy(unittest.TestCase):
    def test_has_the_actions_of_the_sources(self):
        self.assertGreater(len(actions_of_the_sources()), 20)
        self.assertEqual(set(actions_of_the_policy()), actions_of_the_sources())

    def test_says_what_each_action_is(self):
        for name, action in actions_of_the_policy().items():
            self.assertRegex(action.findtext('description') or '', r'^[A-Z].{5,}[^.]$', name)
            self.assertRegex(action.findtext('message') or '', r'^Authentication is required to .{5,}[^.]$', name)

    def test_lets_nobody_act_without_a_password(self):
        for name, action in actions_of_the_policy().items():
            defaults = {default.tag: default.text for default in action.find('defaults')}
            self.assertEqual(set(defaults), {'allow_any', 'allow_inactive', 'allow_active'}, name)
            self.assertLessEqual(set(defaults.values()), {'auth_admin', 'auth_admin_keep', 'no'}, name)

    def test_lets_the_unprivileged_daemon_ask(self):
        """polkit takes details only from root and from the owner of the action."""
        for name, action in actions_of_the_policy().items():
            owner = [note.text for note in action.iter('annotate') if note.get('key') == OWNER]
            self.assertEqual(owner, ['unix-user:virtbus'], name)


class Rules(unittest.TestCase):
    def test_name_only_actions_that_there_are(self):
        for path in RULES:
            named = set(re.findall(r'"(org\.virtbus1\.[\w.-]+)"', text_of(path)))
            self.assertTrue(named, path)
            self.assertLessEqual(named, actions_of_the_sources(), path)

    def test_give_nobody_what_makes_root_of_them(self):
        for path in RULES:
            for action in ('machine.define-xml', 'container.run', 'hypervisor.manage'):
                self.assertNotIn(f'"org.virtbus1.{action}"', text_of(path), path)


class Catalog(unittest.TestCase):
    def test_explains_the_entries_that_there_are(self):
        written = set(re.findall(r'"([0-9a-f]{32})"', text_of(ROOT / 'daemon/bus/audit.cpp')))
        explained = re.findall(r'^-- ([0-9a-f]{32})$', text_of(ROOT / 'systemd-units/virtbus.catalog'), re.MULTILINE)
        self.assertEqual(len(written), 3)
        self.assertEqual(sorted(explained), sorted(written))


if __name__ == '__main__':
    unittest.main()
