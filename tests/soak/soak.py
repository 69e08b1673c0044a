# SPDX-License-Identifier: LGPL-2.1-or-later
"""The soak: rounds of calm and storm with a quiet point after each. Runs inside scripts/sandbox; see scripts/soak."""

import argparse
import os
import random
import secrets
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from actors import (ImageActor, LeavingActor, MachineActor, Reader, StalledSubscribers,
                    TestMachineActor, World)
from client import ROOT, Client
from clones import CloneActor
from disks import DiskActor
from faults import Faults
from instance import ADDRESS, LOGS, POOL, Instance
from model import EXCUSES, RESTARTS, Storm
from networks import NetworkActor, SessionNetworkActor
from quiet import QuietPoint
from wire import Wire

CALM, STORM = 10, 12        # seconds
KINDS_A_STORM = 2


def storms(seed, kinds):
    """Two kinds of faults each, where there are two; all kinds come before one comes again."""
    chance = random.Random(f'{seed} storms')
    left = []
    while True:
        if len(left) < KINDS_A_STORM:
            left += chance.sample(kinds, len(kinds))
        storm = left[:KINDS_A_STORM]
        del left[:KINDS_A_STORM]
        yield Storm(storm)


class Soak:
    def __init__(self, seed, kinds):
        self.begun = time.monotonic()
        self.seed = seed
        self.kinds = kinds
        self.instance = Instance()
        self.world = World()
        self.wire = Wire()
        self.client = Client(ADDRESS)
        self.faults = Faults(self.instance, self.tell)
        self.quiet = QuietPoint(self.instance, self.client)
        self.stalled = StalledSubscribers(2)
        self.done = Counter()

    def tell(self, text):
        print(f'{time.monotonic() - self.begun:7.1f} {text}', flush=True)

    def start(self):
        self.instance.start()
        self.wire.start()
        for name in ('qemu', 'test'):
            self.client.call(f'{ROOT}/hypervisor/{name}', 'Hypervisor', 'Reconnect', '(a{sv})', {})
        end = time.monotonic() + 60
        while (made := self.client.call(f'{ROOT}/hypervisor/qemu', 'Hypervisor', 'CreatePool', '(ssa{sv})', 'soak',
                                        str(POOL), {})).error:
            if time.monotonic() > end:
                raise RuntimeError(made.text)
            time.sleep(0.3)
        guest, scratch = os.environ['VIRTBUS_GUEST_DIR'], Path(os.environ['TMPDIR'])
        self.actors = [MachineActor(self.world, 'q0', self.seed, kernel=guest)]
        self.actors += [MachineActor(self.world, f'q{i}', self.seed) for i in (1, 2)]
        self.actors += [TestMachineActor(self.world, f't{i}', self.seed) for i in range(3)]
        self.actors += [LeavingActor(self.world, f'l{i}', self.seed) for i in range(2)]
        self.actors += [ImageActor(self.world, f'i{i}', self.seed, scratch) for i in range(2)]
        self.actors += [DiskActor(self.world, 'd0', self.seed), CloneActor(self.world, 'c0', self.seed)]
        self.actors += [NetworkActor(self.world, 'n0', self.seed, 1)]
        self.actors += [SessionNetworkActor(self.world, 'n1', self.seed, 2)]
        self.actors += [Reader(self.world, 'r0', self.seed)]
        for actor in self.actors:
            actor.start()

    def run(self, seconds):
        self.start()
        chance = random.Random(f'{self.seed} faults')
        end = time.monotonic() + seconds
        self.calm()
        for storm in storms(self.seed, self.kinds):
            if time.monotonic() > end:
                break
            self.rage(storm, chance)
            self.calm()
        self.finish()

    def calm(self):
        self.stalled.renew()
        self.world.open()
        time.sleep(CALM)
        self.rest('calm', None)
        counts = self.quiet.counts()
        self.tell('  '.join(f'{what} {count}' for what, count in counts.items()))
        for text in self.quiet.growth(counts):
            self.world.complain(text)

    def rage(self, storm, chance):
        self.tell(f'storm: {storm.name}')
        self.world.storm = storm
        self.world.open()
        self.done['faults'] += self.faults.play(storm, STORM, chance)
        self.rest(storm.name, storm)
        self.world.storm = None

    def rest(self, after, storm):
        """A quiet point."""
        self.world.close()
        if self.wire.process.poll() is not None:
            self.wire.start()
        begun = time.monotonic()
        truth, wrong = self.quiet.reach()
        for actor in self.actors:
            text = actor.settle(truth, storm)
            wrong += [f'{actor.name} {text}; of late: {", ".join(actor.past)}'] if text else []
        wrong += self.wire.check()
        for text in wrong:
            self.world.complain(f'after {after}: {text}')
        self.done['quiet points'] += 1
        self.tell(f'quiet after {time.monotonic() - begun:.1f} s: {len(truth.machines)} machines, '
                  f'{len(truth.images)} images, {len(truth.networks)} networks, {self.world.calls} calls')

    def finish(self):
        self.world.end()
        self.stalled.end()
        self.wire.end()
        code = self.instance.stop()
        if code != 0:
            self.world.complain(f'virtbusd ended with {code}: {self.instance.virtbusd.last_words()}')
        self.tell(', '.join(f'{name}: {count}' for name, count in sorted(self.world.outcomes.items())))
        self.tell(f'seed {self.seed}: {self.world.calls} calls, the slowest {self.world.slowest:.1f} s, '
                  f'{self.wire.replies} replies on the bus, '
                  f'{self.done["faults"]} faults, {self.done["quiet points"]} quiet points, '
                  f'{len(self.world.wrong)} wrong')
        for text in self.world.wrong:                  # once more, where a reader looks first
            print(' '.join(text.split())[:400])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('minutes', type=float)
    parser.add_argument('--seed', type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument('--fault', action='append', choices=sorted(EXCUSES))
    parser.add_argument('--no-restart', action='store_true')
    arguments = parser.parse_args()
    print(f'seed {arguments.seed}', flush=True)
    kinds = set(arguments.fault or EXCUSES) - (RESTARTS if arguments.no_restart else set())
    soak = Soak(arguments.seed, sorted(kinds))
    good = False
    try:
        soak.run(arguments.minutes * 60)
        good = not soak.world.wrong
    finally:
        if not good and 'VIRTBUS_RESULTS' in os.environ:
            shutil.copytree(LOGS, Path(os.environ['VIRTBUS_RESULTS']) / f'seed-{arguments.seed}', dirs_exist_ok=True)
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
