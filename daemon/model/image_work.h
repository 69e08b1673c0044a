// SPDX-License-Identifier: LGPL-2.1-or-later
// How jobs on images run: long blocking work on the lane for it, with progress and a way to cancel it; and files that
// are made under a temporary name, of which the journal knows. Main thread only.
#pragma once

#include "model/hypervisor.h"
#include "model/image_tool.h"
#include "model/job_journal.h"
#include "model/jobs.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace virtbus {

/// What a Transfer says how far it is in.
enum class Counts {
    bytes,
    steps,
    nothing,  ///< what it says is not shown: it is a part of something larger
};

/// Runs `work` on the lane until it ends or is cancelled, and shows how far it is.
Task<> transfer(std::shared_ptr<Hypervisor> hypervisor, JobControl& job, std::function<void(Port&, Transfer&)> work,
                Counts counts = Counts::bytes, Lane lane = Lane::transfer);

/// A file that is being made, and its line in the journal.
struct Draft {
    NewFile file;
    std::unique_ptr<JobJournal::Line> line;
    bool declared = false;  ///< its format is said already
};

/// Chooses a temporary name, and writes it into the journal before anything is made. `job_text` is for people;
/// `machine` is the one that will be defined with the file.
Task<Draft> begin_draft(JobJournal& journal, const JobControl& job, std::string job_text, NewFile file,
                        std::optional<MachineRef> machine = {});

/// Removes an image, unless it is another by now: a machine has it as a disk, or its file has changed after `time`.
/// That can be told some seconds later, and until then it waits.
Task<> remove_untouched(std::shared_ptr<Hypervisor> hypervisor, std::string directory, std::string name,
                        std::uint64_t time);

/// Returns when the image is in the mirror: libvirt looks again, and again after a while should it be away or busy.
Task<> show_image(std::shared_ptr<Hypervisor> hypervisor, std::string pool, std::string name);
/// The same of a machine.
Task<> show_machine(std::shared_ptr<Hypervisor> hypervisor, Uuid uuid);

}  // namespace virtbus
