// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/polkit.h"

#include "base/latch.h"
#include "base/log.h"
#include "model/error.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace virtbus::bus {

namespace {

constexpr const char* authority_interface = "org.freedesktop.PolicyKit1.Authority";
constexpr std::uint32_t allow_interaction = 1;  // CheckAuthorizationFlags

/// polkit decides by its rules at once. A person has to come, read, and type.
constexpr std::chrono::seconds rules_patience{10};
constexpr std::chrono::minutes person_patience{5};

/// The bus lets a service wait for 128 replies, and what is beyond fails. So that one user's questions cannot take all,
/// each has a few at a time, and the rest wait in line.
constexpr std::size_t asked_for_one = 4;
constexpr std::size_t asked_most = 96;

using Verdict = sdbus::Struct<bool, bool, std::map<std::string, std::string>>;  // authorized, challenge, details

bool means_absent(const std::string& error) {
    return error == "org.freedesktop.DBus.Error.ServiceUnknown" ||
           error == "org.freedesktop.DBus.Error.NameHasNoOwner" ||
           error.starts_with("org.freedesktop.DBus.Error.Spawn.");
}

}  // namespace

/// What was asked for one call.
struct Polkit::Question {
    Question(asio::io_context& loop, std::uint64_t number, std::string caller)
        : id(fmt::format("virtbus-{}", number)), sender(std::move(caller)), done(loop.get_executor()) {}

    std::string id;
    std::string sender;
    Latch done;
    bool is_asked = false;  ///< its turn has come
    bool has_left = false;
    std::optional<sdbus::Error> failure;
    std::optional<Verdict> verdict;
};

/// Where the questions of one user's calls wait for their turn.
class Polkit::Lane {
public:
    explicit Lane(asio::io_context& loop) : freed_(loop.get_executor()) {}

    /// One of the few that are asked at a time, until it goes.
    class Turn {
    public:
        explicit Turn(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) { ++lane_->asking_; }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn() {
            --lane_->asking_;
            lane_->freed_.set();
        }

    private:
        std::shared_ptr<Lane> lane_;
    };

    /// Nothing when its turn does not come.
    static Task<std::unique_ptr<Turn>> enter(std::shared_ptr<Lane> lane) {
        const auto end = std::chrono::steady_clock::now() + person_patience;
        while (lane->asking_ >= asked_for_one) {
            lane->freed_.reset();
            const bool freed = co_await lane->freed_.wait(end - std::chrono::steady_clock::now());
            if (!freed) co_return nullptr;
        }
        co_return std::make_unique<Turn>(lane);
    }

private:
    std::size_t asking_ = 0;
    Latch freed_;
};

Polkit::Polkit(asio::io_context& loop, sdbus::IConnection& connection, Callers& callers)
    : loop_(loop),
      authority_(
          sdbus::createProxy(connection, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority")) {
    callers.on_leave([this](const std::string& sender) { left(sender); });
}

Task<> Polkit::require(std::string action, Call call) {
    const auto refuse = [&](Code code, std::string_view why) {
        throw Error(code, fmt::format("{} is not allowed to uid {}: {}", action, call.uid, why));
    };
    const auto question = begin(call);
    auto& lane = lanes_[call.uid];
    if (!lane) lane = std::make_shared<Lane>(loop_);
    const auto turn = co_await Lane::enter(lane);
    const auto place = asking_.take({}, asked_most);
    if (!turn || !place) throw Error(Code::busy, "polkit is being asked too much at once: try again");
    if (!question->has_left) {
        ask(action, call, question);
        const bool answered = co_await question->done.wait(call.interactive ? person_patience : rules_patience);
        if (!answered) {
            question->done.set();  // for whoever still has it: it is cancelled once
            cancel(*question);
            refuse(Code::access_denied, "polkit does not answer");
        }
    }
    if (question->has_left) refuse(Code::access_denied, "the caller has left the bus");
    if (question->failure) {
        const auto& failure = *question->failure;
        if (means_absent(failure.getName())) refuse(Code::access_denied, "there is no polkit here, so only root may");
        log::warning(fmt::format("polkit has failed: {} ({})", failure.getMessage(), failure.getName()));
        refuse(Code::access_denied, "polkit has failed; virtbusd's log says how");
    }
    if (question->verdict->get<0>()) co_return;
    if (question->verdict->get<1>())
        throw Error(
            Code::interaction_required,
            fmt::format("{} needs a password, and {}", action,
                        call.interactive ? "nobody is there to be asked for it: there is no authentication agent"
                                         : "the call does not let anybody be asked for it"));
    if (question->verdict->get<2>().contains("polkit.dismissed"))
        refuse(Code::access_denied, "the question for a password was dismissed");
    refuse(Code::access_denied,
           call.interactive ? "polkit's rules say no, or the password was not the right one" : "polkit's rules say no");
}

std::shared_ptr<Polkit::Question> Polkit::begin(const Call& call) {
    std::erase_if(questions_, [](const auto& entry) { return entry.expired(); });
    const auto question = std::make_shared<Question>(loop_, ++last_number_, call.sender);
    questions_.push_back(question);
    return question;
}

void Polkit::ask(const std::string& action, const Call& call, const std::shared_ptr<Question>& question) {
    // The bus's word for who calls, never a process id, which may be another's by the time that it is looked at.
    const sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>> subject{
        "system-bus-name", std::map<std::string, sdbus::Variant>{{"name", sdbus::Variant(call.sender)}}};
    auto details = call.details;
    details["verb"] = call.verb;
    details["caller"] = std::to_string(call.uid);
    question->is_asked = true;
    authority_->callMethodAsync("CheckAuthorization")
        .onInterface(authority_interface)
        .withTimeout(2 * person_patience)  // it is cancelled when we have waited enough
        .withArguments(subject, action, details, call.interactive ? allow_interaction : std::uint32_t{0}, question->id)
        .uponReplyInvoke([question](const sdbus::Error* error, const Verdict& verdict) {
            if (error != nullptr)
                question->failure = *error;
            else
                question->verdict = verdict;
            question->done.set();
        });
}

void Polkit::cancel(const Question& question) {
    authority_->callMethodAsync("CancelCheckAuthorization")
        .onInterface(authority_interface)
        .withTimeout(rules_patience)
        .withArguments(question.id)
        .uponReplyInvoke([](const sdbus::Error*) {});  // it may have come to an end by itself
}

void Polkit::left(const std::string& sender) {
    for (const auto& entry : questions_) {
        const auto question = entry.lock();
        if (!question || question->sender != sender || question->done.is_set()) continue;
        question->has_left = true;
        question->done.set();
        if (question->is_asked) cancel(*question);
    }
}

}  // namespace virtbus::bus
