// SPDX-License-Identifier: LGPL-2.1-or-later
// org.virtbus1.Job: shows one job. Main thread only.
#pragma once

#include "bus/options.h"
#include "bus/published.h"
#include "model/jobs.h"

#include <org.virtbus1.Job_adaptor.h>
#include <org.virtbus1.Job_properties.h>

namespace virtbus::bus {

class JobObject final : public Published<JobObject, org::virtbus1::Job_adaptor, org::virtbus1::Job_properties> {
public:
    JobObject(Services services, Jobs& jobs, JobStatus status);

    /// Shows `after`, and announces which properties differ.
    void show(const JobStatus& after);
    [[nodiscard]] virtbus::Error gone() const;

private:
    friend org::virtbus1::Job_properties;

    [[nodiscard]] Details details() const override;
    void Cancel(sdbus::Result<>&& result, VariantMap options) override;

    std::string Kind() override { return std::string(to_string(status_.kind)); }
    sdbus::ObjectPath Subject() override;
    std::uint32_t Owner() override { return status_.owner; }
    std::uint64_t StartedUSec() override { return status_.started; }
    std::string State() override { return std::string(to_string(status_.state)); }
    double Progress() override { return status_.progress; }
    std::uint64_t Processed() override { return status_.processed; }
    std::uint64_t Total() override { return status_.total; }
    std::uint64_t RemainingUSec() override { return status_.remaining; }
    bool Cancellable() override { return status_.cancellable; }
    sdbus::Struct<std::string, std::string> Error() override;
    VariantMap Result() override;

    Jobs& jobs_;
    JobStatus status_;
};

}  // namespace virtbus::bus
