// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/networks.h"

#include "base/log.h"
#include "model/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace virtbus {

namespace {

/// Longer than keepalive takes to find a dead connection, so that callers hear the real reason.
constexpr std::chrono::seconds reading_patience{60};

/// When what could not be read is read again; twice as long each time.
constexpr std::chrono::seconds soonest_retry{1};
constexpr std::chrono::seconds latest_retry{60};

constexpr auto never = std::chrono::steady_clock::duration::max();

}  // namespace

Networks::Networks(asio::io_context& loop, NetworksSource& source)
    : loop_(loop),
      source_(source),
      next_reading_(never),
      retry_interval_(soonest_retry),
      listed_(loop.get_executor()),
      work_(loop.get_executor()) {}

Task<> Networks::run() {
    while (!stopping_) {
        co_await work_.wait(next_reading_);
        work_.reset();
        if (!stopping_) co_await read();
    }
}

void Networks::stop() {
    stopping_ = true;
    for (const auto& [name, waiters] : std::exchange(waiters_, {})) waiters.release(not_served());
    work_.set();
}

Task<> Networks::refreshed() {
    if (stopping_) std::rethrow_exception(not_served());
    touch();
    co_await waiters_[""].join(loop_, reading_patience);
}

Task<> Networks::settled(std::string name) {
    if (!find(name)) co_return;
    if (stopping_) std::rethrow_exception(not_served());
    touch();
    co_await waiters_[name].join(loop_, reading_patience, Waiters::Until::read_or_gone);
}

Task<> Networks::read() {
    const auto owed = std::exchange(waiters_, {});
    next_reading_ = never;
    std::exception_ptr failure;
    try {
        auto all = co_await source_.list_networks();
        apply(std::move(all));
        retry_interval_ = soonest_retry;
        listed_.set();
    } catch (const std::exception& error) {
        failure = std::current_exception();
        read_later(error);
    }
    for (const auto& [name, waiters] : owed) waiters.release(failure);
}

/// Not after a lost connection: with the next one all is read anyway.
void Networks::read_later(const std::exception& failure) {
    const auto* error = dynamic_cast<const Error*>(&failure);
    if (error != nullptr && error->code() == Code::disconnected) return;
    log::warning(fmt::format("the networks cannot be read: {}", failure.what()));
    next_reading_ = retry_interval_;
    retry_interval_ = std::min(retry_interval_ * 2, latest_retry);
    listed_.set();  // nobody shall wait for it
}

void Networks::apply(std::vector<Network> read) {
    std::set<std::string> present;
    for (auto& network : read) {
        clean_text(network);
        present.insert(network.name);
        auto& entry = networks_[network.name];
        if (entry && *entry == network) continue;
        const bool is_new = entry == nullptr;
        entry = std::make_shared<const Network>(std::move(network));
        tell([&](NetworksObserver& observer) {
            if (is_new)
                observer.network_added(entry);
            else
                observer.network_changed(entry);
        });
    }
    for (auto next = networks_.begin(); next != networks_.end();) {
        const auto [name, network] = *next++;
        if (present.contains(name)) continue;
        networks_.erase(name);
        if (const auto waiting = waiters_.find(name); waiting != waiters_.end()) waiting->second.gone();
        tell([&network = network](NetworksObserver& observer) { observer.network_removed(network); });
    }
}

NetworkPtr Networks::find(const std::string& name) const {
    const auto found = networks_.find(name);
    return found == networks_.end() ? nullptr : found->second;
}

std::vector<NetworkPtr> Networks::all() const {
    std::vector<NetworkPtr> all;
    for (const auto& [name, network] : networks_) all.push_back(network);
    return all;
}

/// What goes wrong where it is shown must not keep the rest from being read.
template <typename Tell>
void Networks::tell(Tell tell) const {
    for (auto* observer : observers_) {
        try {
            tell(*observer);
        } catch (const std::exception& error) {
            log::error(fmt::format("defect: a difference of networks was not announced: {}", error.what()));
        }
    }
}

}  // namespace virtbus
