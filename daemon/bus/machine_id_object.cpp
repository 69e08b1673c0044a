// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/machine_id_object.h"

#include "base/utf8.h"
#include "bus/changes.h"
#include "bus/machine_id_options.h"
#include "bus/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace virtbus::bus {

namespace {

IdentityPlan take_identity_plan(Options& options) {
    IdentityPlan plan;
    options.take_into("boot-entries", plan.boot_entries);
    plan.expected = options.take<std::string>("expected");
    return plan;
}

}  // namespace

MachineIdObject::MachineIdObject(Services services, const Identities& identities, std::unique_ptr<IdSubject> subject)
    : Published(services, object_path(subject->ref())),
      identities_(identities),
      subject_(std::move(subject)),
      shown_(identities_.find(subject_->ref())),
      shown_duplicates_(identities_.duplicates(subject_->ref())) {}

void MachineIdObject::show() {
    auto after = identities_.find(subject_->ref());
    auto duplicates_after = identities_.duplicates(subject_->ref());
    Changes changes;
    changes.compare("State", shown_.state, after.state);
    changes.compare("DbusState", shown_.dbus_state, after.dbus_state);
    changes.compare("Consistent", shown_.consistent, after.consistent);
    changes.compare("Fingerprint", shown_.id, after.id);
    changes.compare("Source", shown_.source, after.source);
    changes.compare("ObservedUSec", shown_.observed, after.observed);
    changes.compare("Stale", shown_.stale, after.stale);
    changes.compare("Guarantee", guarantee(shown_), guarantee(after));
    changes.compare("Overrides", shown_.overrides, after.overrides);
    changes.compare("Duplicates", shown_duplicates_, duplicates_after);
    shown_ = std::move(after);
    shown_duplicates_ = std::move(duplicates_after);
    announce_changes(changes.names());
}

std::vector<sdbus::ObjectPath> MachineIdObject::Duplicates() {
    std::vector<sdbus::ObjectPath> paths;
    std::transform(shown_duplicates_.begin(), shown_duplicates_.end(), std::back_inserter(paths), object_path);
    return paths;
}

void MachineIdObject::GetId(sdbus::Result<std::string>&& result) {
    const auto action = subject_->is_confidential() ? Action::machine_id_read : Action::read;
    serve(getObject(), std::move(result), action, [this](Call&) -> Task<std::string> {
        if (shown_.id) co_return shown_.id->text();
        if (shown_.state == IdState::unknown)
            throw Error(Code::invalid_state, subject_->name() + ": its machine-id is not known: Refresh reads it");
        throw Error(Code::invalid_state,
                    fmt::format("{} has no machine-id: its /etc/machine-id is {}: {}", subject_->name(),
                                to_string(shown_.state), subject_->way_to_an_id()));
    });
}

void MachineIdObject::serve_job(JobResult&& result, Action action, VariantMap options, Begin begin) {
    serve(getObject(), std::move(result), action,
          [given = Options(std::move(options)), begin = std::move(begin)](
              Call& call) mutable -> Task<sdbus::ObjectPath> { co_return job_path(begin(given, call.uid)); });
}

void MachineIdObject::Refresh(JobResult&& result, VariantMap options) {
    serve_job(std::move(result), Action::machine_id_probe, std::move(options),
              [this](Options& given, std::uint32_t owner) {
                  given.refuse_unknown();
                  return subject_->refresh(owner);
              });
}

void MachineIdObject::Assign(JobResult&& result, std::string id, VariantMap options) {
    serve_job(std::move(result), Action::machine_id_change, std::move(options),
              [this, id = std::move(id)](Options& given, std::uint32_t owner) {
                  const auto wanted = read_machine_id("id", id);
                  auto plan = take_identity_plan(given);
                  given.take_into("duplicate", plan.duplicate);
                  given.refuse_unknown();
                  return subject_->assign(owner, wanted, plan);
              });
}

void MachineIdObject::Regenerate(JobResult&& result, VariantMap options) {
    serve_job(std::move(result), Action::machine_id_change, std::move(options),
              [this](Options& given, std::uint32_t owner) {
                  const auto plan = take_identity_plan(given);
                  given.refuse_unknown();
                  return subject_->regenerate(owner, plan);
              });
}

void MachineIdObject::Seal(JobResult&& result, VariantMap options) {
    serve_job(std::move(result), Action::machine_id_change, std::move(options),
              [this](Options& given, std::uint32_t owner) {
                  const bool uninitialized = given.take<bool>("uninitialized").value_or(false);
                  const bool boot_entries = given.take<bool>("boot-entries").value_or(true);
                  given.refuse_unknown();
                  return subject_->seal(owner, uninitialized, boot_entries);
              });
}

void MachineIdObject::Check(sdbus::Result<std::string, std::string>&& result, std::string id) {
    // It tells whether another has that id.
    serve(getObject(), std::move(result), Action::machine_id_probe,
          [this, id = std::move(id)](Call&) -> Task<std::tuple<std::string, std::string>> {
              try {
                  subject_->check(read_machine_id("id", id));
              } catch (const Error& error) {
                  const std::string name(error_name(error.code()));
                  co_return std::tuple{name.substr(name.rfind('.') + 1), to_utf8(error.what())};
              }
              co_return std::tuple{std::string("good"), std::string()};
          });
}

}  // namespace virtbus::bus
