// SPDX-License-Identifier: LGPL-2.1-or-later
// What virtbusd and its helpers say to each other: lines, and the values in them.
#include "fuzz_target.h"

#include "helper/guest_protocol.h"
#include "helper/protocol.h"

#include <string>

namespace virtbus::fuzz {

namespace {

using Json = nlohmann::json;

/// What is read is written, and that read again, without a change.
template <typename Value>
void read_as(const Json& message) {
    try {
        const Json written = message.get<Value>();
        require(Json(written.get<Value>()) == written, "what is written is read back");
    } catch (const Error&) {
    } catch (const Json::exception&) {
        // As the program's callers know it.
    }
}

void read_line(const std::string& line) {
    const auto message = read_message(line);
    auto again = protocol_line(message);
    require(take_line(again) && again.empty(), "a message is one line");
    read_as<ImageFile>(message);
    read_as<NewFile>(message);
    read_as<CheckReport>(message);
    read_as<GuestSystem>(message);
    read_as<IdentityChange>(message);
    read_as<GuestIdentity>(message);
    try {
        const auto error = error_from_json(message);
        require(error_from_json(error_to_json(error)).what() == std::string_view(error.what()),
                "an error's text stays");
    } catch (const Json::exception&) {
    }
}

}  // namespace

void read_anything(std::string_view input) {
    std::string received(input);
    is_taken([&] {
        while (const auto line = take_line(received)) is_taken([&] { read_line(*line); });
    });
}

}  // namespace virtbus::fuzz
