# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes over the bus, as dbus-monitor sees it: each call to virtbus has one reply, no more and no fewer."""

import subprocess
import threading

from client import ROOT
from instance import ADDRESS, wait_for


class Wire:
    def __init__(self):
        self.process = None
        self.lock = threading.Lock()
        self.open = {}               # (sender, serial): the method, of calls without a reply
        self.answered = set()
        self.twice = []
        self.replies = 0

    def start(self):
        """Of a new bus, where the same names come again."""
        with self.lock:
            self.open, self.answered = {}, set()
        command = ['stdbuf', '-oL', 'dbus-monitor', '--address', ADDRESS, '--profile']
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.read, args=[self.process.stdout], daemon=True).start()

    def end(self):
        self.process.terminate()
        self.process.wait()

    def read(self, lines):
        for line in lines:
            words = line.rstrip('\n').split('\t')
            with self.lock:
                if words[0] == 'mc' and words[5].startswith(ROOT):
                    self.open[words[3], words[2]] = words[-1]
                elif words[0] in ('mr', 'err'):
                    self.take_reply((words[4], words[5]))
                elif words[0] == 'sig' and words[-1] == 'NameLost':
                    self.take_leave(words[4])

    def take_reply(self, call):
        if self.open.pop(call, None):
            self.answered.add(call)
            self.replies += 1
        elif call in self.answered:
            self.twice.append(call)

    def take_leave(self, sender):
        """Who leaves gets no answer."""
        for call in [call for call in self.open if call[0] == sender]:
            del self.open[call]

    def check(self):
        """At a quiet point."""
        try:
            wait_for(lambda: not self.open, 'replies', 10)
        except TimeoutError:
            yield f'without a reply: {list(self.open.values())}'
        with self.lock:
            if self.twice:
                yield f'answered twice: {self.twice}'
                self.twice = []
