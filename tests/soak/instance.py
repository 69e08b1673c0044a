# SPDX-License-Identifier: LGPL-2.1-or-later
"""The processes that the soak starts, and may kill: a bus, libvirtd and virtbusd."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import libvirt

RUNTIME = Path(os.environ['XDG_RUNTIME_DIR'])
ADDRESS = f'unix:path={RUNTIME}/soak-bus'
STATE = Path(os.environ['XDG_STATE_HOME']) / 'virtbus'
DISK = Path(os.environ['VIRTBUS_DISK'])
POOL = DISK / 'pool'
BUILD = Path(os.environ['VIRTBUS_BUILD'])
LOGS = Path(os.environ['VIRTBUS_LOG']).parent / 'logs'

# One libvirtd serves both: QEMU's machines outlive it, the test driver's do not.
SOCKET = RUNTIME / 'libvirt/libvirt-sock'
HYPERVISORS = {'qemu': 'qemu:///session', 'test': f'test+unix:///default?socket={SOCKET}'}

HELPERS = ('virtbus-helper', 'virtbus-guest-h', 'virtbus-contain', 'qemu-img')


def processes(*names):
    """The pids of what lives under these names, which the kernel cuts after 15 characters."""
    found = []
    for entry in Path('/proc').iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / 'comm').read_text().strip() in names and ') Z ' not in (entry / 'stat').read_text():
                found.append(int(entry.name))
        except OSError:
            pass                                       # it has ended meanwhile
    return sorted(found)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Server:
    """A process that is there from start() until it is killed."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.command = command
        self.environment = environment
        self.process = None
        self.starts = 0

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.starts += 1
        self.log = LOGS / f'{self.name}.{self.starts}'
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(self.environment or {})})

    def last_words(self):
        """What a sanitizer said at its end, else the end of what it wrote."""
        text = self.log.read_text(errors='replace')
        report = text.find('ERROR: ')
        return text[-2000:] if report < 0 else text[report:report + 2000]

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """Its code; negative when it had to be killed."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode


def wait_for(condition, what, patience=60):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f'{what}: not in {patience} s')
        time.sleep(0.05)


class Instance:
    def __init__(self):
        LOGS.mkdir()
        POOL.mkdir()
        libvirt.registerErrorHandler(lambda *_: None, None)
        environment = {'DBUS_SESSION_BUS_ADDRESS': ADDRESS, 'LIBVIRT_AUTOSTART': '0',
                       'ASAN_OPTIONS': 'quarantine_size_mb=8'}
        config = LOGS / 'virtbus.json'
        config.write_text('{"keepalive": {"interval": 1, "count": 4}}')
        self.bus = Server('bus', ['dbus-daemon', '--session', '--nofork', f'--address={ADDRESS}'])
        self.libvirtd = Server('libvirtd', ['libvirtd'])
        self.virtbusd = Server('virtbusd', [str(BUILD / 'daemon/virtbusd'), '--user', f'--config={config}'] +
                               [f'--hypervisor={name}={uri}' for name, uri in HYPERVISORS.items()], environment)
        self.environment = environment
        self.connections = {}
        self.lock = threading.Lock()

    def start(self):
        for server in (self.bus, self.libvirtd, self.virtbusd):
            getattr(self, f'start_{server.name}')()

    def start_bus(self):
        (RUNTIME / 'soak-bus').unlink(missing_ok=True)
        self.bus.start()
        wait_for((RUNTIME / 'soak-bus').exists, 'the bus')

    def start_libvirtd(self):
        self.libvirtd.start()
        wait_for(lambda: self.connection('test') is not None, 'libvirtd')

    def start_virtbusd(self):
        self.virtbusd.start()
        owned = ['busctl', f'--address={ADDRESS}', 'status', 'org.virtbus1']
        wait_for(lambda: subprocess.run(owned, capture_output=True, check=False).returncode == 0 or
                 not self.virtbusd.is_running(), 'virtbusd')
        if not self.virtbusd.is_running():
            raise RuntimeError(f'virtbusd has ended: {self.virtbusd.last_words()}')

    def connection(self, name):
        """A connection to libvirt that is not virtbus's. While it is open, the test driver forgets nothing."""
        with self.lock:
            try:
                if name not in self.connections or not self.connections[name].isAlive():
                    self.connections[name] = libvirt.open(HYPERVISORS[name])
                return self.connections[name]
            except libvirt.libvirtError:
                return None

    def kill_libvirtd(self):
        self.libvirtd.kill()
        with self.lock:
            self.connections.clear()

    def guests(self):
        return processes('qemu-system-x86')

    def stop(self):
        """virtbusd's code."""
        code = self.virtbusd.terminate()
        for pid in self.guests():
            send(pid, signal.SIGKILL)
        self.libvirtd.kill()
        self.bus.kill()
        return code
