// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/job_journal.h"

#include "base/log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace virtbus {

using Json = nlohmann::json;

namespace {

constexpr std::chrono::minutes patience{5};  // the directory may be on a slow network

Task<> write_quietly(StateFile& file, std::string text) {
    try {
        co_await file.write(std::move(text));
    } catch (const Error& error) {
        log::error(error.what());
    }
}

}  // namespace

JobJournal::JobJournal(asio::io_context& loop, std::filesystem::path file)
    : loop_(loop), file_(loop, std::move(file)), cleaner_(loop, "cleaning up", 1, 1'000) {
    const auto found = file_.read();
    if (!found) return;
    try {
        for (const auto& entry : Json::parse(*found))
            entries_[++last_number_] = {entry.at("job").get<std::string>(), entry.at("directory").get<std::string>(),
                                        entry.at("temporary").get<std::string>()};
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

void JobJournal::strike(std::uint64_t number) {
    entries_.erase(number);
    // Should the daemon die before it is written, the next one looks for a file that is not there.
    spawn(loop_, write_quietly(file_, text()), "writing the journal of jobs");
}

Task<> JobJournal::clean_up(std::shared_ptr<ImageTool> tool, Line& line, std::string directory, std::string temporary) {
    auto work = [tool, directory, temporary] { tool->remove_temporary(directory, temporary); };
    try {
        co_await cleaner_.run(std::move(work), patience);
    } catch (const Error& error) {
        log::error(fmt::format("{}/{} is left until virtbusd starts again: {}", directory, temporary, error.what()));
        line.keep();
    }
}

Task<> JobJournal::recover(std::shared_ptr<ImageTool> tool) {
    const auto left = entries_;
    for (const auto& [number, entry] : left) {
        if (number > last_inherited_) break;  // of a job that has begun since
        auto work = [tool, directory = entry.directory, temporary = entry.temporary] {
            tool->remove_temporary(directory, temporary);
        };
        try {
            co_await cleaner_.run(std::move(work), patience);
        } catch (const Error& error) {
            log::error(fmt::format("job {} was interrupted, and {}/{} is left: {}", entry.job, entry.directory,
                                   entry.temporary, error.what()));
            continue;  // it stays in the journal for the next start
        }
        log::warning(fmt::format("job {} was interrupted when virtbusd ended; what it had half made is removed",
                                 entry.job));
        strike(number);
    }
}

std::string JobJournal::text() const {
    Json document = Json::array();
    for (const auto& [number, entry] : entries_)
        document.push_back({{"job", entry.job}, {"directory", entry.directory}, {"temporary", entry.temporary}});
    return document.dump(1);
}

}  // namespace virtbus
