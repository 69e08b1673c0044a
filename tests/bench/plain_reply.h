// SPDX-License-Identifier: LGPL-2.1-or-later
// The least that a service on sd-bus can do: it replies with what it has in memory, and nothing else. What virtbus
// replies is compared with it, content for content.
#pragma once

#include "bus.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace virtbus::bench {

/// A value of any type of D-Bus.
struct Value {
    char type;                    ///< as sd_bus_message_peek_type() has it
    std::string contents;         ///< of a container: its signature
    std::string text;             ///< of a string
    std::uint64_t number = 0;     ///< of any other basic type
    std::vector<Value> elements;  ///< of a container
};

/// How many bytes the body of `message` has.
std::size_t size_of(sd_bus_message* message);

class PlainReply {
public:
    /// Serves the body of `message` as the reply to any call of its name.
    explicit PlainReply(sd_bus_message* message);
    PlainReply(const PlainReply&) = delete;
    PlainReply& operator=(const PlainReply&) = delete;
    ~PlainReply();

    [[nodiscard]] const Object& object() const { return object_; }

private:
    void serve();
    static int reply(sd_bus_message* call, void* self, sd_bus_error* error);

    std::vector<Value> body_;
    Object object_;
    std::atomic<bool> ready_ = false;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace virtbus::bench
