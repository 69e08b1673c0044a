// SPDX-License-Identifier: LGPL-2.1-or-later
#include "disk.h"

#include "execute.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <vector>

namespace virtbus::test {

namespace {

/// Its place isn't in the PATH of everybody.
constexpr const char* debugfs_program = "/usr/sbin/debugfs";

std::string succeed(const std::vector<std::string>& words) {
    auto ran = execute(words);
    if (ran.status != 0) throw std::runtime_error(fmt::format("{} failed: {}", fmt::join(words, " "), ran.output));
    return std::move(ran.output);
}

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Disk::Disk(const std::filesystem::path& image) {
    succeed({"qemu-img", "convert", "-O", "raw", image.string(), this->image().string()});
}

std::string Disk::read(const std::string& path) const {
    if (ask("stat " + path).find("Type: regular") == std::string::npos)
        throw std::runtime_error(fmt::format("there is no file {} on the disk", path));
    const auto copy = directory_.path / "read";
    std::filesystem::remove(copy);
    const auto said = ask(fmt::format("dump {} {}", path, copy.string()));
    if (!std::filesystem::exists(copy)) throw std::runtime_error(fmt::format("cannot read {}: {}", path, said));
    return content_of(copy);
}

std::string Disk::link(const std::string& path) const {
    static const std::regex target("Fast link dest: \"([^\"]*)\"");
    const auto said = ask("stat " + path);
    std::smatch found;
    return std::regex_search(said, found, target) ? found[1].str() : "";
}

void Disk::write(const std::string& path, const std::string& content) {
    const std::filesystem::path target = path;
    const auto name = target.filename().string();
    const auto copy = directory_.path / "written";
    const auto requests = directory_.path / "requests";
    std::ofstream(copy, std::ios::binary) << content;
    // debugfs puts a file only where it is, and makes it its caller's.
    std::ofstream(requests) << "cd " << target.parent_path().string() << "\nrm " << name << "\nwrite " << copy.string()
                            << " " << name << "\nsif " << name << " mode 0100644\nsif " << name << " uid 0\nsif "
                            << name << " gid 0\n";
    const auto said = succeed({debugfs_program, "-w", "-f", requests.string(), image().string()});
    // It ends with 0 even when it has failed.
    if (read(path) != content) throw std::runtime_error(fmt::format("cannot write {} to the disk: {}", path, said));
}

std::string Disk::ask(const std::string& request) const {
    return succeed({debugfs_program, "-R", request, image().string()});
}

}  // namespace virtbus::test
