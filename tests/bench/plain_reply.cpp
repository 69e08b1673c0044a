// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plain_reply.h"

namespace virtbus::bench {

namespace {

bool is_text(char type) { return type == 's' || type == 'o' || type == 'g'; }

std::vector<Value> read_rest(sd_bus_message* message) {
    std::vector<Value> values;
    char type = 0;
    const char* contents = nullptr;
    while (sd_bus_message_peek_type(message, &type, &contents) > 0) {
        Value value{type, contents != nullptr ? contents : "", {}, 0, {}};
        if (contents != nullptr) {
            check(sd_bus_message_enter_container(message, type, contents), "enter");
            value.elements = read_rest(message);
            check(sd_bus_message_exit_container(message), "exit");
        } else if (is_text(type)) {
            const char* text = nullptr;
            check(sd_bus_message_read_basic(message, type, &text), "read");
            value.text = text;
        } else {
            check(sd_bus_message_read_basic(message, type, &value.number), "read");
        }
        values.push_back(std::move(value));
    }
    return values;
}

std::vector<Value> read(sd_bus_message* message) {
    check(sd_bus_message_rewind(message, 1), "rewind");
    return read_rest(message);
}

void append(sd_bus_message* message, const Value& value) {
    if (!value.contents.empty()) {
        check(sd_bus_message_open_container(message, value.type, value.contents.c_str()), "open");
        for (const auto& element : value.elements) append(message, element);
        check(sd_bus_message_close_container(message), "close");
    } else if (is_text(value.type)) {
        check(sd_bus_message_append_basic(message, value.type, value.text.c_str()), "append");
    } else {
        check(sd_bus_message_append_basic(message, value.type, &value.number), "append");
    }
}

/// Where a value of `type` that comes after `offset` begins.
std::size_t aligned(std::size_t offset, char type) {
    constexpr std::string_view of_one = "ygv";
    constexpr std::string_view of_two = "nq";
    constexpr std::string_view of_eight = "xtdre({";
    const auto is_in = [type](std::string_view types) { return types.find(type) != std::string_view::npos; };
    const std::size_t unit = is_in(of_one) ? 1 : is_in(of_two) ? 2 : is_in(of_eight) ? 8 : 4;
    return (offset + unit - 1) / unit * unit;
}

/// Where the value ends, as D-Bus writes it after `offset`.
std::size_t end_of(const Value& value, std::size_t offset) {
    const auto start = aligned(offset, value.type);
    switch (value.type) {
        case 'a': offset = aligned(start + 4, value.contents.front()); break;  // after its length
        case 'v': offset = start + value.contents.size() + 2; break;
        case 's':
        case 'o': return start + 4 + value.text.size() + 1;
        case 'g': return start + 1 + value.text.size() + 1;
        default: offset = start;
    }
    if (value.contents.empty()) return start == offset ? aligned(start + 1, value.type) : offset;
    for (const auto& element : value.elements) offset = end_of(element, offset);
    return offset;
}

}  // namespace

std::size_t size_of(sd_bus_message* message) {
    std::size_t end = 0;
    for (const auto& value : read(message)) end = end_of(value, end);
    return end;
}

PlainReply::PlainReply(sd_bus_message* message) : body_(read(message)), thread_([this] { serve(); }) {
    while (!ready_) std::this_thread::yield();
}

PlainReply::~PlainReply() {
    stopping_ = true;
    thread_.join();
}

void PlainReply::serve() {
    Bus bus;
    const char* name = nullptr;
    check(sd_bus_get_unique_name(bus.get(), &name), "its name");
    object_ = {name, "/plain"};
    check(sd_bus_add_object(bus.get(), nullptr, "/plain", reply, this), "its object");
    ready_ = true;
    bus.process_until([this] { return stopping_.load(); }, 1e6);
}

int PlainReply::reply(sd_bus_message* call, void* self, sd_bus_error*) {
    if (sd_bus_message_is_method_call(call, "org.virtbus1.Bench", "Get") <= 0) return 0;
    sd_bus_message* raw = nullptr;
    check(sd_bus_message_new_method_return(call, &raw), "a reply");
    const Message message(raw);
    for (const auto& value : static_cast<PlainReply*>(self)->body_) append(raw, value);
    return sd_bus_send(nullptr, raw, nullptr);
}

}  // namespace virtbus::bench
