// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/protocol.h"

#include <algorithm>
#include <array>
#include <utility>

namespace virtbus {

namespace {

using Json = nlohmann::json;

/// Those that the helper uses.
constexpr std::array codes{
    std::pair{Code::invalid_args, std::string_view("invalid_args")},
    std::pair{Code::already_exists, std::string_view("already_exists")},
    std::pair{Code::unsafe_image, std::string_view("unsafe_image")},
    std::pair{Code::unsupported_guest, std::string_view("unsupported_guest")},
    std::pair{Code::stale_generation, std::string_view("stale_generation")},
    std::pair{Code::no_space, std::string_view("no_space")},
    std::pair{Code::in_use, std::string_view("in_use")},
    std::pair{Code::not_supported, std::string_view("not_supported")},
    std::pair{Code::no_such_image, std::string_view("no_such_image")},
    std::pair{Code::failed, std::string_view("failed")},
    std::pair{Code::cancelled, std::string_view("cancelled")},
    std::pair{Code::invalid_state, std::string_view("invalid_state")},
    std::pair{Code::timeout, std::string_view("timeout")},
};

Preallocation preallocation_from(const std::string& name) {
    for (const auto preallocation : {Preallocation::off, Preallocation::metadata, Preallocation::full})
        if (name == to_string(preallocation)) return preallocation;
    throw Error(Code::invalid_args, "preallocation must be off, metadata or full, not \"" + name + "\"");
}

}  // namespace

void to_json(Json& value, const ImageFile& file) { value = {{"path", file.path}, {"format", file.format}}; }

void from_json(const Json& value, ImageFile& file) {
    value.at("path").get_to(file.path);
    value.at("format").get_to(file.format);
}

void to_json(Json& value, const NewFile& file) {
    value = {{"directory", file.directory},
             {"temporary", file.temporary},
             {"name", file.name},
             {"format", file.format},
             {"preallocation", to_string(file.preallocation)},
             {"replace", file.replace}};
}

void from_json(const Json& value, NewFile& file) {
    value.at("directory").get_to(file.directory);
    value.at("temporary").get_to(file.temporary);
    value.at("name").get_to(file.name);
    value.at("format").get_to(file.format);
    file.preallocation = preallocation_from(value.at("preallocation").get<std::string>());
    value.at("replace").get_to(file.replace);
}

void to_json(Json& value, const CheckReport& report) {
    value = {{"corruptions", report.corruptions}, {"leaks", report.leaks}, {"check-errors", report.errors}};
}

// qemu-img's words, and it leaves out what is 0.
void from_json(const Json& value, CheckReport& report) {
    report.corruptions = value.value("corruptions", std::uint64_t{0});
    report.leaks = value.value("leaks", std::uint64_t{0});
    report.errors = value.value("check-errors", std::uint64_t{0});
}

Json error_to_json(const Error& error) {
    const auto* found =
        std::find_if(codes.begin(), codes.end(), [&](const auto& row) { return row.first == error.code(); });
    return {{"code", found == codes.end() ? "failed" : found->second}, {"message", error.what()}};
}

Error error_from_json(const Json& value) {
    const auto name = value.at("code").get<std::string>();
    const auto* found = std::find_if(codes.begin(), codes.end(), [&](const auto& row) { return row.second == name; });
    return {found == codes.end() ? Code::failed : found->first, value.at("message").get<std::string>()};
}

std::string protocol_line(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Json read_message(std::string_view line) {
    const auto is_whole = [](int, Json::parse_event_t, const Json& value) {
        if (value.is_number_float())
            throw Error(Code::failed, "A message is not as it should be: a number is not whole");
        return true;
    };
    try {
        return Json::parse(line, is_whole);
    } catch (const Json::exception& error) {
        throw Error(Code::failed, std::string("A message is not as it should be: ") + error.what());
    }
}

std::optional<std::string> take_line(std::string& received) {
    const auto end = received.find('\n');
    if (end == std::string::npos) {
        if (received.size() > protocol_line_max)
            throw Error(Code::failed, "A line of the helper's protocol is too long");
        return std::nullopt;
    }
    auto line = received.substr(0, end);
    received.erase(0, end + 1);
    return line;
}

}  // namespace virtbus
