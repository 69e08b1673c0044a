// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/helper_tool.h"

#include "helper/conversation.h"
#include "helper/protocol.h"

namespace virtbus {

void HelperTool::create(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing,
                        Transfer& transfer) {
    nlohmann::json request{{"operation", "create"}, {"target", target}, {"size", size}};
    if (backing) request["backing"] = *backing;
    ask_helper(place_, request, &transfer);
}

std::uint64_t HelperTool::measure(const ImageFile& source, const std::string& format) {
    return ask_helper(place_, {{"operation", "measure"}, {"source", source}, {"format", format}}).at("bytes");
}

void HelperTool::convert(const ImageFile& source, const NewFile& target, Transfer& transfer) {
    ask_helper(place_, {{"operation", "convert"}, {"source", source}, {"target", target}}, &transfer);
}

void HelperTool::rebase(const ImageFile& image, const NewFile& target, const ImageFile& backing, Transfer& transfer) {
    ask_helper(place_, {{"operation", "rebase"}, {"image", image}, {"target", target}, {"backing", backing}},
               &transfer);
}

void HelperTool::resize(const ImageFile& image, std::uint64_t size, bool shrink) {
    ask_helper(place_, {{"operation", "resize"}, {"image", image}, {"size", size}, {"shrink", shrink}});
}

void HelperTool::wipe(const ImageFile& image, const NewFile& target, std::uint64_t size, Transfer& transfer) {
    ask_helper(place_, {{"operation", "wipe"}, {"image", image}, {"target", target}, {"size", size}}, &transfer);
}

CheckReport HelperTool::check(const ImageFile& image, Transfer& transfer) {
    return ask_helper(place_, {{"operation", "check"}, {"image", image}}, &transfer).get<CheckReport>();
}

void HelperTool::adopt(const NewFile& target, Transfer& transfer) {
    ask_helper(place_, {{"operation", "adopt"}, {"target", target}}, &transfer);
}

void HelperTool::publish(const NewFile& target) { ask_helper(place_, {{"operation", "publish"}, {"target", target}}); }

void HelperTool::remove_temporary(const std::string& directory, const std::string& temporary) {
    ask_helper(place_, {{"operation", "remove_temporary"}, {"directory", directory}, {"temporary", temporary}});
}

}  // namespace virtbus
