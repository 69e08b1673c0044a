// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/hypervisors.h"

#include "base/log.h"
#include "base/utf8.h"
#include "model/uri.h"

#include <fmt/format.h>
#include <asio/post.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace virtbus {

using Json = nlohmann::json;

namespace {

/// Each has threads and connections of its own.
constexpr std::size_t most_hypervisors = 100;

/// libvirt's open cannot be ended: of those that were removed while it hangs, each has a thread for as long as it does.
constexpr std::size_t most_leaving = 16;

constexpr auto by_name = [](const auto& left, const auto& right) { return left->name() < right->name(); };

/// "" where there is none.
std::string uri_in(const std::map<std::string, std::string>& uris, const std::string& name) {
    const auto found = uris.find(name);
    return found == uris.end() ? "" : found->second;
}

}  // namespace

/// Waits for the first word of one that nobody has asked for.
class Hypervisors::Candidate final : public HypervisorObserver, public std::enable_shared_from_this<Candidate> {
public:
    Candidate(Hypervisors& owner, std::shared_ptr<Hypervisor> hypervisor)
        : owner_(owner), hypervisor_(std::move(hypervisor)) {
        hypervisor_->observe(this);
    }
    ~Candidate() override { hypervisor_->observe(nullptr); }
    Candidate(const Candidate&) = delete;
    Candidate& operator=(const Candidate&) = delete;

    [[nodiscard]] const std::shared_ptr<Hypervisor>& hypervisor() const { return hypervisor_; }

    void status_changed(const HypervisorStatus&, const HypervisorStatus& after) override {
        if (after.connection == ConnectionState::connecting) return;
        // Not now, as it is just telling us; but before it has read anything, so that observers hear of all it has.
        asio::post(owner_.loop_, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->owner_.decide(self);
        });
    }

private:
    Hypervisors& owner_;
    std::shared_ptr<Hypervisor> hypervisor_;
};

Hypervisors::Hypervisors(asio::io_context& loop, ImageFormats& formats, std::filesystem::path file,
                         MakeConnector connector, ConfiguredHypervisors configured)
    : loop_(loop),
      formats_(formats),
      file_(loop, std::move(file)),
      connector_(std::move(connector)),
      configured_(std::move(configured)) {
    for (const auto& [name, uri] : configured_.uris) all_.push_back(make(name, uri, Origin::configuration));
    read_kept();
    for (const auto& [name, uri] : kept_) {
        if (!find(name))
            all_.push_back(make(name, uri, Origin::caller));
        else
            log::info(fmt::format("hypervisor {} was added once, and stands in {} now", name, configured_.where));
    }
    std::sort(all_.begin(), all_.end(), by_name);
    look_for_candidates();
}

Hypervisors::~Hypervisors() = default;

void Hypervisors::read_kept() {
    const auto text = file_.read();
    if (!text) return;
    try {
        const auto document = Json::parse(*text);
        for (const auto& [name, entry] : document.items()) {
            check_hypervisor_name(name);
            kept_[name] = entry.at("uri").get<std::string>();
        }
    } catch (const std::exception&) {  // whose text may quote a URI
        log::error(
            fmt::format("{} is damaged; hypervisors that were added are not known any more", file_.path().string()));
    }
}

Task<> Hypervisors::write_kept() {
    Json document = Json::object();
    for (const auto& [name, uri] : kept_) document[name] = {{"uri", uri}};
    co_await file_.write(document.dump(1));
}

std::shared_ptr<Hypervisor> Hypervisors::make(const std::string& name, const std::string& uri, Origin origin) {
    auto hypervisor =
        std::make_shared<Hypervisor>(loop_, name, public_uri(uri), connector_(name, uri, origin != Origin::caller),
                                     formats_, Hypervisor::Settings{origin, configured_.poll_interval});
    hypervisor->storage().on_other_users(
        [this, self = hypervisor.get()](const Image& image) { return other_users(*self, image); });
    return hypervisor;
}

std::vector<Storage::OtherUser> Hypervisors::other_users(Hypervisor& hypervisor, const Image& image) const {
    std::vector<Storage::OtherUser> users;
    if (!hypervisor.is_local() || image.path.empty()) return users;
    for (const auto& other : all_) {
        if (other.get() == &hypervisor || !other->is_local()) continue;
        const auto same = other->storage().image_at(image.path);
        const auto machines =
            same ? other->storage().machines(*same) : other->inventory().with_disk({image.path, {}, {}});
        for (const auto& machine : machines)
            if (!hypervisor.inventory().find(machine->uuid))  // else it is the same one, served twice
                users.push_back({other->name(), machine});
    }
    return users;
}

/// What goes wrong where it is shown must not keep it from others.
template <typename Tell>
void Hypervisors::tell(HypervisorsObserver& observer, Tell tell) {
    try {
        tell(observer);
    } catch (const std::exception& error) {
        log::error(fmt::format("defect: a hypervisor was not announced: {}", error.what()));
    }
}

void Hypervisors::observe(HypervisorsObserver* observer) {
    observers_.push_back(observer);
    for (const auto& hypervisor : all_) tell(*observer, [&](HypervisorsObserver& each) { each.added(hypervisor); });
}

void Hypervisors::start() {
    started_ = true;
    for (const auto& hypervisor : all_) hypervisor->start();
    for (const auto& candidate : candidates_) candidate->hypervisor()->start();
}

Task<> Hypervisors::settled() {
    auto hypervisors = all_;  // as they are now: others may come and go meanwhile
    for (const auto& candidate : candidates_) hypervisors.push_back(candidate->hypervisor());
    for (const auto& hypervisor : hypervisors) co_await hypervisor->settled();
}

void Hypervisors::stop() {
    for (const auto& hypervisor : all_) hypervisor->stop();
    while (!candidates_.empty()) dismiss(candidates_.back());
}

void Hypervisors::serve(const std::shared_ptr<Hypervisor>& hypervisor) {
    all_.insert(std::upper_bound(all_.begin(), all_.end(), hypervisor, by_name), hypervisor);
    for (auto* observer : observers_) tell(*observer, [&](HypervisorsObserver& each) { each.added(hypervisor); });
}

void Hypervisors::look_for_candidates() {
    for (const auto& [name, uri] : configured_.candidates)
        if (!find(name)) candidates_.push_back(std::make_shared<Candidate>(*this, make(name, uri, Origin::candidate)));
}

void Hypervisors::decide(const std::shared_ptr<Candidate>& candidate) {
    const auto hypervisor = candidate->hypervisor();
    const bool answers = hypervisor->status().connection == ConnectionState::connected;
    if (!answers || find(hypervisor->name())) return dismiss(candidate);
    hypervisor->observe(nullptr);
    std::erase(candidates_, candidate);
    serve(hypervisor);
}

void Hypervisors::dismiss(std::shared_ptr<Candidate> candidate) {
    std::erase(candidates_, candidate);
    leaving_.push_back(candidate->hypervisor());
    candidate->hypervisor()->stop();
}

bool Hypervisors::is_idle() const {
    return leaving() == 0 &&
           std::all_of(all_.begin(), all_.end(), [](const auto& hypervisor) { return hypervisor->is_idle(); });
}

std::size_t Hypervisors::leaving() const {
    return static_cast<std::size_t>(std::count_if(leaving_.begin(), leaving_.end(), [](const auto& weak) {
        const auto hypervisor = weak.lock();
        return hypervisor && !hypervisor->is_idle();
    }));
}

std::shared_ptr<Hypervisor> Hypervisors::find(const std::string& name) const {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each->name() == name; });
    return found == all_.end() ? nullptr : *found;
}

std::shared_ptr<Hypervisor> Hypervisors::require(const std::string& name) const {
    auto hypervisor = find(name);
    if (!hypervisor)
        throw Error(Code::no_such_hypervisor,
                    fmt::format("there is no hypervisor \"{}\"", to_utf8(name.substr(0, 100))));
    return hypervisor;
}

Task<std::shared_ptr<Hypervisor>> Hypervisors::add(std::string name, std::string uri) {
    check_hypervisor_name(name);
    check_callers_uri(uri);
    if (find(name) || kept_.contains(name))
        throw Error(Code::already_exists, fmt::format("there is already a hypervisor {}", name));
    if (all_.size() >= most_hypervisors)
        throw Error(Code::busy, fmt::format("{} hypervisors are served: remove one first", all_.size()));
    std::erase_if(leaving_, [](const auto& weak) { return weak.expired(); });
    if (leaving() >= most_leaving)
        throw Error(Code::busy, fmt::format("{} hypervisors that were removed do not answer, and are still waited for; "
                                            "try again later",
                                            leaving()));
    kept_[name] = uri;
    try {
        co_await write_kept();
    } catch (...) {
        kept_.erase(name);
        throw;
    }
    if (auto served = find(name)) co_return served;  // a reload came in between, which serves all that are kept
    auto hypervisor = make(name, uri, Origin::caller);
    begin(hypervisor);
    co_return hypervisor;
}

void Hypervisors::begin(const std::shared_ptr<Hypervisor>& hypervisor) {
    serve(hypervisor);
    if (started_) hypervisor->start();
}

Task<> Hypervisors::remove(std::string name) {
    const auto hypervisor = require(name);
    if (hypervisor->is_configured())
        throw Error(Code::invalid_state, fmt::format("hypervisor {} stands in {}: a call removes only what a call has "
                                                     "added",
                                                     name, configured_.where));
    auto kept = kept_.extract(name);
    try {
        co_await write_kept();
    } catch (...) {
        if (!kept.empty()) kept_.insert(std::move(kept));
        throw;
    }
    drop(hypervisor);
}

void Hypervisors::drop(const std::shared_ptr<Hypervisor>& hypervisor) {
    if (std::erase(all_, hypervisor) == 0) return;  // another call was first
    for (auto observer = observers_.rbegin(); observer != observers_.rend(); ++observer)
        tell(**observer, [&](HypervisorsObserver& each) { each.removed(hypervisor); });
    leaving_.push_back(hypervisor);
    hypervisor->stop();
}

void Hypervisors::reconfigure(ConfiguredHypervisors configured) {
    const auto old = std::exchange(configured_, std::move(configured));
    const auto has_changed = [&](const std::string& name) {
        return uri_in(old.uris, name) != uri_in(configured_.uris, name) ||
               uri_in(old.candidates, name) != uri_in(configured_.candidates, name);
    };
    while (!candidates_.empty()) dismiss(candidates_.back());
    for (const auto& hypervisor : List(all_))
        if (has_changed(hypervisor->name())) drop(hypervisor);
    for (const auto& [name, uri] : configured_.uris)
        if (!find(name)) begin(make(name, uri, Origin::configuration));
    // Those that callers added come back when the configuration has their name no more.
    for (const auto& [name, uri] : kept_)
        if (!find(name)) begin(make(name, uri, Origin::caller));
    look_for_candidates();
    if (started_)
        for (const auto& candidate : candidates_) candidate->hypervisor()->start();
}

void check_hypervisor_name(const std::string& name) {
    const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
    if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), allowed))
        throw Error(Code::invalid_args,
                    fmt::format("hypervisor name \"{}\": 1 to 64 letters, digits, \"_\", \"-\" and \".\"",
                                to_utf8(name.substr(0, 100))));
}

}  // namespace virtbus
