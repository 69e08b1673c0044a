// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/conversation.h"

#include "helper/protocol.h"
#include "helper/running_helper.h"
#include "helper/socket_line.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>

namespace virtbus {

namespace {

using Json = nlohmann::json;

/// One request to a helper of its own, and what it answers.
class Conversation {
public:
    Conversation(const HelperPlace& place, Transfer* transfer) : helper_(start_helper(place)), transfer_(transfer) {}

    Json ask(const Json& request, const std::vector<int>& files) {
        // If it has ended already, what it left to be read says why.
        send_line(helper_->socket(), request.dump() + '\n', files);
        while (listen()) {
        }
        const auto ending = helper_->wait();
        if (failure_) throw *failure_;
        if (result_) return *result_;
        if (transfer_ != nullptr) transfer_->refuse_cancelled();
        throw Error(Code::failed, "The helper program " + ending);
    }

private:
    /// False when the helper has closed its socket.
    bool listen() {
        const bool cancellable = transfer_ != nullptr && !told_;
        std::array<pollfd, 3> files{pollfd{helper_->socket(), POLLIN, 0}, pollfd{helper_->errors(), POLLIN, 0},
                                    pollfd{cancellable ? transfer_->cancel_fd() : -1, POLLIN, 0}};
        if (::poll(files.data(), files.size(), -1) < 0) return errno == EINTR;
        if (files[1].revents != 0) helper_->read_errors();
        if (files[2].revents != 0) {
            // Nothing more from us is how it hears of it; it goes on to read what it has to say.
            ::shutdown(helper_->socket(), SHUT_WR);
            told_ = true;
        }
        return files[0].revents == 0 || receive();
    }

    bool receive() {
        std::array<char, 4'096> buffer{};
        const auto size = ::recv(helper_->socket(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) return true;
        if (size <= 0) return false;
        received_.append(buffer.data(), static_cast<std::size_t>(size));
        while (const auto line = take_line(received_)) hear(read_message(*line));
        return true;
    }

    void hear(const Json& message) {
        if (message.contains("done"))
            result_ = message["done"];
        else if (message.contains("error"))
            failure_ = error_from_json(message["error"]);
        else if (transfer_ != nullptr)
            transfer_->at(message.at("processed"), message.at("total"));
    }

    std::unique_ptr<RunningHelper> helper_;
    Transfer* transfer_;
    std::string received_;
    std::optional<Json> result_;
    std::optional<Error> failure_;
    bool told_ = false;
};

}  // namespace

Json ask_helper(const HelperPlace& place, const Json& request, Transfer* transfer, const std::vector<int>& files) {
    try {
        if (transfer != nullptr) transfer->refuse_cancelled();
        return Conversation(place, transfer).ask(request, files);
    } catch (const Json::type_error&) {
        throw Error(Code::invalid_args, "The path of an image, its format, or a word of a command is not valid UTF-8");
    } catch (const Json::exception& error) {
        throw Error(Code::failed, std::string("The helper program does not keep to its protocol: ") + error.what());
    }
}

}  // namespace virtbus
