// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/image_formats.h"

#include "base/log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace virtbus {

using Json = nlohmann::json;

namespace {

/// What is said of many images at once is written once.
constexpr std::chrono::milliseconds pause_to_gather{200};

}  // namespace

ImageFormats::ImageFormats(asio::io_context& loop, std::filesystem::path file) : file_(loop, std::move(file)) {
    const auto text = file_.read();
    if (!text) return;
    try {
        const auto document = Json::parse(*text);
        for (const auto& [path, record] : document.items())
            records_[path] = {record.at("inode").get<std::uint64_t>(),
                              record.at("format").get<std::string>(),
                              {record.value("replaced-inode", std::uint64_t{0}), record.value("replaced-format", "")}};
    } catch (const Json::exception& error) {
        records_.clear();
        log::error(
            fmt::format("{} is damaged, the formats of images are not known: {}", file_.path().string(), error.what()));
    }
}

std::optional<std::string> ImageFormats::find(const std::string& path, std::uint64_t inode) {
    const auto found = records_.find(path);
    if (found == records_.end()) return std::nullopt;
    auto& record = found->second;
    if (inode != 0 && inode == record.replaced.inode) return record.replaced.format;
    if (record.inode == 0 && inode != 0) {
        record.inode = inode;
        save_later();
    }
    if (inode != 0 && record.inode != inode) {  // another file under the same name: nobody has said anything of it
        records_.erase(found);
        save_later();
        return std::nullopt;
    }
    return record.format;
}

Task<> ImageFormats::declare(std::string path, std::uint64_t inode, std::string format, ReplacedFile replaced) {
    records_[std::move(path)] = {inode, std::move(format), std::move(replaced)};
    auto document = text();
    co_await file_.write(std::move(document));
}

void ImageFormats::withdraw(const std::string& path) {
    const auto found = records_.find(path);
    if (found == records_.end()) return;
    const auto replaced = found->second.replaced;
    if (replaced.inode == 0)
        records_.erase(found);
    else
        found->second = {replaced.inode, replaced.format, {}};
    save_later();
}

void ImageFormats::declare_later(const std::string& path, std::uint64_t inode, const std::string& format) {
    records_[path] = {inode, format, {}};
    save_later();
}

void ImageFormats::forget(const std::string& path) {
    if (records_.erase(path) > 0) save_later();
}

std::string ImageFormats::text() const {
    Json document = Json::object();
    for (const auto& [path, record] : records_) {
        auto& entry = document[path] = {{"inode", record.inode}, {"format", record.format}};
        if (record.replaced.inode == 0) continue;
        entry["replaced-inode"] = record.replaced.inode;
        entry["replaced-format"] = record.replaced.format;
    }
    // Paths are what libvirt says, cleaned to UTF-8.
    return document.dump(1);
}

void ImageFormats::save_later() {
    file_.write_later([this] { return text(); }, pause_to_gather);
}

}  // namespace virtbus
