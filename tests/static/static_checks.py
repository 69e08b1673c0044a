#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules about the sources that no compiler checks: who may include what, how handlers are written, what every file has.
The rules about the interfaces are in interface_checks.py."""

import re
import shutil
import subprocess
import unittest

from sources import (ROOT, balanced, cpp_files, handlers, includes, name_of, project_files, shell_scripts, text_of,
                     without_comments)

LAYERS = ('base', 'model', 'helper', 'libvirt', 'bus')
MAY_INCLUDE = {'base': {'base'}, 'model': {'base', 'model'}, 'libvirt': {'base', 'model', 'libvirt'},
               'bus': {'base', 'model', 'bus'}, 'helper': {'base', 'model', 'helper'}}
MOST_LINES = 400


class Rule(unittest.TestCase):
    """A rule names all that break it, and each in one line."""

    def check(self, offenders):
        offenders = sorted(set(offenders))
        if offenders:
            self.fail('\n  '.join(['', *offenders]))


def matches(files, pattern):
    """"file:line: text" of each match in the code, comments and literals left out."""
    for path in files:
        for number, line in enumerate(without_comments(text_of(path)).splitlines(), 1):
            if re.search(pattern, line):
                yield f'{name_of(path)}:{number}: {line.strip()}'


def includes_of(files, offends):
    """"file includes name" of each include for which offends(name, quoted) holds."""
    for path in files:
        for name, quoted in includes(path):
            if offends(name, quoted):
                yield f'{name_of(path)} includes {name}'


def outside(files, folder):
    return [path for path in files if not name_of(path).startswith(folder + '/')]


class Layers(Rule):
    """main → {bus, libvirt} → model → base; the client knows nothing of the daemon."""

    def test_there_are_sources_to_look_at(self):
        for folder in [f'daemon/{layer}' for layer in LAYERS] + ['client', 'tests/unit']:
            self.assertGreater(len(cpp_files(folder)), 2, folder)

    def test_a_layer_includes_only_what_is_below_it(self):
        def is_ours(name, quoted):
            return quoted or (ROOT / 'daemon' / name).exists()
        for layer in LAYERS:
            self.check(includes_of(cpp_files(f'daemon/{layer}'), lambda name, quoted, layer=layer:
                                   is_ours(name, quoted) and name.split('/')[0] not in MAY_INCLUDE[layer]))

    def test_only_the_libvirt_layer_sees_libvirt(self):
        others = outside(cpp_files('daemon', 'client'), 'daemon/libvirt')
        self.check(includes_of(others, lambda name, quoted: not quoted and re.search(r'^libvirt/|^pugi', name)))

    def test_only_the_bus_layer_and_the_client_see_the_bus(self):
        others = outside(cpp_files('daemon'), 'daemon/bus')
        pattern = r'sdbus-c\+\+|sd-bus\.h|_(adaptor|proxy)\.h$'
        self.check(includes_of(others, lambda name, _: re.search(pattern, name)))

    def test_the_client_includes_nothing_of_the_daemon(self):
        self.check(includes_of(cpp_files('client'), lambda name, quoted:
                               quoted and not (ROOT / 'client' / name).exists() or name.endswith('_adaptor.h')))

    def test_unit_tests_know_neither_bus_nor_libvirt(self):
        self.check(includes_of(cpp_files('tests/unit'), lambda name, _: re.search(r'^(bus|libvirt)/|sdbus', name)))


class Handlers(Rule):
    """Every method on the bus is served by serve(), which asks for the right, and answers exactly once."""

    def test_every_handler_goes_through_serve(self):
        found = [(f'{owner}::{method}', body) for path in cpp_files('daemon/bus')
                 for owner, method, body in handlers(path)]
        self.assertGreater(len(found), 20, 'the handlers were not found')
        self.check(f'{name} is not served' for name, body in found
                   if len(re.findall(r'\bserve(?:_work|_job)?\(', body)) != 1)
        self.check(f'{name} names no action' for name, body in found if not re.search(r'\bAction::\w+', body))

    def test_every_handler_that_is_declared_was_looked_at(self):
        declared = set()
        for path in cpp_files('daemon/bus'):
            text = without_comments(text_of(path))
            for match in re.finditer(r'\bvoid ([A-Z]\w*)(?=\()', text):
                arguments = balanced(text, match.end())
                if '&& result' in arguments and text[match.end() + len(arguments):].startswith(' override'):
                    declared.add((path.stem, match.group(1)))
        defined = {(path.stem, method) for path in cpp_files('daemon/bus') for _, method, _ in handlers(path)}
        self.assertEqual(declared, defined)

    def test_replies_are_sent_in_one_place(self):
        places = {line.split(':')[0] for line in matches(cpp_files('daemon'), r'\breturn(Results|Error)\b')}
        self.assertEqual(places, {'daemon/bus/served_object.h'})

    def test_nothing_on_the_bus_waits_for_a_reply(self):
        """A synchronous call would stop the one thread that everybody is served by."""
        self.check(matches(cpp_files('daemon/bus'), r'\bcallMethod\(|_proxy\b'))


class Code(Rule):
    def test_a_default_is_only_for_the_constants_of_others(self):
        """Where all cases are ours, the compiler finds the one that is missing."""
        offenders = []
        for path in cpp_files('daemon', 'client'):
            text = without_comments(text_of(path))
            for match in re.finditer(r'\bswitch\s*(?=\()', text):
                body = balanced(text, text.index('{', match.end() + len(balanced(text, match.end()))))
                labels = re.findall(r'\bcase\s+([\w:]+)', body)
                if re.search(r'\bdefault\s*:', body) and not all(label.startswith('VIR_') for label in labels):
                    offenders.append(f'{name_of(path)}: switch over {", ".join(labels[:3])}, …')
        self.check(offenders)

    def test_nothing_is_awaited_inside_a_condition(self):
        """GCC 12 makes code of it that crashes."""
        offenders = []
        for path in cpp_files('daemon', 'tests'):
            text = without_comments(text_of(path))
            for match in re.finditer(r'\b(?:if|while|for|switch|(?:EXPECT|ASSERT)_\w+)\s*(?:constexpr\s*)?(?=\()', text):
                condition = balanced(text, match.end())
                if '{' not in condition and 'co_await' in condition:
                    offenders.append(f'{name_of(path)}: {match.group(0)}{condition}')
        self.check(offenders)

    def test_what_awaits_is_given_plain_lambdas(self):
        """GCC 12 destroys twice what such a lambda holds: one that holds more than numbers has a name first."""
        plain = {'uuid', 'number', 'force', 'start', 'mode', 'plan', 'work'}
        offenders = []
        for path in cpp_files('daemon', 'tests'):
            text = without_comments(text_of(path))
            for match in re.finditer(r'\bco_await\s+[\w.:>()-]*?\w(?=\()', text):
                arguments = balanced(text, match.end())
                for held in re.findall(r'(?<![\w)\]])\[([^\]]*)\](?=\s*[({])', arguments):
                    names = {name.split('=')[0].strip() for name in held.split(',')} - plain
                    if any(not name.startswith('&') and name not in ('', 'this') for name in names):
                        offenders.append(f'{name_of(path)}: {match.group(0)}(… [{held}]')
        self.check(offenders)

    def test_the_loop_never_sleeps(self):
        self.check(matches(cpp_files('daemon'), r'\bsleep_(for|until)\b|\bu?sleep\('))

    def test_files_stay_short(self):
        sizes = {name_of(path): text_of(path).count('\n') for path in project_files()
                 if path.suffix in ('.h', '.cpp', '.py') or path in shell_scripts()}
        self.check(f'{name} has {lines} lines' for name, lines in sizes.items() if lines > MOST_LINES)

    def test_nothing_is_left_to_do(self):
        marks = re.compile(r'(?<!\.)\b(' + '|'.join(('TO' + 'DO', 'FIX' + 'ME', 'X' * 3)) + r')\b')
        self.check(f'{name_of(path)}: {line.strip()}' for path in project_files()
                   if path.suffix in ('.h', '.cpp', '.py', '.xml', '.md', '.build') or path in shell_scripts()
                   for line in text_of(path).splitlines() if marks.search(line))


class Heads(Rule):
    """Each file says under which licence it stands, and what it is for."""

    def test_every_file_has_its_licence(self):
        data = ('tests/libvirt/domains/', 'tests/libvirt/capabilities/')  # as other programs write it
        ours = [path for path in project_files() if not name_of(path).startswith(data) and
                (path.suffix in ('.h', '.cpp', '.py', '.xml', '.in', '.sh') or path.name == 'meson.build' or
                 path in shell_scripts())]
        self.check(name_of(path) for path in ours if 'SPDX-License-Identifier: LGPL-2.1-or-later'
                   not in '\n'.join(text_of(path).splitlines()[:8]))

    def test_every_file_says_what_it_is_for(self):
        """A file with a header of its own says it there, and a test that is named after a file is for that file."""
        sources = [path.stem for path in cpp_files('daemon', 'client')]

        def is_said(path):
            tested = path.stem.removesuffix('_test')
            return path.suffix != '.h' and (path.with_suffix('.h').exists() or path.stem != tested and
                                            any(f'_{source}'.endswith(f'_{tested}') for source in sources))
        files = [path for path in cpp_files('daemon', 'client', 'tests') if not is_said(path)]
        self.check(name_of(path) for path in files
                   if not re.match(r'[^\n]*\n// .{18,}', text_of(path)))

    def test_every_header_is_included_once(self):
        self.check(name_of(path) for path in cpp_files('daemon', 'client', 'tests')
                   if path.suffix == '.h' and '\n#pragma once\n' not in text_of(path))


class Project(Rule):
    @unittest.skipUnless(shutil.which('shellcheck'), 'shellcheck is not installed')
    def test_shell_scripts_are_clean(self):
        scripts = [str(path) for path in shell_scripts()]
        self.assertTrue(scripts)
        checked = subprocess.run(['shellcheck', '-x', *scripts], capture_output=True, text=True, check=False, cwd=ROOT)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    @unittest.skipUnless(shutil.which('clang-format'), 'clang-format is not installed')
    def test_the_code_is_formatted(self):
        """As .clang-format says; `clang-format -i FILE` mends it."""
        files = [str(path) for path in cpp_files('daemon', 'client', 'tests')]
        checked = subprocess.run(['clang-format', '--dry-run', *files], capture_output=True, text=True, check=False,
                                 cwd=ROOT)
        self.check(re.findall(r'^(?:.*/)?((?:daemon|client|tests)/[^:]*):', checked.stderr, re.MULTILINE))

    def test_the_readme_names_every_dependency(self):
        readme = text_of(ROOT / 'README.md').lower()
        people_say = {'libcrypto': 'openssl', 'nlohmann_json': 'nlohmann', 'gtest': 'googletest', 'gmock': 'googletest', 'threads': '',
                      'smartcols': 'libsmartcols', 'systemd': '', 'libxml-2.0': 'libxml2'}
        found = {match for path in project_files() if path.name == 'meson.build'
                 for match in re.findall(r"\bdependency\('([^']+)'", text_of(path))}
        self.assertIn('sdbus-c++', found)
        self.check(name for name in found | {'asio'} if people_say.get(name, name).lower() not in readme)


if __name__ == '__main__':
    unittest.main()
