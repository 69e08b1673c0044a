// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/allowed_directories.h"

#include "model/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace virtbus {

AllowedFiles read_allowed_files(const std::string& config_file) {
    AllowedDirectories directories;
    std::error_code error;
    if (!std::filesystem::exists(config_file, error) && !error) return AllowedFiles(directories.files, directories.roots);
    std::ifstream file(config_file);
    try {
        const auto settings = nlohmann::json::parse(file, nullptr, true, /*ignore_comments=*/true);
        const auto read = [&](const char* key, std::vector<std::filesystem::path>& into) {
            const auto texts = settings.value(key, nlohmann::json());
            if (texts.is_null()) return;
            const auto names = texts.get<std::vector<std::string>>();
            into.assign(names.begin(), names.end());
        };
        read("allowed-directories", directories.files);
        read("container-directories", directories.roots);
    } catch (const nlohmann::json::exception& reason) {
        throw Error(Code::failed, fmt::format("{}: {}", config_file, reason.what()));
    }
    return AllowedFiles(directories.files, directories.roots);
}

}  // namespace virtbus
