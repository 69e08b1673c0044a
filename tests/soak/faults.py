# SPDX-License-Identifier: LGPL-2.1-or-later
"""The faults: each is a method that does harm, and has undone it when it returns."""

import errno
import os
import shutil
import signal
import time

from instance import DISK, HELPERS, STATE, processes, send


class Faults:
    def __init__(self, instance, tell):
        self.instance = instance
        self.tell = tell

    def play(self, storm, seconds, random):
        """Faults of the storm's kinds, one after the other. Which, and when, the random numbers say."""
        end = time.monotonic() + seconds
        count = 0
        while time.monotonic() < end or count < len(storm.kinds):
            # Each once; then whichever.
            kind = storm.kinds[count] if count < len(storm.kinds) else random.choice(storm.kinds)
            pause, hold, which = random.uniform(0.3, 2), random.uniform(0.2, 3), random.random()
            time.sleep(pause)
            self.tell(f'{kind}, {hold:.1f} s')
            getattr(self, kind.replace('-', '_'))(hold, which)
            count += 1
        return count

    def libvirtd_kill(self, hold, _):
        self.instance.kill_libvirtd()
        time.sleep(hold)
        self.instance.start_libvirtd()

    def libvirtd_stop(self, hold, _):
        """Around the keepalive's patience: sometimes the connections break, sometimes not."""
        self.stop([self.instance.libvirtd.pid], hold * 2.5)

    def libvirtd_slow(self, hold, _):
        """Each reply comes late, as libvirtd runs for a hundredth of a second and then doesn't for longer."""
        end = time.monotonic() + hold * 2
        while time.monotonic() < end:
            self.stop([self.instance.libvirtd.pid], 0.3)
            time.sleep(0.01)

    def guest_kill(self, _, which):
        guests = self.instance.guests()
        if guests:
            send(guests[int(which * len(guests))], signal.SIGKILL)

    def guest_stop(self, hold, which):
        guests = self.instance.guests()
        if guests:
            self.stop([guests[int(which * len(guests))]], hold * 2)

    def virtbusd_kill(self, hold, _):
        self.instance.virtbusd.kill()
        time.sleep(hold / 3)
        self.instance.start_virtbusd()

    def virtbusd_end(self, hold, _):
        """As the service manager would."""
        code = self.instance.virtbusd.terminate()
        if code != 0:
            raise RuntimeError(f'virtbusd ended with {code}: {self.instance.virtbusd.last_words()}')
        time.sleep(hold / 3)
        self.instance.start_virtbusd()

    def virtbusd_stop(self, hold, _):
        self.stop([self.instance.virtbusd.pid], hold)

    def bus_kill(self, hold, _):
        """virtbusd can't go on without: it has to end by itself, and is started anew, as its service manager would."""
        self.instance.bus.kill()
        self.instance.virtbusd.process.wait(20)
        time.sleep(hold / 3)
        self.instance.start_bus()
        self.instance.start_virtbusd()

    def helper_kill(self, hold, which):
        """The first that comes."""
        helper = self.helper(hold, which)
        if helper:
            send(helper, signal.SIGKILL)

    def helper_stop(self, hold, which):
        helper = self.helper(hold, which)
        if helper:
            self.stop([helper], hold)

    def helper(self, patience, which):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            helpers = processes(*HELPERS)
            if helpers:
                return helpers[int(which * len(helpers))]
            time.sleep(0.01)
        return None

    def disk_full(self, hold, _):
        """What else would have room has none: the pool's file system is filled, and stays so for a while."""
        self.fill_up(DISK, hold)

    def state_full(self, hold, _):
        """The same for the file system of the state directory."""
        self.fill_up(STATE.parent, hold)

    @staticmethod
    def fill_up(directory, hold):
        filler = directory / 'filler'
        try:
            with open(filler, 'wb', buffering=0) as file:
                for size in (1 << 20, 1 << 12):
                    fill(file, bytes(size))
            time.sleep(hold * 2)
        finally:
            filler.unlink()

    def state_drop(self, *_):
        shutil.rmtree(STATE, ignore_errors=True)

    @staticmethod
    def stop(pids, hold):
        for pid in pids:
            send(pid, signal.SIGSTOP)
        time.sleep(hold)
        for pid in pids:
            send(pid, signal.SIGCONT)


def fill(file, block):
    try:
        while os.write(file.fileno(), block):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
