// SPDX-License-Identifier: LGPL-2.1-or-later
// Reading XML that others wrote. Documents of libvirt and of callers pass through here, so that whatever they contain,
// reading one costs bounded time, memory and stack. Pure functions, any thread.
#pragma once

#include <pugixml.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace virtbus {

/// Parses `text` and returns its root element, which must be called `root` and lives as long as `document`.
/// Error invalid_xml for what is not XML, too large, too deep, or has a document type (which could hide entities).
pugi::xml_node parse_xml(pugi::xml_document& document, std::string_view text, const char* root);

/// How many devices of one kind, tags and the like are read of one document.
constexpr std::size_t most_items = 1'000;
/// How many bytes of a name or path are read.
constexpr std::size_t most_bytes = 4'096;

/// All text inside `node`, as libvirt would read it: comments between do not count. UTF-8, cut at `most` bytes.
std::string text_of(const pugi::xml_node& node, std::size_t most = most_bytes);
/// An attribute, likewise; "" if it is not there.
std::string attribute(const pugi::xml_node& node, const char* name);
/// An element's name, likewise.
std::string name_of(const pugi::xml_node& node);
/// A whole decimal number, or nothing.
std::optional<std::uint64_t> number_from(std::string_view text);
/// Bytes from an element such as <memory unit='KiB'>; KiB where no unit is given. Never overflows.
std::uint64_t bytes_of(const pugi::xml_node& node);

/// An element's name without its namespace prefix.
std::string_view local_name(const pugi::xml_node& node);
/// The namespace that an element is in, by the nearest xmlns declaration; "" for none.
std::string_view namespace_of(const pugi::xml_node& node);

/// The document as text, without a declaration.
std::string to_text(const pugi::xml_node& root);

}  // namespace virtbus
