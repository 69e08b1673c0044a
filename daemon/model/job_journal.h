// SPDX-License-Identifier: LGPL-2.1-or-later
// What jobs have half made, kept in the state directory: a daemon that was killed removes it at its next start. Main
// thread only.
#pragma once

#include "model/image_tool.h"
#include "model/object_ref.h"
#include "model/state_file.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace virtbus {

class JobJournal {
public:
    /// A file that a job makes under a temporary name.
    struct Entry {
        std::string job;  ///< for people, such as "clone image default/web.qcow2"
        std::string directory;
        std::string temporary;
        /// A machine that is defined with this file when it is whole, and which name the file has then: the file is
        /// what the machine is, whole or not there.
        std::optional<MachineRef> machine = {};
        std::string name = {};
        /// When it was known to have that name, and to go with its machine; microseconds since 1970.
        std::uint64_t published = 0;
    };

    /// Whether there is such a machine; returns when that can be known.
    using IsThere = std::function<Task<bool>(MachineRef)>;
    /// Removes what a file has become that had its name already.
    using RemovePublished = std::function<Task<>(Entry)>;
    /// What it takes to finish what was half made, or to remove it. Its functions may throw Error, and are called again
    /// later then.
    struct Recovery {
        std::shared_ptr<ImageTool> tool;
        IsThere is_there;
        RemovePublished remove_published;
    };

    /// Stands in the journal until it goes; for good, if the journal goes before: then the daemon ends.
    class Line {
    public:
        Line(JobJournal& journal, std::uint64_t number) : journal_(journal.self_), number_(number) {}
        ~Line() {
            if (const auto journal = journal_.lock()) (*journal)->strike(number_);
        }
        Line(const Line&) = delete;
        Line& operator=(const Line&) = delete;

        /// The file of a machine has its name, and yet the machine is about to go. On disk when it returns.
        Task<> note_published();
        /// It stays for the next start.
        void keep() { journal_.reset(); }
        /// Whether its machine is there nobody knows for now: its file is finished or removed as soon as that is known.
        void leave(Recovery recovery);

    private:
        friend JobJournal;
        std::weak_ptr<JobJournal*> journal_;
        std::uint64_t number_;
    };

    /// Reads what an earlier daemon left in `file`.
    JobJournal(asio::io_context& loop, std::filesystem::path file);

    /// On disk when it returns.
    Task<std::unique_ptr<Line>> begin(Entry entry);

    /// Removes a job's temporary file, whether or not the hypervisor can be reached. A line whose file cannot be
    /// removed is kept until it can.
    Task<> clean_up(std::shared_ptr<ImageTool> tool, Line& line, std::string directory, std::string temporary);

    /// Removes what an earlier daemon had half made, or finishes it, and says so in the log; done once, at the start.
    Task<> recover(Recovery recovery);

private:
    /// Work that ends what a line is about; without an Error the line goes, and `outcome` is what the log says. With
    /// one it is done again later.
    Task<> settle(std::uint64_t number, std::function<void()> work, std::string outcome);
    /// After a while, and again and again until there is no Error.
    static Task<> settle_later(std::weak_ptr<JobJournal*> self, asio::io_context& loop, std::uint64_t number,
                               std::function<void()> work);
    /// The file of a machine; asks for that until there is an answer.
    static Task<> recover_copy(std::weak_ptr<JobJournal*> self, asio::io_context& loop, std::uint64_t number,
                               Entry entry, Recovery recovery);
    void strike(std::uint64_t number);
    [[nodiscard]] std::string text() const;

    asio::io_context& loop_;
    StateFile file_;
    WorkerLane cleaner_;
    std::map<std::uint64_t, Entry> entries_;
    std::uint64_t last_number_ = 0;
    std::uint64_t last_inherited_ = 0;  // up to this they are an earlier daemon's
    std::shared_ptr<JobJournal*> self_ = std::make_shared<JobJournal*>(this);
};

}  // namespace virtbus
