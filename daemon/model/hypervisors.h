// SPDX-License-Identifier: LGPL-2.1-or-later
// The hypervisors that are served: those of the configuration, which stay, and those that callers add and remove, which
// are kept in the state directory; and those that virtbusd looks for by itself, which show when they answer. Main
// thread only.
#pragma once

#include "model/hypervisor.h"
#include "model/state_file.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace virtbus {

class HypervisorsObserver {
public:
    virtual ~HypervisorsObserver() = default;
    virtual void added(const std::shared_ptr<Hypervisor>& hypervisor) = 0;
    virtual void removed(const std::shared_ptr<Hypervisor>& hypervisor) = 0;
};

/// Those that stand in the configuration: no call removes them, and they come before what was kept under the same name.
struct ConfiguredHypervisors {
    std::map<std::string, std::string> uris;        ///< by name
    std::map<std::string, std::string> candidates;  ///< served if they answer at the first attempt, else left alone
    std::string where;                              ///< for people, such as "/etc/virtbus/virtbus.json"
    std::chrono::seconds poll_interval =
        Hypervisor::Settings().poll_interval;  ///< of all, also of those that are added
};

class Hypervisors {
public:
    using List = std::vector<std::shared_ptr<Hypervisor>>;
    /// `configured`: whether the URI is the administrator's.
    using MakeConnector =
        std::function<std::unique_ptr<Connector>(const std::string& name, const std::string& uri, bool configured)>;

    /// Makes those that are configured, and those that `file` has. A damaged file is logged, and left until the next is
    /// added or removed.
    Hypervisors(asio::io_context& loop, ImageFormats& formats, std::filesystem::path file, MakeConnector connector,
                ConfiguredHypervisors configured);
    Hypervisors(const Hypervisors&) = delete;
    Hypervisors& operator=(const Hypervisors&) = delete;
    ~Hypervisors();

    /// Tells of all that are there, and from now on of each that comes; of each that goes the last observer first.
    void observe(HypervisorsObserver* observer);
    void ignore(HypervisorsObserver* observer) { std::erase(observers_, observer); }

    /// Connects to all that are there, and from now on to each that is added; asks the candidates.
    void start();
    /// Returns when those that are there are settled, and each candidate has answered or failed, or time has passed.
    Task<> settled();
    /// Ends all.
    void stop();
    /// Whether nothing is under way in libvirt any more; also what was removed counts.
    [[nodiscard]] bool is_idle() const;

    /// By name.
    [[nodiscard]] const List& all() const { return all_; }
    [[nodiscard]] std::shared_ptr<Hypervisor> find(const std::string& name) const;
    /// The same; Error no_such_hypervisor.
    [[nodiscard]] std::shared_ptr<Hypervisor> require(const std::string& name) const;

    /// Serves another one, and keeps it: on disk when it returns. Error invalid_args, already_exists, or busy when
    /// there are too many.
    Task<std::shared_ptr<Hypervisor>> add(std::string name, std::string uri);
    /// Serves it no longer; its connections may take their time to close, and nothing waits for that. Error
    /// no_such_hypervisor, or invalid_state for one of the configuration.
    Task<> remove(std::string name);

    /// Serves what the configuration has now: whose URI is another is removed, with its jobs, and comes anew. How often
    /// those without events are listed counts for those that come from now on.
    void reconfigure(ConfiguredHypervisors configured);

private:
    class Candidate;

    void look_for_candidates();
    void decide(const std::shared_ptr<Candidate>& candidate);
    void dismiss(std::shared_ptr<Candidate> candidate);
    std::shared_ptr<Hypervisor> make(const std::string& name, const std::string& uri, Origin origin);
    /// Pools are those of the host: what one driver's machine has as a disk is an image of another's pool too.
    [[nodiscard]] std::vector<Storage::OtherUser> other_users(Hypervisor& hypervisor, const Image& image) const;
    /// Tells of it, and in begin() starts it; drop() ends that.
    void serve(const std::shared_ptr<Hypervisor>& hypervisor);
    void begin(const std::shared_ptr<Hypervisor>& hypervisor);
    void drop(const std::shared_ptr<Hypervisor>& hypervisor);
    void read_kept();
    Task<> write_kept();
    [[nodiscard]] std::size_t leaving() const;
    template <typename Tell>
    static void tell(HypervisorsObserver& observer, Tell tell);

    asio::io_context& loop_;
    ImageFormats& formats_;
    StateFile file_;
    MakeConnector connector_;
    ConfiguredHypervisors configured_;
    std::map<std::string, std::string> kept_;  // name → URI; also of those that are configured by now
    List all_;
    std::vector<std::shared_ptr<Candidate>> candidates_;
    std::vector<std::weak_ptr<Hypervisor>> leaving_;  // removed, with something still under way
    std::vector<HypervisorsObserver*> observers_;
    bool started_ = false;
};

/// Error invalid_args for what cannot be a hypervisor's name: it goes into object paths and onto command lines.
void check_hypervisor_name(const std::string& name);

}  // namespace virtbus
