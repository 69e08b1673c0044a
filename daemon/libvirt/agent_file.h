// SPDX-License-Identifier: LGPL-2.1-or-later
// A file in a running guest, open by its agent, and closed with this whatever happens. Blocks; one thread.
#pragma once

#include "libvirt/guest_agent.h"

#include <optional>

namespace virtbus {

class AgentFile {
public:
    enum class Mode { read, change };

    /// `change` keeps what is there. AgentRefusal when the agent cannot open it.
    AgentFile(GuestAgent& agent, const std::string& path, Mode mode);
    ~AgentFile();
    AgentFile(const AgentFile&) = delete;
    AgentFile& operator=(const AgentFile&) = delete;

    /// From where it is, `most` bytes at most.
    std::string read(std::size_t most);
    /// At its beginning: what follows stays.
    void write(std::string_view content);

private:
    GuestAgent& agent_;
    std::int64_t handle_ = 0;
};

/// The beginning of a file; nothing where there is none.
std::optional<std::string> read_agent_file(GuestAgent& agent, const std::string& path, std::size_t most);

}  // namespace virtbus
