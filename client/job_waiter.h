// SPDX-License-Identifier: LGPL-2.1-or-later
// Waits for jobs, several at once, and shows how far they are. Make it before the call that returns the job: it
// listens from then on, so a job that ends at once is not missed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bus.h"
#include "progress.h"
#include "rate_meter.h"
#include "signals.h"

namespace virtbusctl {

class JobWaiter {
public:
    /// Whether it shows on standard error how far they are.
    enum class Progress { shown, hidden };
    explicit JobWaiter(Bus& bus, Progress progress = Progress::shown);
    JobWaiter(const JobWaiter&) = delete;
    JobWaiter& operator=(const JobWaiter&) = delete;

    /// What to do with the properties of a job that is done; whether that is what was wanted.
    using Done = std::function<bool(const Json& job)>;

    /// `subject`: what it works on, printable.
    void add(const std::string& path, const std::string& subject, Done done = {});

    /// Until all have ended. Ctrl-C asks them to stop; a second one leaves them alone. Reports each that failed;
    /// whether none did.
    bool wait();
    /// Whether the wait was left with jobs under way, which go on.
    [[nodiscard]] bool abandoned() const { return abandoned_; }

private:
    struct Entry {
        std::string path;
        std::string subject;
        Json job;
        Done done;
        RateMeter meter{};
        bool finished = false;
    };

    void on_change(sdbus::Message& message);
    void finish_ended();
    bool finish(Entry& entry);
    void interrupt();
    void show();
    [[nodiscard]] std::size_t left() const;

    Bus& bus_;
    Progress progress_;
    Bus::Subscription changes_;
    Bus::Subscription presence_;
    std::vector<Entry> entries_;
    ProgressLine line_;
    bool daemon_gone_ = false;
    bool interrupted_ = false;
    bool abandoned_ = false;
    bool success_ = true;
};

}  // namespace virtbusctl
