#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns an interface's XML into a header with a struct that gives each property of an object to a visitor.

Usage: visit_properties.py XML HEADER

So that what is shown of an object is listed once, in the XML. The class of the object makes the struct its friend.
"""
import re
import sys
from xml.etree import ElementTree

TEMPLATE = """\
// Generated from {source}: do not edit.
#pragma once

namespace {namespace} {{

struct {noun}_properties {{
    /// Calls visit(name, value) for each property.
    template <typename Object, typename Visit>
    static void each(Object& object, Visit&& visit) {{
{visits}
    }}
}};

}}  // namespace {namespace}
"""


def main():
    source, header = sys.argv[1:]
    interface = ElementTree.parse(source).find("interface")
    *namespace, noun = interface.get("name").split(".")
    getters = {each.get("name"): getter(each) for each in interface.findall("property")}
    with open(header, "w", encoding="utf-8") as output:
        output.write(TEMPLATE.format(
            source=interface.get("name") + ".xml", namespace="::".join(namespace), noun=noun,
            visits="\n".join(f'        visit("{name}", object.{getter}());' for name, getter in getters.items())))


def getter(each):
    """Of dictionaries what they are made of, from a getter in our spelling."""
    name = each.get("name")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() if each.get("type") == "aa{sv}" else name


main()
