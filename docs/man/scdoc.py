# SPDX-License-Identifier: LGPL-2.1-or-later
"""Text of others as scdoc(5) has it."""


def escape(text):
    for char in '\\*_~#<`':
        text = text.replace(char, '\\' + char)
    text = text.replace('++', '+\\+')
    return '\\' + text if text[:1] in ('-', '.', '|', '[', ']') else text


def item(term, text):
    """A term in bold or with markup of its own, and below it what it is."""
    return f'{term}\n\t{text}\n' if text else f'{term}\n'
