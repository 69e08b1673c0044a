// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations on images that are there. One thread.
#include "helper/failure.h"
#include "helper/file_data.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/qemu_img.h"
#include "helper/target.h"
#include "model/qcow2_header.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace virtbus::operations {

namespace {

/// What QEMU takes for a format may also be a way to something that is no file.
constexpr std::array<std::string_view, 12> formats{"raw",  "qcow2", "qcow", "qed",       "vmdk",  "vdi",
                                                   "vhdx", "vpc",   "dmg",  "parallels", "bochs", "cloop"};

/// The parts of overwriting, as they are told to the peer.
Advance tell(Peer& peer, std::uint64_t total) {
    return [&peer, total](std::uint64_t processed) {
        peer.refuse_cancelled();
        peer.at(std::min(processed, total), total);
    };
}

/// virtbusd knows of those that it can read itself.
void refuse_external_data(int fd, const std::string& path) {
    std::array<std::byte, 104> header{};
    const auto size = ::pread(fd, header.data(), header.size(), 0);
    if (size > 0 && qcow2_has_external_data(std::span(header).first(static_cast<std::size_t>(size))))
        throw Error(Code::unsafe_image, path + " keeps its data in another file");
}

void wipe_in_place(Peer& peer, const ImageFile& image, const std::string& act) {
    const auto fd = open_image(image.path, O_RDWR);
    lock_image(fd.get(), Hold::alone, act);
    overwrite_data(fd.get(), act, tell(peer, bytes_of_data(fd.get())));
}

/// Nobody ever sees an image that is half overwritten: an empty one takes its place first.
void wipe_replaced(Peer& peer, const ImageFile& image, NewFile file, std::uint64_t size, const std::string& act) {
    file.replace = true;
    Target target(file, Temporary::Start::make, Hold::alone);
    if (!is_same_file(open_image(image.path, O_RDONLY).get(), target.old_fd()))
        throw Error(Code::invalid_args, "Cannot " + act + ": the target does not replace it");
    make_image(peer, target.fd(), target.path(), file, size, std::nullopt);
    peer.refuse_cancelled();
    target.exchange();
    overwrite_data(target.old_fd(), act, tell(peer, bytes_of_data(target.old_fd())));
}

}  // namespace

ImageFile image_of(const Json& request, const char* key, const Peer& peer) {
    auto image = request.at(key).get<ImageFile>();
    peer.require_file(key, image.path);
    if (std::find(formats.begin(), formats.end(), image.format) == formats.end())
        throw Error(Code::not_supported,
                    fmt::format("{} is of format \"{}\", which cannot be worked on", image.path, image.format));
    const auto file = open_image(image.path, O_RDONLY);
    if (image.format == "qcow2") refuse_external_data(file.get(), image.path);
    return image;
}

NewFile target_of(const Json& request, const Peer& peer) {
    auto file = request.at("target").get<NewFile>();
    peer.require_file("target", file.directory);
    check_image_format("format", file.format);
    return file;
}

std::string directory_of(const Json& request, const Peer& peer) {
    auto directory = request.at("directory").get<std::string>();
    peer.require_file("directory", directory);
    return directory;
}

Measure measure_image(const Peer& peer, const ImageFile& source, const std::string& format) {
    const auto as = [&](const std::string& wanted) {
        return Json::parse(
            qemu_img(peer, "measure " + source.path,
                     {.arguments = {"measure", "--output=json", "-f", source.format, "-O", wanted, source.path}}));
    };
    const auto found = as(format);
    Measure result{.required = found.at("required"), .full = found.at("fully-allocated")};
    // QEMU takes a raw image for full; yet its holes stay holes, and what a qcow2 image needs for the same is more.
    if (format == "raw") result.required = std::min(result.required, as("qcow2").at("required").get<std::uint64_t>());
    return result;
}

Json measure(const Json& request, Peer& peer) {
    constexpr std::uint64_t slack = 1 << 20;  // the file system's own, such as for extents
    const std::string format = request.at("format");
    check_image_format("format", format);
    const auto found = measure_image(peer, image_of(request, "source", peer), format);
    return {{"bytes", std::max(found.required, std::min(found.full, found.required + slack))}};
}

Json resize(const Json& request, Peer& peer) {
    const auto image = image_of(request, "image", peer);
    const auto act = "resize " + image.path;
    std::vector<std::string> words{"resize", "-q", "-f", image.format};
    if (request.at("shrink").get<bool>()) words.emplace_back("--shrink");
    words.push_back(image.path);
    words.push_back(std::to_string(request.at("size").get<std::uint64_t>()));
    const auto outcome = run_qemu_img(peer, {.arguments = words});
    if (outcome.errors.find("Use the --shrink option") != std::string::npos)
        throw Error(Code::invalid_args,
                    "Cannot " + act + ": what is beyond the new size would be lost; say shrink if it may");
    if (outcome.status != 0) throw qemu_img_failure(act, outcome.errors);
    return Json::object();
}

Json wipe(const Json& request, Peer& peer) {
    const auto image = image_of(request, "image", peer);
    const auto act = "wipe " + image.path;
    if (image.format == "raw")
        wipe_in_place(peer, image, act);
    else if (image.format == "qcow2")
        wipe_replaced(peer, image, target_of(request, peer), request.at("size"), act);
    else
        throw Error(Code::not_supported,
                    fmt::format("Cannot {}: its format is {}, and only raw and qcow2 can be", act, image.format));
    return Json::object();
}

Json check(const Json& request, Peer& peer) {
    const auto image = image_of(request, "image", peer);
    const auto act = "check " + image.path;
    const auto outcome = run_qemu_img(peer, {.arguments = {"check", "--output=json", "-f", image.format, image.path}});
    constexpr int not_supported = 63;
    if (outcome.status == not_supported)
        throw Error(Code::not_supported, fmt::format("Cannot {}: {} has nothing to check", act, image.format));
    // 2: damaged, 3: takes more than it needs. After an error of the check itself there is a report only if it began.
    const bool is_result = outcome.status == 0 || outcome.status == 2 || outcome.status == 3;
    if (!is_result && outcome.output.empty()) throw qemu_img_failure(act, outcome.errors);
    return Json::parse(outcome.output).get<CheckReport>();
}

Json remove_temporary(const Json& request, Peer& peer) {
    const Directory directory(directory_of(request, peer));
    const bool removed = Temporary::remove(directory, request.at("temporary").get<std::string>());
    return {{"removed", removed}};
}

}  // namespace virtbus::operations
