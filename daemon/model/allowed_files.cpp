// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/allowed_files.h"

#include "model/checked_text.h"
#include "model/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

namespace virtbus {

namespace {

constexpr std::size_t path_bytes = 4'096;

/// What does not exist is resolved as it is written, and a link that leads nowhere does not exist.
bool has_link(std::filesystem::path resolved) {
    for (; resolved.has_relative_path(); resolved = resolved.parent_path()) {
        std::error_code error;
        if (std::filesystem::is_symlink(std::filesystem::symlink_status(resolved, error))) return true;
    }
    return false;
}

/// What we may not see, only the administrator has put there, links as well; whether it is there, libvirt finds out.
std::filesystem::path unseen(const std::filesystem::path& path, std::error_code& error) {
    const auto name = path.filename();
    if (name.empty() || name == "." || name == "..") return {};
    return std::filesystem::canonical(path.parent_path(), error) / name;
}

}  // namespace

void AllowedFiles::check(std::string_view key, const std::string& file) const {
    check_line(key, file, path_bytes);
    const std::filesystem::path path(file);
    if (!path.is_absolute()) refuse_value(key, "must be an absolute path");
    // Behind a link that leads nowhere yet, ".." could later lead anywhere.
    if (std::find(path.begin(), path.end(), "..") != path.end()) refuse_value(key, "\"..\" is not allowed");
    std::error_code error;
    const auto resolved = std::filesystem::weakly_canonical(path, error);
    if (!error && has_link(resolved)) refuse_value(key, fmt::format("{} goes through a link that leads nowhere", file));
    const auto inside = [&](const std::filesystem::path& directory) {
        const auto root = std::filesystem::weakly_canonical(directory, error);
        return !error && std::mismatch(root.begin(), root.end(), resolved.begin(), resolved.end()).first == root.end();
    };
    if (error || !std::any_of(directories_.begin(), directories_.end(), inside))
        refuse_value(key, fmt::format("{} is not below a directory that this hypervisor's files may come from "
                                      "(allowed-directories in the configuration)",
                                      file));
}

void AllowedFiles::check_root(std::string_view key, const std::string& directory) const {
    check_line(key, directory, path_bytes);
    const std::filesystem::path path(directory);
    if (!path.is_absolute()) refuse_value(key, "must be an absolute path");
    std::error_code error;
    auto resolved = std::filesystem::canonical(path, error);
    if (error == std::errc::permission_denied)
        resolved = unseen(path, error);
    else if (error || !std::filesystem::is_directory(resolved, error))
        refuse_value(key, directory + " is not a directory");
    const auto is_in = [&](const std::filesystem::path& root) {
        const auto parent = std::filesystem::canonical(root, error);
        return !error && resolved.has_relative_path() && resolved.parent_path() == parent;
    };
    if (!std::any_of(roots_.begin(), roots_.end(), is_in))
        refuse_value(key, fmt::format("{} is not directly in a directory for the roots of containers "
                                      "(container-directories in the configuration)",
                                      directory));
}

AllowedFiles read_allowed_files(const std::string& config_file) {
    AllowedDirectories directories;
    std::error_code error;
    if (!std::filesystem::exists(config_file, error) && !error)
        return AllowedFiles(directories.files, directories.roots);
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
