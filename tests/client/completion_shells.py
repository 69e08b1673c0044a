#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""completion_shells.py VIRTBUSCTL: Tab is pressed in real shells, in front of a real daemon (scripts/sandbox), and the words
are looked at that the shell makes of the line."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VIRTBUSCTL = pathlib.Path(sys.argv[1])
# Whatever shells make something of.
STRANGE = '''it's "my" $(vm): a&b;c'''
PATIENCE = 30


class Shell:
    """An interactive one, which prints the words of a line instead of running it."""

    def __init__(self, command, setup, home):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            path = f'{VIRTBUSCTL.parent}:{os.environ["PATH"]}'
            environment = {**os.environ, 'PATH': path, 'HOME': home, 'TERM': 'dumb', 'PS1': '$ ', 'LC_ALL': 'C.UTF-8'}
            os.execvpe(command[0], command, environment)
        for line in [*setup, r"words() { printf 'words'; printf '<%s>' \"$@\"; echo '!'; }".replace('\\"', '"')]:
            self.send(line + '\n')
        self.send('words rea""dy\n')
        self.wait_for(r'words<ready>!')

    def send(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern):
        seen = ''
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                seen += os.read(self.terminal, 4096).decode(errors='replace')
                if found := re.search(pattern, seen):
                    return found
        raise AssertionError(f'no {pattern} in {seen!r}')

    def words_of(self, typed, tab='\t'):
        """Those of the line after Tab."""
        self.send(f'words {typed}{tab}')
        # What is typed while the shell completes would not be part of the line for all of them.
        time.sleep(1)
        self.send('\n')
        return self.wait_for(r'words((?:<[^>]*>)+)!')[1][1:-1].split('><')

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


class Completion:
    def complete(self, typed):
        return self.shell.words_of(typed)[-1]

    def test_verbs_and_options(self):
        self.assertEqual(self.complete('virtbusctl shutd'), 'shutdown')
        self.assertEqual(self.complete('virtbusctl image conv'), 'convert')
        self.assertEqual(self.complete('virtbusctl create --max'), '--maximum-vcpus')

    def test_names(self):
        self.assertEqual(self.complete('virtbusctl show plain'), 'plain-1')
        self.assertEqual(self.complete('virtbusctl start plain-1 oth'), 'other')
        self.assertEqual(self.complete('virtbusctl -H qem'), 'qemu')
        self.assertEqual(self.complete('virtbusctl pool show comp'), 'completion')
        self.assertEqual(self.complete('virtbusctl image create new --pool comp'), 'completion')
        self.assertEqual(self.complete('virtbusctl image show completion/di'), 'completion/disk.raw')

    def test_strange_names(self):
        self.assertEqual(self.complete('virtbusctl show it'), STRANGE)
        self.assertEqual(self.complete('virtbusctl show "it'), STRANGE)
        self.assertEqual(self.complete(r'virtbusctl show it\''), STRANGE)

    def test_letters_of_several_bytes(self):
        self.assertEqual(self.complete('virtbusctl start ÄÖÜ oth'), 'other')

    def test_files(self):
        self.assertEqual(self.complete('virtbusctl image import --format raw afi'), 'afile')


class BashTest(Completion, unittest.TestCase):
    def setUp(self):
        self.shell = Shell(['bash', '--norc', '--noprofile', '-i'],
                           [f'. {ROOT}/client/completion.bash', 'complete -F _words words',
                            # Completes as if the first word were not there.
                            '_words() { COMP_LINE=${COMP_LINE#words } COMP_POINT=$((COMP_POINT - 6));'
                            ' _virtbusctl virtbusctl; }'], HOME.name)
        self.addCleanup(self.shell.close)

    def test_values_in_the_word_of_their_option(self):
        self.assertEqual(self.complete('virtbusctl image create new --pool=comp'), '--pool=completion')


@unittest.skipUnless(shutil.which('zsh'), 'there is no zsh')
class ZshTest(Completion, unittest.TestCase):
    def setUp(self):
        functions = pathlib.Path(HOME.name) / 'functions'
        functions.mkdir(exist_ok=True)
        shutil.copy(ROOT / 'client/completion.zsh', functions / '_virtbusctl')
        self.shell = Shell(['zsh', '-f', '-i'],
                           [f'fpath=({functions} $fpath)', 'autoload -U compinit; compinit -u -D', 'unsetopt zle_bracketed_paste',
                            # Completes as if the first word were not there.
                            'compdef _precommand words', 'bindkey "^I" complete-word'], HOME.name)
        self.addCleanup(self.shell.close)


def prepare():
    pool = pathlib.Path(HOME.name) / 'pool'
    pool.mkdir()
    (pathlib.Path(HOME.name) / 'afile').touch()
    for command in (['create', 'plain-1'], ['create', 'other'], ['create', STRANGE],
                    ['pool', 'create', 'completion', pool], ['image', 'create', 'disk.raw', '--format', 'raw', '--size', '1M',
                                                             '--pool', 'completion']):
        subprocess.run([VIRTBUSCTL, *command], check=True, timeout=60)


HOME = tempfile.TemporaryDirectory()
prepare()
unittest.main(argv=sys.argv[:1])
