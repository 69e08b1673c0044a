// SPDX-License-Identifier: LGPL-2.1-or-later
#include "values.h"

#include <fmt/format.h>
#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "text.h"
#include "units.h"

namespace virtbusctl {

namespace {

using Reader = Json (*)(const sdbus::Variant&);

template <typename Value>
Json plain(const sdbus::Variant& value) {
    return value.get<Value>();
}

/// ObjectPath and Signature are std::string with another name.
template <typename Text>
Json text(const sdbus::Variant& value) {
    return std::string(value.get<Text>());
}

template <typename Element>
Json list(const sdbus::Variant& value) {
    Json result = Json::array();
    for (const auto& element : value.get<std::vector<Element>>()) {
        if constexpr (std::is_same_v<Element, Dictionary>)
            result.push_back(to_json(element));
        else
            result.push_back(element);
    }
    return result;
}

Json paths(const sdbus::Variant& value) {
    Json result = Json::array();
    for (const auto& path : value.get<std::vector<sdbus::ObjectPath>>()) result.push_back(std::string(path));
    return result;
}

Json dictionary(const sdbus::Variant& value) { return to_json(value.get<Dictionary>()); }

Json nested(const sdbus::Variant& value) { return to_json(value.get<sdbus::Variant>()); }

Json two_texts(const sdbus::Variant& value) {
    const auto pair = value.get<sdbus::Struct<std::string, std::string>>();
    return Json::array({pair.get<0>(), pair.get<1>()});
}

Json text_pairs(const sdbus::Variant& value) {
    Json result = Json::array();
    for (const auto& pair : value.get<std::vector<sdbus::Struct<std::string, std::string>>>())
        result.push_back(Json::array({pair.get<0>(), pair.get<1>()}));
    return result;
}

/// What is found, and the objects that it was found of.
Json named_paths(const sdbus::Variant& value) {
    using Group = sdbus::Struct<std::string, std::vector<sdbus::ObjectPath>>;
    Json result = Json::array();
    for (const auto& group : value.get<std::vector<Group>>()) {
        Json objects = Json::array();
        for (const auto& path : group.get<1>()) objects.push_back(std::string(path));
        result.push_back(Json::array({group.get<0>(), std::move(objects)}));
    }
    return result;
}

/// The types that the API uses. sdbus-c++ lets nobody look into a variant without naming its type.
const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> table = {
        {"y", plain<std::uint8_t>},
        {"b", plain<bool>},
        {"n", plain<std::int16_t>},
        {"q", plain<std::uint16_t>},
        {"i", plain<std::int32_t>},
        {"u", plain<std::uint32_t>},
        {"x", plain<std::int64_t>},
        {"t", plain<std::uint64_t>},
        {"d", plain<double>},
        {"s", plain<std::string>},
        {"o", text<sdbus::ObjectPath>},
        {"g", text<sdbus::Signature>},
        {"v", nested},
        {"as", list<std::string>},
        {"ao", paths},
        {"au", list<std::uint32_t>},
        {"at", list<std::uint64_t>},
        {"a{sv}", dictionary},
        {"aa{sv}", list<Dictionary>},
        {"(ss)", two_texts},
        {"a(ss)", text_pairs},
        {"a(sao)", named_paths},
    };
    return table;
}

bool is_size(const std::string& name) {
    constexpr std::array sizes = {"Memory",      "MaximumMemory", "Processed", "Total",
                                  "VirtualSize", "Allocation",    "Capacity",  "Available"};
    return std::find(sizes.begin(), sizes.end(), name) != sizes.end();
}

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && std::string_view(text).substr(text.size() - end.size()) == end;
}

std::string number_text(const std::string& name, const Json& value) {
    if (!value.is_number_unsigned()) return value.dump();
    const auto number = value.get<std::uint64_t>();
    if (is_size(name)) return size_text(number);
    if (name == "RemainingUSec") return duration_text(std::chrono::microseconds(number));
    if (ends_with(name, "USec")) return number == 0 ? "unknown" : time_text(number);
    return value.dump();
}

std::string list_text(const std::string& name, const Json& value) {
    std::string result;
    for (const auto& element : value) result += (result.empty() ? "" : ", ") + value_text(name, element);
    return result;
}

std::string dictionary_text(const Json& value) {
    std::string result;
    for (const auto& [key, element] : value.items())
        result += fmt::format("{}{}={}", result.empty() ? "" : " ", printable(key), value_text(key, element));
    return result;
}

}  // namespace

Json to_json(const sdbus::Variant& value) {
    const auto type = value.peekValueType();
    const auto reader = readers().find(type);
    return reader == readers().end() ? Json(fmt::format("<{}>", type)) : reader->second(value);
}

Json to_json(const Dictionary& values) {
    Json result = Json::object();
    for (const auto& [key, value] : values) result[key] = to_json(value);
    return result;
}

std::string value_text(const std::string& name, const Json& value) {
    if (value.is_string()) return printable(value.get<std::string>());
    if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
    if (value.is_number()) return number_text(name, value);
    if (value.is_array()) return list_text(name, value);
    if (value.is_object()) return dictionary_text(value);
    return "";
}

std::string text_at(const Json& object, const char* key) {
    const auto member = object.find(key);
    return member != object.end() && member->is_string() ? member->get<std::string>() : "";
}

std::string shown(const Json& object, const char* key) { return printable(text_at(object, key)); }

std::uint64_t number_at(const Json& object, const char* key) {
    const auto member = object.find(key);
    return member != object.end() && member->is_number_unsigned() ? member->get<std::uint64_t>() : 0;
}

bool flag_at(const Json& object, const char* key) {
    const auto member = object.find(key);
    return member != object.end() && member->is_boolean() && member->get<bool>();
}

Json array_at(const Json& object, const char* key) {
    const auto member = object.find(key);
    return member != object.end() && member->is_array() ? *member : Json::array();
}

}  // namespace virtbusctl
