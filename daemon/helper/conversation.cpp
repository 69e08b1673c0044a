// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/conversation.h"

#include "helper/helper_process.h"
#include "helper/protocol.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

namespace virtbus {

namespace {

using Json = nlohmann::json;

/// One request to a helper of its own, and what it answers.
class Conversation {
public:
    Conversation(const std::string& program, Transfer* transfer, const std::vector<int>& files)
        : process_(program, files), transfer_(transfer) {}

    Json ask(const Json& request) {
        // If it has ended already, what it left to be read says why.
        const auto line = request.dump() + '\n';
        ::send(process_.socket(), line.data(), line.size(), MSG_NOSIGNAL);
        while (listen()) {
        }
        const auto ending = process_.wait();
        if (failure_) throw *failure_;
        if (result_) return *result_;
        if (transfer_ != nullptr) transfer_->refuse_cancelled();
        throw Error(Code::failed, "The helper program " + ending);
    }

private:
    /// False when the helper has closed its socket.
    bool listen() {
        const bool cancellable = transfer_ != nullptr && !told_;
        std::array<pollfd, 3> files{pollfd{process_.socket(), POLLIN, 0}, pollfd{process_.errors(), POLLIN, 0},
                                    pollfd{cancellable ? transfer_->cancel_fd() : -1, POLLIN, 0}};
        if (::poll(files.data(), files.size(), -1) < 0) return errno == EINTR;
        if (files[1].revents != 0) process_.read_errors();
        if (files[2].revents != 0) {
            // Nothing more from us is how it hears of it; it goes on to read what it has to say.
            ::shutdown(process_.socket(), SHUT_WR);
            told_ = true;
        }
        return files[0].revents == 0 || receive();
    }

    bool receive() {
        std::array<char, 4'096> buffer{};
        const auto size = ::recv(process_.socket(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) return true;
        if (size <= 0) return false;
        received_.append(buffer.data(), static_cast<std::size_t>(size));
        while (const auto line = take_line(received_)) hear(Json::parse(*line));
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

    HelperProcess process_;
    Transfer* transfer_;
    std::string received_;
    std::optional<Json> result_;
    std::optional<Error> failure_;
    bool told_ = false;
};

}  // namespace

Json ask_helper(const std::string& program, const Json& request, Transfer* transfer, const std::vector<int>& files) {
    try {
        if (transfer != nullptr) transfer->refuse_cancelled();
        return Conversation(program, transfer, files).ask(request);
    } catch (const Json::type_error&) {
        throw Error(Code::invalid_args, "The path of an image, its format, or a word of a command is not valid UTF-8");
    } catch (const Json::exception& error) {
        throw Error(Code::failed, std::string("The helper program does not keep to its protocol: ") + error.what());
    }
}

}  // namespace virtbus
