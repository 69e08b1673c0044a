// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/container_helper_tool.h"

#include "helper/conversation.h"

namespace virtbus {

CommandEnd ContainerHelperTool::run(const std::vector<UniqueFd>& namespaces, const ContainerCommand& command,
                                    Transfer& transfer) {
    std::vector<int> files;
    for (const auto& stream : command.streams) files.push_back(stream->get());
    for (const auto& space : namespaces) files.push_back(space.get());
    const nlohmann::json request{{"words", command.words}, {"limit_usec", command.limit.count()}};
    const auto answer = ask_helper(place_, request, &transfer, files);
    return {answer.at("exit_code"), answer.at("signal")};
}

}  // namespace virtbus
