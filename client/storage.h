// SPDX-License-Identifier: LGPL-2.1-or-later
// The pools and images that the arguments of a verb name. Listed once, at the first use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bus.h"

namespace virtbusctl {

class Program;

/// What the help says below each verb that takes one.
inline constexpr const char* image_help = "An IMAGE is a name, POOL/NAME or an object path; a POOL a name or a path.";
inline constexpr const char* pool_help = "A POOL is a name or an object path.";

class Storage {
public:
    explicit Storage(Program& program) : program_(program) {}

    /// On `hypervisor`; "": wherever --hypervisor allows. Throws Failure.
    [[nodiscard]] const Bus::ImageRow& image(const std::string& text, const std::string& hypervisor = "");
    [[nodiscard]] const Bus::PoolRow& pool(const std::string& text, const std::string& hypervisor = "");

    /// Where a new image goes.
    struct Place {
        std::string pool;  // its path
        std::string hypervisor;
    };
    /// The pool of that name; "": the default one of the only hypervisor. Throws Failure.
    [[nodiscard]] Place place(const std::string& pool);

private:
    [[nodiscard]] Dictionary filter() const;
    /// The default pool is made when it is first asked for.
    [[nodiscard]] bool is_yet_to_be_made(const std::string& pool);

    Program& program_;
    std::optional<std::vector<Bus::ImageRow>> images_;
    std::optional<std::vector<Bus::PoolRow>> pools_;
};

}  // namespace virtbusctl
