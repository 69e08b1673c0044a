// SPDX-License-Identifier: LGPL-2.1-or-later
// Changing XML that was read. Pure functions, any thread.
#pragma once

#include <pugixml.hpp>

#include <string>

namespace virtbus {

/// Removes the children called `name` for which the predicate holds.
template <typename Predicate>
void drop_if(pugi::xml_node parent, const char* name, Predicate predicate) {
    for (auto child = parent.child(name); child;) {
        const auto next = child.next_sibling(name);
        if (predicate(child)) parent.remove_child(child);
        child = next;
    }
}

/// Removes all children called `name`.
inline void drop(pugi::xml_node parent, const char* name) {
    drop_if(parent, name, [](const pugi::xml_node&) { return true; });
}

/// Sets an attribute, whether it is there or not.
inline void assign(pugi::xml_node node, const char* attribute_name, const std::string& value) {
    auto present = node.attribute(attribute_name);
    if (!present) present = node.append_attribute(attribute_name);
    present = value.c_str();
}

/// Makes a text all that is in the node.
inline void assign_text(pugi::xml_node node, const std::string& value) {
    node.remove_children();
    if (!value.empty()) node.text() = value.c_str();
}

/// Makes an element with this text the only child of its name.
inline void replace_child(pugi::xml_node parent, const char* name, const std::string& value) {
    drop(parent, name);
    parent.prepend_child(name).text() = value.c_str();
}

}  // namespace virtbus
