// SPDX-License-Identifier: LGPL-2.1-or-later
#include "played_polkit.h"

namespace virtbus::test {

namespace {

void send_verdict(sdbus::MethodCall& call, bool authorized, bool challenge) {
    auto reply = call.createReply();
    reply << sdbus::Struct<bool, bool, std::map<std::string, std::string>>(authorized, challenge, {});
    reply.send();
}

}  // namespace

PlayedPolkit::PlayedPolkit(const std::string& address)
    : connection_(sdbus::createSessionBusConnectionWithAddress(address)),
      object_(sdbus::createObject(*connection_, "/org/freedesktop/PolicyKit1/Authority")) {
    say(false);
    const std::string interface = "org.freedesktop.PolicyKit1.Authority";
    object_->registerMethod(interface, "CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})",
                            [this](sdbus::MethodCall call) { check(std::move(call)); });
    object_->registerMethod(interface, "CancelCheckAuthorization", "s", "",
                            [this](sdbus::MethodCall call) { cancel(std::move(call)); });
    object_->finishRegistration();
    connection_->requestName("org.freedesktop.PolicyKit1");
    connection_->enterEventLoopAsync();
}

PlayedPolkit::~PlayedPolkit() {
    connection_->leaveEventLoop();
    waiting_.clear();  // while there is a connection
}

void PlayedPolkit::say(bool authorized, bool challenge) {
    set([=](const Question&, sdbus::MethodCall& call) { send_verdict(call, authorized, challenge); });
}

void PlayedPolkit::follow(std::function<bool(const Question&)> rule) {
    set([rule = std::move(rule)](const Question& question, sdbus::MethodCall& call) {
        send_verdict(call, rule(question), false);
    });
}

void PlayedPolkit::fail(const std::string& error) {
    set([error](const Question&, sdbus::MethodCall& call) {
        call.createErrorReply(sdbus::Error(error, "as the test said")).send();
    });
}

void PlayedPolkit::babble() {
    set([](const Question&, sdbus::MethodCall& call) {
        auto reply = call.createReply();
        reply << std::string("yes");
        reply.send();
    });
}

void PlayedPolkit::be_silent() {
    const std::lock_guard lock(mutex_);
    answer_ = {};
}

std::vector<PlayedPolkit::Question> PlayedPolkit::questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
}

std::vector<std::string> PlayedPolkit::cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_;
}

void PlayedPolkit::set(Answer answer) {
    decltype(waiting_) waiting;
    {
        const std::lock_guard lock(mutex_);
        answer_ = answer;
        waiting.swap(waiting_);
    }
    for (auto& [question, call] : waiting) answer(question, call);
}

void PlayedPolkit::check(sdbus::MethodCall call) {
    Question question;
    sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>> subject;
    call >> subject >> question.action >> question.details >> question.flags >> question.id;
    question.kind = subject.get<0>();
    question.sender = subject.get<1>().at("name").get<std::string>();
    Answer answer;
    {
        const std::lock_guard lock(mutex_);
        questions_.push_back(question);
        answer = answer_;
        if (!answer) waiting_.emplace_back(question, call);
    }
    if (answer) answer(question, call);
}

void PlayedPolkit::cancel(sdbus::MethodCall call) {
    std::string id;
    call >> id;
    {
        const std::lock_guard lock(mutex_);
        cancelled_.push_back(id);
    }
    call.createReply().send();
}

}  // namespace virtbus::test
