// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/job_object.h"

#include "base/utf8.h"
#include "bus/changes.h"
#include "bus/paths.h"

#include <fmt/format.h>

namespace virtbus::bus {

namespace {

struct ToVariant {
    sdbus::Variant operator()(const std::vector<ObjectGroup>& groups) const {
        std::vector<sdbus::Struct<std::string, std::vector<sdbus::ObjectPath>>> rows;
        for (const auto& group : groups) {
            std::vector<sdbus::ObjectPath> paths;
            for (const auto& object : group.objects) paths.push_back(object_path(object));
            rows.emplace_back(to_utf8(group.name), std::move(paths));
        }
        return sdbus::Variant(rows);
    }
    sdbus::Variant operator()(const ObjectRef& object) const { return sdbus::Variant(object_path(object)); }
    template <typename Value>
    sdbus::Variant operator()(const Value& value) const {
        return sdbus::Variant(value);
    }
};

}  // namespace

JobObject::JobObject(Services services, Jobs& jobs, JobStatus status)
    : Published(services, job_path(status.number)), jobs_(jobs), status_(std::move(status)) {}

void JobObject::show(const JobStatus& after) {
    Changes changes;
    changes.compare("State", status_.state, after.state);
    changes.compare("Progress", status_.progress, after.progress);
    changes.compare("Processed", status_.processed, after.processed);
    changes.compare("Total", status_.total, after.total);
    changes.compare("RemainingUSec", status_.remaining, after.remaining);
    changes.compare("Cancellable", status_.cancellable, after.cancellable);
    changes.compare("Error", status_.error.has_value(), after.error.has_value());
    changes.compare("Result", status_.result, after.result);
    status_ = after;
    announce_changes(changes.names());
}

virtbus::Error JobObject::gone() const {
    return {Code::invalid_state, fmt::format("job {} has ended", status_.number)};
}

Details JobObject::details() const {
    auto details = about(status_.subject);
    details["job"] = std::to_string(status_.number);
    if (status_.owner != no_job_owner) details["owner"] = std::to_string(status_.owner);
    return details;
}

void JobObject::Cancel(sdbus::Result<>&& result, VariantMap options) {
    serve(getObject(), std::move(result), Action::job_cancel,
          [this, given = Options(std::move(options))](Call&) -> Task<> {
              given.refuse_unknown();
              jobs_.cancel(status_.number);
              co_return;
          });
}

sdbus::ObjectPath JobObject::Subject() { return object_path(status_.subject); }

sdbus::Struct<std::string, std::string> JobObject::Error() {
    if (!status_.error) return {std::string(), std::string()};
    return {std::string(error_name(status_.error->code())), to_utf8(status_.error->what())};
}

VariantMap JobObject::Result() {
    VariantMap map;
    for (const auto& [key, value] : status_.result) map.emplace(key, std::visit(ToVariant{}, value));
    return map;
}

}  // namespace virtbus::bus
