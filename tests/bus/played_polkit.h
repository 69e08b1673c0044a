// SPDX-License-Identifier: LGPL-2.1-or-later
// A polkitd that answers as the test says, and remembers what it was asked. On a thread of its own; may be used from
// any.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace virtbus::test {

class PlayedPolkit {
public:
    struct Question {
        std::string kind;    ///< of the subject
        std::string sender;  ///< its name
        std::string action;
        std::map<std::string, std::string> details;
        std::uint32_t flags = 0;
        std::string id;
    };

    explicit PlayedPolkit(const std::string& address);
    PlayedPolkit(const PlayedPolkit&) = delete;
    PlayedPolkit& operator=(const PlayedPolkit&) = delete;
    ~PlayedPolkit();

    /// How it answers from now on, and what it has not answered yet. It says no at first.
    void say(bool authorized, bool challenge = false);
    /// Yes to what the rule takes.
    void follow(std::function<bool(const Question&)> rule);
    void fail(const std::string& error);
    /// What no polkit would say.
    void babble();
    /// It keeps questions until it is told how to answer them.
    void be_silent();

    [[nodiscard]] std::vector<Question> questions() const;
    /// The ids of those that were cancelled.
    [[nodiscard]] std::vector<std::string> cancelled() const;

private:
    using Answer = std::function<void(const Question&, sdbus::MethodCall&)>;

    void set(Answer answer);
    void check(sdbus::MethodCall call);
    void cancel(sdbus::MethodCall call);

    mutable std::mutex mutex_;
    Answer answer_;
    std::vector<std::pair<Question, sdbus::MethodCall>> waiting_;
    std::vector<Question> questions_;
    std::vector<std::string> cancelled_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<sdbus::IObject> object_;
};

}  // namespace virtbus::test
