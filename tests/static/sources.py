# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the static checks read: the project's files, and just enough understanding of C++ to find a function's body."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def project_files():
    """All files that belong to the project: what git tracks or would track."""
    listed = subprocess.run(['git', '-C', str(ROOT), 'ls-files', '--cached', '--others', '--exclude-standard', '-z'],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split('\0') if name]
    else:  # an unpacked release
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob('*')
                 if 'build' not in path.relative_to(ROOT).parts]
    return sorted(ROOT / name for name in set(names) if (ROOT / name).is_file())


def name_of(path):
    return str(path.relative_to(ROOT))


def text_of(path):
    return path.read_text(encoding='utf-8')


def cpp_files(*folders):
    return [path for path in project_files()
            if path.suffix in ('.h', '.cpp') and name_of(path).startswith(tuple(f + '/' for f in folders))]


def includes(path):
    """(name, is it in quotes) of each #include."""
    return [(name, mark == '"') for mark, name in
            re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', text_of(path), re.MULTILINE)]


def without_comments(text):
    """Comments and the contents of string literals become blanks; lines stay where they are."""
    def blank(match):
        found = match.group(0)
        if found.startswith(('"', "'")):
            return found[0] + ' ' * (len(found) - 2) + found[0]
        return re.sub(r'[^\n]', ' ', found)
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])\''
    return re.sub(pattern, blank, text, flags=re.DOTALL)


def balanced(text, start):
    """The text from the bracket at `start` to its partner."""
    pairs = {'(': ')', '{': '}'}
    opening, closing = text[start], pairs[text[start]]
    depth = 0
    for position in range(start, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            depth -= 1
            if depth == 0:
                return text[start:position + 1]
    return text[start:]


def handlers(path):
    """(class, method, body) of each method call's handler: void Class::Method(...Result...&& result...) { body }."""
    text = without_comments(text_of(path))
    for match in re.finditer(r'^void (\w+)::([A-Z]\w*)(?=\()', text, re.MULTILINE):
        arguments = balanced(text, match.end())
        if '&& result' not in arguments:
            continue
        brace = text.index('{', match.end() + len(arguments))
        yield match.group(1), match.group(2), balanced(text, brace)


def shell_scripts():
    """Files that a shell runs, or sources."""
    found = []
    for path in project_files():
        if path.suffix == '.sh':
            found.append(path)
        elif path.suffix == '' and os.access(path, os.R_OK):
            with open(path, 'rb') as file:
                first = file.readline(100)
            if re.match(rb'#!.*\b(ba|da|)sh\b', first):
                found.append(path)
    return found
