// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/audit.h"

#include "base/log.h"
#include "base/utf8.h"
#include "bus/error.h"
#include "bus/paths.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace virtbus::bus {

namespace {

/// Whether a call that was allowed is worth an entry: not one that only looks.
bool changes_something(Action action) {
    switch (action) {
        case Action::read:
        case Action::machine_inspect:
        case Action::network_inspect:
        case Action::hypervisor_inspect: return false;
        case Action::machine_control:
        case Action::machine_edit:
        case Action::machine_create:
        case Action::machine_clone:
        case Action::machine_define:
        case Action::machine_delete:
        case Action::machine_console:
        case Action::container_run:
        case Action::machine_id_read:
        case Action::machine_id_probe:
        case Action::machine_id_change:
        case Action::host_machine_id_ensure:
        case Action::host_machine_id_regenerate:
        case Action::pool_manage:
        case Action::image_inspect:
        case Action::image_create:
        case Action::image_attach:
        case Action::image_edit:
        case Action::image_export:
        case Action::image_delete:
        case Action::network_manage:
        case Action::hypervisor_manage:
        case Action::job_cancel: return true;
    }
    return true;
}

bool is_refusal(Code code) {
    return code == Code::access_denied || code == Code::interaction_required || code == Code::limits_exceeded;
}

/// One line, and not a long one: names are whatever their givers like.
std::string one_line(std::string_view text) {
    constexpr std::size_t most = 500;
    auto line = to_utf8(text.substr(0, most));
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
    return line;
}

std::string field_name(std::string_view key) {
    std::string name = "VIRTBUS_";
    for (const char c : key) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

}  // namespace

std::optional<unsigned> Audit::tell_refusal(uid_t uid) {
    constexpr std::chrono::minutes window{1};
    constexpr unsigned most = 100;
    auto& refusals = refusals_[uid];
    if (const auto now = std::chrono::steady_clock::now(); refusals.told == 0 || now - refusals.since > window) {
        refusals.since = now;
        refusals.told = 0;
    }
    if (refusals.told == most) {
        ++refusals.untold;
        return std::nullopt;
    }
    ++refusals.told;
    return std::exchange(refusals.untold, 0);
}

AuditEntry::~AuditEntry() {
    if (!written_) write(Outcome::failed, "Disconnected", "virtbusd has ended before it did");
}

void AuditEntry::done() { write(Outcome::done, "done", "done"); }

void AuditEntry::failed(const std::exception_ptr& failure) {
    auto code = Code::internal;
    std::string text = "a defect of virtbus";
    try {
        std::rethrow_exception(failure);
    } catch (const Error& error) {
        code = error.code();
        text = error.what();
    } catch (const std::exception& error) {
        text = error.what();
    } catch (...) {
    }
    const auto name = error_name(code);
    const bool refused = is_refusal(code);
    write(refused ? Outcome::refused : Outcome::failed, std::string(name.substr(name.rfind('.') + 1)),
          fmt::format("{}: {}", refused ? "refused" : "failed", text));
}

void AuditEntry::write(Outcome outcome, const std::string& result, const std::string& text) {
    // As virtbus.catalog explains them.
    constexpr const char* message_ids[] = {"6c66e1030f054764b60cadb58fd3c591", "4a448500fd324f91812572ee22fa9946",
                                           "750889d887f94d8faacd49c96257a76f"};

    if (std::exchange(written_, true)) return;
    if (outcome != Outcome::refused && !changes_something(action_)) return;
    unsigned untold = 0;
    if (outcome == Outcome::refused) {
        const auto told = audit_.tell_refusal(call_.uid);
        if (!told) return;
        untold = *told;
    }
    const auto object = describe(call_.details);
    const bool is_known = call_.uid != unknown_uid;  // who leaves at once stays unknown
    const auto uid = is_known ? std::to_string(call_.uid) : "unknown";
    log::Fields fields{{"MESSAGE_ID", message_ids[static_cast<int>(outcome)]},
                       {"VIRTBUS_SENDER", call_.sender},
                       {"VIRTBUS_VERB", one_line(call_.verb)},
                       {"VIRTBUS_ACTION", std::string(to_string(action_))},
                       {"VIRTBUS_RESULT", result}};
    if (is_known) fields.push_back({"VIRTBUS_UID", uid});
    if (untold != 0) fields.push_back({"VIRTBUS_UNTOLD", std::to_string(untold)});
    for (const auto& [key, value] : call_.details) fields.push_back({field_name(key), one_line(value)});
    if (const auto job = job_number(object_); job != 0)
        fields.push_back({"VIRTBUS_JOB", std::to_string(job)});
    else
        fields.push_back({"VIRTBUS_OBJECT", object_});
    log::write(log::Level::notice,
               one_line(fmt::format("uid {}: {}{}{}: {}", uid, call_.verb, object.empty() ? "" : " of ", object, text)),
               fields);
}

}  // namespace virtbus::bus
