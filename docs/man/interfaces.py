#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""interfaces.py TEMPLATE XML...: the template of org.virtbus1(5), with what the XML says in place of {{interfaces}}, and of
{{conventions}} what holds for all of them: the comment in front of the first one.

A comment stands before what it describes, and has paragraphs, "@argument: …", "Errors: …", and tables of keys.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

from scdoc import escape

# A row of a table: keys with their types, or a word, and after them what they are.
ROW = re.compile(r'^(.*?\(.*?\S(?=  )|\S+(?=   )) +(\S.*)$')
NARROW_ROW = re.compile(r'^((?:[a-z_]+ \(\S+\)(?:, )?)+)(?: (.*))?$')
UNCHANGED = {'const': 'constant', 'false': 'changes are not announced', 'invalidates': 'changes are announced without the value'}


class Text:
    """Paragraphs and tables, made of a comment's lines by their indentation."""

    def __init__(self, comment, name):
        lines = [line.expandtabs().rstrip() for line in comment.strip('\n').split('\n')]
        lines[0] = ' ' * self.column_of(comment, lines) + lines[0].strip()
        base = min(len(line) - len(line.lstrip()) for line in lines if line)
        self.paragraphs = []   # [text, None], or [key, text]
        self.column = None     # where the text of the key before begins
        self.apart = True
        for line in lines:
            self.take(line[base:])
        first = self.paragraphs[0]
        first[0] = re.sub(r'^' + re.escape(name) + r': ', '', first[0], count=1)
        first[0] = first[0][:1].upper() + first[0][1:]

    @staticmethod
    def column_of(comment, lines):
        """Where the first line's text would begin, had it a line of its own: below it the others do."""
        others = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
        return min(others, default=0)

    def take(self, line):
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if not text:
            self.apart = True
            return
        row = ROW.match(text) or NARROW_ROW.match(text)
        if indent > 0 and row:
            self.paragraphs.append([row[1], row[2] or ''])
            self.column = indent + max(row.start(2), len(row[1]))
        elif self.column is not None and indent >= self.column - 2:
            self.paragraphs[-1][1] += ' ' + text
        elif self.apart or self.column is not None or re.match(r'@\w+: |Errors: |Keys: ', text):
            self.paragraphs.append([text, None])
            self.column = None
        else:
            self.paragraphs[-1][0] += ' ' + text
        self.apart = False

    def scdoc(self, depth):
        tabs = '\t' * depth
        blocks = []
        for first, text in self.paragraphs:
            argument = re.match(r'@(\w+): (.*)', first, re.S)
            if text is not None:
                blocks.append(f'{tabs}\t{escape(first)}\n' + (f'{tabs}\t\t{escape(text)}\n' if text else ''))
            elif argument:
                blocks.append(f'{tabs}_{argument[1]}_: {escape(argument[2])}\n')
            else:
                blocks.append(f'{tabs}{escape(first)}\n')
        return '\n'.join(blocks) + '\n'


def arguments(member, direction):
    return ', '.join(f'{escape(arg.get("type"))} _{arg.get("name")}_' for arg in member.findall('arg')
                     if arg.get('direction', 'out') == direction)


def signature(member):
    name = f'*{member.get("name")}*'
    if member.tag == 'property':
        change = next((note.get('value') for note in member.findall('annotation')
                       if note.get('name') == 'org.freedesktop.DBus.Property.EmitsChangedSignal'), '')
        return ', '.join(filter(None, [f'{name} {escape(member.get("type"))}', UNCHANGED.get(change)]))
    if member.tag == 'signal':
        return f'{name}({arguments(member, "out")})'
    answer = arguments(member, 'out')
    return f'{name}({arguments(member, "in")})' + (f' → {answer}' if answer else '')


def interface_page(path):
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    node = ElementTree.parse(path, parser).getroot()
    comment = ''
    for child in node:
        if child.tag is ElementTree.Comment:
            comment = child.text
            continue
        name = child.get('name')
        yield f'# {name}\n'
        yield Text(comment, name).scdoc(0)
        for tag, title in ('property', 'Properties'), ('method', 'Methods'), ('signal', 'Signals'):
            members = list(documented(child, tag))
            if members:
                yield f'## {title} of {name}\n'
            for member, text in members:
                yield f'{signature(member)}\n{text.scdoc(1)}'


def conventions(path):
    """Those of the file's first comment, which ElementTree passes over."""
    comment = re.search(r'<!--(.*?)-->', open(path, encoding='utf-8').read(), re.S)[1]
    lines = [line for line in comment.strip('\n').split('\n') if 'SPDX-License-Identifier' not in line]
    return Text('\n'.join(lines).strip('\n'), '').scdoc(0)


def documented(interface, tag):
    comment = None
    for member in interface:
        if member.tag is ElementTree.Comment:
            comment = member.text
        elif member.tag == tag:
            yield member, Text(comment, member.get('name'))
            comment = None


def main():
    template = open(sys.argv[1], encoding='utf-8').read()
    interfaces = '\n'.join(part for path in sys.argv[2:] for part in interface_page(path))
    sys.stdout.reconfigure(encoding='utf-8')
    sys.stdout.write(template.replace('{{conventions}}', conventions(sys.argv[2])).replace('{{interfaces}}', interfaces))


main()
