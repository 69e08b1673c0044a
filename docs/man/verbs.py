#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""verbs.py TEMPLATE VIRTBUSCTL: the template of virtbusctl(1), with what the program says of its verbs and options in place
of {{options}} and {{verbs}}."""
import re
import subprocess
import sys

from scdoc import escape, item


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, encoding='utf-8', timeout=60).stdout


def verbs_of(program, path):
    """[name, description] of those that may follow."""
    lines = output_of(program, 'complete', '--', *path, '').splitlines()
    return [line.split('\t', 1) for line in lines]


class Help:
    """A page of --help."""

    def __init__(self, program, path):
        head, _, rest = output_of(program, *path, '--help').partition('\nUsage: ')
        self.description = head.strip()
        self.usage, _, rest = rest.partition('\n')
        self.options = []
        self.footer = []
        in_options = False
        for line in rest.splitlines():
            row = re.match(r'^  (-\S+(?: [^ ]+)*)(?:  +(.*))?$', line)
            if re.match(r'^[A-Z][a-z]+:$', line):
                in_options = line == 'Options:'
            elif in_options and row:
                self.options.append([row[1], row[2] or ''])
            elif in_options and line.startswith('   '):
                self.options[-1][1] = (self.options[-1][1] + ' ' + line.strip()).strip()
            elif line and not line.startswith(' '):
                self.footer.append(line)


def option_item(name, description):
    options, _, value = name.partition(' ')
    term = ', '.join(f'*{escape(each)}*' for each in options.split(','))
    return item(term + (f' _{escape(value)}_' if value else ''), escape(description))


def remember_words(footer, told):
    """What a SIZE is stands in one place, for all verbs; returned is what is of this one."""
    general = [line for line in footer if re.match(r'An? [A-Z]+ is ', line) and not line.startswith(tuple(told))]
    told.extend(general)
    return [line for line in footer if line not in told]


def verb_section(program, path, told):
    page = Help(program, path)
    usage = page.usage.removeprefix('virtbusctl ')
    yield f'*{escape(usage)}*\n\t{escape(page.description[:1].upper() + page.description[1:])}.\n'
    for name, description in page.options:
        if not name.startswith('-h,'):
            yield '\t' + option_item(name, description).replace('\n\t', '\n\t\t')
    remarks = remember_words(page.footer, told)
    if remarks:
        yield f'\t{escape(" ".join(remarks))}\n'


def main():
    template_path, program = sys.argv[1:]
    options = '\n'.join(option_item(*each) for each in Help(program, []).options)
    told = []
    parts = []
    for name, description in verbs_of(program, []):
        family = Help(program, [name])
        nested = verbs_of(program, [name]) if family.usage.endswith(' VERB') else []
        if nested:
            parts.append(f'*{escape(name)}* _VERB_: {escape(description)}.\n')
            parts.extend(escape(line) + '\n' for line in remember_words(family.footer, told))
        for path in [[name, each[0]] for each in nested] or [[name]]:
            parts.extend(verb_section(program, path, told))
    words = '\n'.join(escape(line) + '\n' for line in told)
    template = open(template_path, encoding='utf-8').read()
    sys.stdout.reconfigure(encoding='utf-8')
    sys.stdout.write(template.replace('{{options}}', options).replace('{{verbs}}', '\n'.join(parts))
                     .replace('{{words}}', words))


main()
