// SPDX-License-Identifier: LGPL-2.1-or-later
#include "boot.h"

#include "execute.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace virtbus::test {

namespace {

// Ten seconds without hardware virtualisation; but the machine is busy with other tests.
constexpr std::chrono::seconds boot_patience{300};

}  // namespace

Report parse_report(const std::string& serial) {
    static const std::regex line(
        "VBMID etc=([^ \n]*) dbus=([^ \n]*) journal=([^ \n]*) host=([^ \n]*) from=([^\r\n]*)\r?\n");
    std::smatch found;
    if (!std::regex_search(serial, found, line))
        throw std::runtime_error("the guest has not said which machine-id it has; it wrote: " + serial);
    return {found[1], found[2], found[3], found[4], found[5]};
}

std::string options_of(const std::string& boot_entry) {
    std::vector<std::string> options;
    std::istringstream lines(boot_entry);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key;
        std::string value;
        if (words >> key && key == "options" && std::getline(words >> std::ws, value)) options.push_back(value);
    }
    return fmt::format("{}", fmt::join(options, " "));
}

Report Guest::boot() const {
    const auto debian = debian_directory();
    const auto options = options_of(disk_.read(boot_entry));
    const auto ran = execute({"qemu-system-x86_64",
                              "-accel",
                              "tcg",
                              "-m",
                              "512M",
                              "-nodefaults",
                              "-no-reboot",
                              "-display",
                              "none",
                              "-serial",
                              "stdio",
                              "-uuid",
                              uuid_,
                              "-kernel",
                              debian / "vmlinuz",
                              "-initrd",
                              debian / "initrd.img",
                              "-append",
                              options,
                              "-drive",
                              fmt::format("file={},format=raw,if=virtio,cache=unsafe", disk_.image().string())},
                             boot_patience);
    if (ran.is_too_slow)
        throw std::runtime_error(
            fmt::format("the guest took more than {} s; it wrote: {}", boot_patience.count(), ran.output));
    if (ran.status != 0) throw std::runtime_error(fmt::format("QEMU ended with {}: {}", ran.status, ran.output));
    return parse_report(ran.output);
}

std::filesystem::path debian_directory() {
    const char* directory = std::getenv("VIRTBUS_DEBIAN_DIR");
    if (directory == nullptr)
        throw std::runtime_error("VIRTBUS_DEBIAN_DIR is not set: run this by tests/support/debian/make-debian");
    return directory;
}

}  // namespace virtbus::test
