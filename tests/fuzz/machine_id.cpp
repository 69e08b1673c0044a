// SPDX-License-Identifier: LGPL-2.1-or-later
// The content of /etc/machine-id, and kernels' command lines: a guest writes both.
#include "fuzz_target.h"

#include "model/kernel_command_line.h"
#include "model/machine_id.h"

#include <string>

namespace virtbus::fuzz {

namespace {

void check_content(const IdContent& content) {
    if (content.state == IdState::valid)
        require(content.systemd && content.systemd == content.dbus && content.systemd == content.glib,
                "what is valid all three parsers read alike");
    if (content.state == IdState::invalid) require(!content.systemd, "what is invalid systemd takes not");
    require(content.dbus.has_value() == content.dbus_error.empty() || content.state == IdState::null,
            "libdbus has an id, or says why not");
    if (content.systemd) {
        require(classify(content.systemd->text() + "\n").state == IdState::valid, "what virtbus writes is valid");
        require(MachineId::parse(content.systemd->text()) == content.systemd, "what is written is read back");
        require(fingerprint(*content.systemd) != content.systemd->text(), "a fingerprint is not the id");
    }
}

void check_command_line(const std::string& words) {
    const auto cleaned = without_machine_id(words);
    require(cleaned.size() <= words.size(), "what is taken away leaves less");
    require(!kernel_machine_id(cleaned).is_set(), "what is cleaned sets no machine-id");
    if (!kernel_machine_id(words).is_set()) return;
    require(cleaned != words, "what sets one is cleaned");
}

}  // namespace

void read_anything(std::string_view input) {
    check_content(classify(input));
    check_command_line(std::string(input));
}

}  // namespace virtbus::fuzz
