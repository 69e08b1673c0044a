// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/xml.h"

#include "base/utf8.h"
#include "model/error.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace virtbus {

namespace {

constexpr std::size_t most_text = std::size_t{4} << 20;  // libvirt's limit of a string in its protocol
constexpr int most_depth = 200;                          // libxml2's is 256

/// Finds what is too deep, without recursion.
class DepthGuard : public pugi::xml_tree_walker {
public:
    bool for_each(pugi::xml_node&) override { return depth() < most_depth; }
};

struct Unit {
    std::string_view name;
    std::uint64_t bytes;
};

constexpr std::array units{
    Unit{"KiB", 1ULL << 10},
    Unit{"k", 1ULL << 10},
    Unit{"b", 1},
    Unit{"bytes", 1},
    Unit{"MiB", 1ULL << 20},
    Unit{"M", 1ULL << 20},
    Unit{"GiB", 1ULL << 30},
    Unit{"G", 1ULL << 30},
    Unit{"TiB", 1ULL << 40},
    Unit{"T", 1ULL << 40},
    Unit{"KB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
};

std::string clean(std::string_view text, std::size_t most) {
    if (text.size() <= most) return to_utf8(text);
    // Not cut in the middle of a character, whose first bytes alone would read as rubbish.
    const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
    std::size_t end = most;
    while (end > 0 && most - end < 3 && continues(end)) --end;
    return to_utf8(text.substr(0, end));
}

struct StringWriter : pugi::xml_writer {
    void write(const void* data, std::size_t size) override { text.append(static_cast<const char*>(data), size); }
    std::string text;
};

}  // namespace

pugi::xml_node parse_xml(pugi::xml_document& document, std::string_view text, const char* root) {
    if (text.size() > most_text)
        throw Error(Code::invalid_xml, fmt::format("{} bytes of XML are too much", text.size()));
    constexpr unsigned options = pugi::parse_full | pugi::parse_ws_pcdata;
    const auto result = document.load_buffer(text.data(), text.size(), options, pugi::encoding_utf8);
    if (!result)
        throw Error(Code::invalid_xml, fmt::format("{} at byte {} of the XML", result.description(), result.offset));
    for (const auto& node : document.children())
        if (node.type() == pugi::node_doctype)
            throw Error(Code::invalid_xml, "A document type (DOCTYPE) is not allowed");
    DepthGuard guard;
    if (!document.traverse(guard)) throw Error(Code::invalid_xml, "The elements are nested too deeply");
    const auto element = document.document_element();
    if (std::string_view(element.name()) != root)
        throw Error(Code::invalid_xml, fmt::format("The root element is <{}>, not <{}>", name_of(element), root));
    return element;
}

std::string text_of(const pugi::xml_node& node, std::size_t most) {
    std::string text;
    for (const auto& child : node.children()) {
        if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) text += child.value();
        if (text.size() > most) break;
    }
    return clean(text, most);
}

std::string attribute(const pugi::xml_node& node, const char* name) {
    return clean(node.attribute(name).value(), most_bytes);
}

std::string name_of(const pugi::xml_node& node) { return clean(node.name(), most_bytes); }

std::optional<std::uint64_t> number_from(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::uint64_t bytes_of(const pugi::xml_node& node) {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t number = number_from(text_of(node)).value_or(0);
    const std::string unit = attribute(node, "unit");
    std::uint64_t scale = 1ULL << 10;
    for (const auto& entry : units)
        if (entry.name == unit) scale = entry.bytes;
    return number > most / scale ? most : number * scale;
}

std::string_view local_name(const pugi::xml_node& node) {
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view namespace_of(const pugi::xml_node& node) {
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    const std::string declaration =
        colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
    for (auto scope = node; scope; scope = scope.parent())
        if (const auto found = scope.attribute(declaration.c_str())) return found.value();
    return {};
}

std::string to_text(const pugi::xml_node& root) {
    StringWriter writer;
    root.print(writer, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
    return std::move(writer.text);
}

}  // namespace virtbus
