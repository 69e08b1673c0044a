# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the bus, and how its calls end."""

import time
from collections import namedtuple

from gi.repository import Gio, GLib

BUS_NAME = 'org.virtbus1'
ROOT = '/org/virtbus1'
OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager'

# Longer than any reply may take: one that comes too late is wrong in itself.
PATIENCE_MS = 60_000
JOB_PATIENCE = 120

# Errors of the model and of the bus, without their prefixes. These are no replies but what a client sees without one.
CLOSED = 'Closed'            # the bus is gone
NO_ANSWER = 'NoAnswer'       # nothing came in PATIENCE_MS
LEFT = 'Left'                # the client has not waited

# `error` is '' for success, else the last word of the error's name; `value` what was returned.
Answer = namedtuple('Answer', 'error text value', defaults=('', '', ()))


def short(name):
    return name.rpartition('.')[2]


def answer_of(error):
    name = Gio.DBusError.get_remote_error(error)
    if name:
        return Answer(short(name), error.message)
    late = error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT)
    return Answer(NO_ANSWER if late else CLOSED, error.message)


def options(**values):
    """An a{sv}: str is s, bool b, int t; a pair says its type itself."""
    kinds = {str: 's', bool: 'b', int: 't'}
    return {key.replace('_', '-') if key == 'machine_id' else key:
            GLib.Variant(*value) if isinstance(value, tuple) else GLib.Variant(kinds[type(value)], value)
            for key, value in values.items()}


class Client:
    """One connection, made when it is needed and made anew after the bus was gone. Used by one thread."""

    def __init__(self, address):
        self.address = address
        self.connection = None
        self.owner = None                              # virtbusd's own name: another one has other jobs

    def connected(self):
        if self.connection is None or self.connection.is_closed():
            flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
                     Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
            self.connection = Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)
            self.connection.set_exit_on_close(False)
            self.owner = None
        return self.connection

    def virtbusd(self):
        if not self.owner:
            bus = 'org.freedesktop.DBus'
            self.owner = self.connected().call_sync(bus, '/org/freedesktop/DBus', bus, 'GetNameOwner',
                                                    GLib.Variant('(s)', [BUS_NAME]), None, 0, PATIENCE_MS,
                                                    None).unpack()[0]
        return self.owner

    def failed(self, error):
        answer = answer_of(error)
        if answer.error in ('NoReply', 'ServiceUnknown', 'NameHasNoOwner', CLOSED):
            self.owner = None
        return answer

    def call(self, *what, **more):
        """Once more when it was sent to a virtbusd that is gone: nobody has seen it then."""
        answer = self.call_once(*what, **more)
        return self.call_once(*what, **more) if answer.error in ('ServiceUnknown', 'NameHasNoOwner') else answer

    def call_once(self, path, interface, method, signature='()', *values, descriptors=None):
        if '.' not in interface:
            interface = f'{BUS_NAME}.{interface}'
        parameters = GLib.Variant(signature, values)
        try:
            connection, virtbusd = self.connected(), self.virtbusd()
            reply, _ = connection.call_with_unix_fd_list_sync(
                virtbusd, path, interface, method, parameters, None, Gio.DBusCallFlags.NO_AUTO_START, PATIENCE_MS,
                descriptors, None)
            return Answer(value=reply.unpack())
        except GLib.Error as error:
            return self.failed(error)

    def leave(self, path, interface, method, signature='()', *values):
        """Calls, and is gone before the reply."""
        try:
            connection, virtbusd = self.connected(), self.virtbusd()
            connection.call(virtbusd, path, f'{BUS_NAME}.{interface}', method, GLib.Variant(signature, values),
                            None, Gio.DBusCallFlags.NO_AUTO_START, PATIENCE_MS, None, None, None)
            connection.flush_sync(None)
            connection.close_sync(None)
        except GLib.Error as error:
            self.failed(error)
        return Answer(LEFT)

    def property(self, path, interface, name):
        return self.call_once(path, 'org.freedesktop.DBus.Properties', 'Get', '(ss)', f'{BUS_NAME}.{interface}', name)

    def job(self, path, cancel=False):
        """How the job ends: its error, 'Cancelled', or why nobody can tell."""
        if path == '/':
            return Answer()
        owner = self.owner
        if cancel:
            self.call(path, 'Job', 'Cancel', '(a{sv})', {})
        end = time.monotonic() + JOB_PATIENCE
        while time.monotonic() < end:
            state = self.property(path, 'Job', 'State')
            if state.error:
                return state
            if self.owner != owner:
                return Answer('NoReply', f'the virtbusd of job {path} is gone')
            if state.value[0] == 'cancelled':
                return Answer('Cancelled')
            if state.value[0] == 'failed':
                name, text = self.property(path, 'Job', 'Error').value[0]
                return Answer(short(name), text)
            if state.value[0] == 'done':
                return Answer()
            time.sleep(0.15)
        return Answer(NO_ANSWER, f'job {path} does not end')

    def objects(self):
        """The inventory, {path: {interface: properties}}, the interfaces without their prefix; None without an answer."""
        answer = self.call(ROOT, OBJECT_MANAGER, 'GetManagedObjects')
        if answer.error:
            return None
        return {path: {short(name): properties for name, properties in interfaces.items()}
                for path, interfaces in answer.value[0].items()}
