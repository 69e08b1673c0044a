# SPDX-License-Identifier: LGPL-2.1-or-later
"""D-Bus interfaces as plain values, read from our documented XML or from what a daemon says of itself."""

import re
import xml.dom.minidom
from dataclasses import dataclass, field

EMITS = 'org.freedesktop.DBus.Property.EmitsChangedSignal'


@dataclass
class Member:
    kind: str                       # method, signal or property
    name: str
    comment: str = ''               # what stands directly before it
    args: list = field(default_factory=list)         # (name, type, direction)
    type: str = ''                  # of a property
    access: str = ''
    emits: str = 'true'

    def signature(self):
        """What must be the same in the file and on the bus."""
        return (self.kind, self.name, tuple(self.args), self.type, self.access, self.emits)


def comment_before(element):
    node = element.previousSibling
    while node is not None and node.nodeType == node.TEXT_NODE and not node.data.strip():
        node = node.previousSibling
    return node.data.strip() if node is not None and node.nodeType == node.COMMENT_NODE else ''


def elements(node, *names):
    return [child for child in node.childNodes if child.nodeType == child.ELEMENT_NODE and child.tagName in names]


def read_member(element):
    member = Member(element.tagName, element.getAttribute('name'), comment_before(element))
    direction = 'out' if member.kind == 'signal' else ''
    member.args = [(arg.getAttribute('name'), arg.getAttribute('type'), arg.getAttribute('direction') or direction)
                   for arg in elements(element, 'arg')]
    if member.kind == 'property':
        member.type = element.getAttribute('type')
        member.access = element.getAttribute('access')
        for annotation in elements(element, 'annotation'):
            if annotation.getAttribute('name') == EMITS:
                member.emits = annotation.getAttribute('value')
    return member


def read_interfaces(document):
    """Interface name → (comment, members), from introspection XML."""
    node = xml.dom.minidom.parseString(document).documentElement
    return {interface.getAttribute('name'): (comment_before(interface),
                                             [read_member(each) for each in
                                              elements(interface, 'method', 'signal', 'property')])
            for interface in elements(node, 'interface')}


def errors_named_in(comment):
    """The last parts of the error names that a comment promises."""
    names = set(re.findall(r'org\.(?:virtbus1|freedesktop\.DBus)\.Error\.(\w+)', comment))
    for section in re.findall(r'Errors:(.*?)(?:Since|$)', comment, re.DOTALL):
        section = re.sub(r'\([^()]*\)', '', section)
        section = re.split(r'\.\s', section + ' ')[0]
        for part in re.split(r'[,;]', section):
            match = re.match(r'\s*(?:org\.[\w.]+\.)?([A-Z]\w+)', part)
            if match:
                names.add(match.group(1))
    return names
