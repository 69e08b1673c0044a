// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/job_journal.h"

#include "base/clock.h"
#include "base/log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace virtbus {

using Json = nlohmann::json;

namespace {

constexpr std::chrono::minutes directory_patience{5};  // the directory may be on a slow network

/// When what could not be removed is tried again; twice as long each time.
constexpr std::chrono::seconds soonest_attempt{1};
constexpr std::chrono::seconds latest_attempt{600};

constexpr const char* removed_outcome = "what it had half made is removed";

Json to_json(const JobJournal::Entry& entry) {
    Json value{{"job", entry.job}, {"directory", entry.directory}, {"temporary", entry.temporary}};
    if (entry.machine) {
        value["hypervisor"] = entry.machine->hypervisor;
        value["machine"] = entry.machine->uuid.text();
        value["name"] = entry.name;
        if (entry.published > 0) value["published"] = entry.published;
    }
    return value;
}

JobJournal::Entry entry_from_json(const Json& value) {
    JobJournal::Entry entry{value.at("job").get<std::string>(), value.at("directory").get<std::string>(),
                            value.at("temporary").get<std::string>()};
    if (value.contains("machine"))
        if (const auto uuid = Uuid::parse(value.at("machine").get<std::string>())) {
            entry.machine = MachineRef{value.at("hypervisor").get<std::string>(), *uuid};
            entry.name = value.at("name").get<std::string>();
            entry.published = value.value("published", std::uint64_t{0});
        }
    return entry;
}

/// Whether the machine is there that has this file. When it is not, what the file has become is removed.
Task<bool> is_to_be_finished(JobJournal::Entry entry, const JobJournal::Recovery& recovery) {
    auto machine = *entry.machine;
    const bool is_there = co_await recovery.is_there(std::move(machine));
    if (!is_there && entry.published > 0) co_await recovery.remove_published(std::move(entry));
    co_return is_there;
}

}  // namespace

JobJournal::JobJournal(asio::io_context& loop, std::filesystem::path file)
    : loop_(loop), file_(loop, std::move(file)), cleaner_(loop, "cleaning up", 1, 1'000) {
    const auto found = file_.read();
    if (!found) return;
    try {
        const auto document = Json::parse(*found);
        for (const auto& entry : document) entries_[++last_number_] = entry_from_json(entry);
        last_inherited_ = last_number_;
    } catch (const Json::exception& error) {
        log::error(fmt::format("{} is damaged; what earlier jobs have half made may be left over: {}",
                               file_.path().string(), error.what()));
    }
}

Task<std::unique_ptr<JobJournal::Line>> JobJournal::begin(Entry entry) {
    const auto number = ++last_number_;
    entries_[number] = std::move(entry);
    auto line = std::make_unique<Line>(*this, number);
    co_await file_.write(text());
    co_return line;
}

Task<> JobJournal::Line::note_published() {
    const auto journal = journal_.lock();
    if (!journal) co_return;
    (*journal)->entries_.at(number_).published = now_usec();
    co_await (*journal)->file_.write((*journal)->text());
}

void JobJournal::strike(std::uint64_t number) {
    entries_.erase(number);
    // Should the daemon die before it is written, the next one looks for a file that is not there.
    file_.write_later([this] { return text(); });
}

Task<> JobJournal::clean_up(std::shared_ptr<ImageTool> tool, Line& line, std::string directory, std::string temporary) {
    const std::function<void()> work = [tool, directory, temporary] { tool->remove_temporary(directory, temporary); };
    try {
        auto first = work;
        co_await cleaner_.run(std::move(first), directory_patience);
    } catch (const Error& error) {
        log::error(fmt::format("{}/{} is left for now: {}", directory, temporary, error.what()));
        line.keep();
        spawn(loop_, settle_later(self_, loop_, line.number_, work), "cleaning up");
    }
}

Task<> JobJournal::settle(std::uint64_t number, std::function<void()> work, std::string outcome) {
    const auto entry = entries_.at(number);
    try {
        auto first = work;
        co_await cleaner_.run(std::move(first), directory_patience);
    } catch (const Error& error) {
        log::error(fmt::format("job {} was interrupted, and {}/{} is left for now: {}", entry.job, entry.directory,
                               entry.temporary, error.what()));
        spawn(loop_, settle_later(self_, loop_, number, std::move(work)), "cleaning up");
        co_return;
    }
    log::warning(fmt::format("job {} was interrupted; {}", entry.job, outcome));
    strike(number);
}

/// The journal may go at each pause: then the next start does it.
Task<> JobJournal::settle_later(std::weak_ptr<JobJournal*> self, asio::io_context& loop, std::uint64_t number,
                                std::function<void()> work) {
    for (auto pause = soonest_attempt;; pause = std::min(pause * 2, latest_attempt)) {
        co_await let_pass(loop, pause);
        if (self.expired()) co_return;
        auto& journal = **self.lock();
        auto again = work;
        try {
            co_await journal.cleaner_.run(std::move(again), directory_patience);
        } catch (const Error&) {
            continue;  // it was said the first time
        }
        if (self.expired()) co_return;
        log::info(fmt::format("nothing is left of job {} any more", journal.entries_.at(number).job));
        journal.strike(number);
        co_return;
    }
}

void JobJournal::Line::leave(Recovery recovery) {
    const auto self = std::exchange(journal_, {});
    const auto journal = self.lock();
    if (!journal) return;
    auto& loop = (*journal)->loop_;
    auto entry = (*journal)->entries_.at(number_);
    spawn(loop, recover_copy(self, loop, number_, std::move(entry), std::move(recovery)),
          "finishing or removing a copy");
}

Task<> JobJournal::recover_copy(std::weak_ptr<JobJournal*> self, asio::io_context& loop, std::uint64_t number,
                                Entry entry, Recovery recovery) {
    std::optional<bool> finish;
    for (auto pause = soonest_attempt; !finish; pause = std::min(pause * 2, latest_attempt)) {
        try {
            finish = co_await is_to_be_finished(entry, recovery);
        } catch (const Error& error) {
            if (pause == soonest_attempt)
                log::error(fmt::format("job {} was interrupted, and {}/{} is left for now: {}", entry.job,
                                       entry.directory, entry.temporary, error.what()));
        }
        if (!finish) co_await let_pass(loop, pause);
        if (self.expired()) co_return;
    }
    auto work = [tool = recovery.tool, entry, finish = *finish] {
        if (!finish) return tool->remove_temporary(entry.directory, entry.temporary);
        try {
            tool->publish({.directory = entry.directory, .temporary = entry.temporary, .name = entry.name});
        } catch (const Error& error) {
            if (error.code() != Code::no_such_image) throw;  // else it has its name already
        }
    };
    std::string outcome = removed_outcome;
    if (*finish) outcome = "the machine is there, and its disk " + entry.name + " too";
    co_await (*self.lock())->settle(number, std::move(work), std::move(outcome));
}

Task<> JobJournal::recover(Recovery recovery) {
    const auto left = entries_;
    for (const auto& [number, entry] : left) {
        if (number > last_inherited_) break;  // of a job that has begun since
        if (entry.machine) {
            spawn(loop_, recover_copy(self_, loop_, number, entry, recovery), "cleaning up after an interrupted copy");
            continue;
        }
        auto work = [tool = recovery.tool, directory = entry.directory, temporary = entry.temporary] {
            tool->remove_temporary(directory, temporary);
        };
        std::string outcome = removed_outcome;
        co_await settle(number, std::move(work), std::move(outcome));
    }
}

std::string JobJournal::text() const {
    Json document = Json::array();
    for (const auto& [number, entry] : entries_) document.push_back(to_json(entry));
    return document.dump(1);
}

}  // namespace virtbus
