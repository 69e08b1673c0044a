# SPDX-License-Identifier: LGPL-2.1-or-later
"""A quiet point: nothing is under way. What virtbus shows is what libvirt and the files say; nothing is left."""

import json
import time
from pathlib import Path

import libvirt

from instance import HELPERS, POOL, STATE, processes
from truth import Mirror, Truth, differences, run, save_files

PATIENCE = 60

# How much more of these a virtbusd may have than after its first minute; descriptors and threads come and go with the
# connections to libvirt, which are made when they are needed.
SLACK_DESCRIPTORS = 8
SLACK_THREADS = 4
# What stays are ended jobs, a hundred at most, and what the sanitizers keep.
SLACK_RESIDENT = 64 << 10    # KiB


class QuietPoint:
    """Waits until all is as it should be; what is not then is wrong."""

    def __init__(self, instance, client):
        self.instance = instance
        self.client = client
        self.before = {}              # the first counts of each virtbusd, and each libvirtd

    def reach(self):
        """The truth, and what is wrong."""
        end = time.monotonic() + PATIENCE
        while True:
            objects = self.client.objects()
            try:
                truth, again = Truth(self.instance), Truth(self.instance)
            except (libvirt.libvirtError, FileNotFoundError):
                if time.monotonic() > end:
                    raise
                continue                               # what was listed has gone: somebody is still at work
            wrong = list(differences(truth, Mirror(objects))) if objects else ['virtbus does not answer']
            wrong += [f'process {name} is left' for name in HELPERS if processes(name)]
            wrong += unended_jobs()
            if not wrong and truth == again:
                break
            if time.monotonic() > end:
                break
            time.sleep(0.5)
        return truth, wrong + list(self.leftovers(truth))

    def leftovers(self, truth):
        running = sum(key.startswith('qemu') and machine['state'] != 'shut-off'
                      for key, machine in truth.machines.items())
        guests = self.instance.guests()
        if len(guests) != running:
            yield f'{len(guests)} processes of QEMU for {running} machines'
        saved = sorted(machine['name'] for key, machine in truth.machines.items()
                       if key.startswith('qemu') and machine['saved'])
        if sorted(file.stem for file in save_files()) != saved:
            yield f'files of saved memory: {[file.stem for file in save_files()]}, machines that are saved: {saved}'
        for name in truth.images:
            if truth.format(name)[1] == 'qcow2':
                run('qemu-img', 'check', '-U', '-q', str(POOL / name))
        log = self.instance.virtbusd.log.read_text(errors='replace')
        for line in log.splitlines():
            if 'defect' in line or 'ERROR: ' in line or 'runtime error' in line:
                yield f'virtbusd wrote: {line}'

    def counts(self):
        return {'descriptors': entries(self.instance.virtbusd.pid, 'fd'),
                'threads': entries(self.instance.virtbusd.pid, 'task'),
                'resident': resident(self.instance.virtbusd.pid),
                # But two for each guest.
                "libvirtd's descriptors": entries(self.instance.libvirtd.pid, 'fd') - 2 * len(self.instance.guests())}

    def growth(self, counts):
        """What grows that should not."""
        virtbusd, libvirtd = self.instance.virtbusd.pid, self.instance.libvirtd.pid
        for what, slack, pid in (('descriptors', SLACK_DESCRIPTORS, virtbusd), ('threads', SLACK_THREADS, virtbusd),
                                 ('resident', SLACK_RESIDENT, virtbusd),
                                 ("libvirtd's descriptors", SLACK_DESCRIPTORS, libvirtd)):
            first = self.before.setdefault((what, pid), counts[what])
            if counts[what] > first + slack:
                yield f'{what}: {first} at first, {counts[what]} now'


def unended_jobs():
    """What the journal on disk has. Where it could not be written it is written some seconds later."""
    journal = STATE / 'jobs.json'
    jobs = json.loads(journal.read_text()) if journal.exists() else []
    return [f'the journal still has {job}' for job in jobs]


def entries(pid, what):
    return len(list(Path(f'/proc/{pid}/{what}').iterdir()))


def resident(pid):
    """KiB."""
    return next(int(line.split()[1]) for line in Path(f'/proc/{pid}/status').read_text().splitlines()
                if line.startswith('VmRSS'))
