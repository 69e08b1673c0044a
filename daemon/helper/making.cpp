// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations that make an image's file. One thread.
#include "helper/failure.h"
#include "helper/file_data.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/qemu_img.h"
#include "helper/target.h"
#include "model/qcow2_header.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace virtbus::operations {

namespace {

/// Whether the file system takes blocks without writing them: quick, and as good.
bool can_reserve(int fd) {
    const bool can = ::fallocate(fd, 0, 0, 4'096) == 0;
    if (::ftruncate(fd, 0) != 0) throw system_failure("empty a temporary file", errno);
    return can;
}

/// As an option of the file's format, in qemu-img's words.
std::vector<std::string> preallocation_options(const NewFile& file, int fd) {
    switch (file.preallocation) {
        case Preallocation::off: return {};
        case Preallocation::metadata:
            if (file.format == "raw")
                throw Error(Code::invalid_args, "A raw image has no metadata: preallocation must be off or full");
            return {"-o", "preallocation=metadata"};
        case Preallocation::full: return {"-o", can_reserve(fd) ? "preallocation=falloc" : "preallocation=full"};
    }
    return {};
}

void append(std::vector<std::string>& words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
}

/// What qemu-img has written so far goes to the disk meanwhile: else all of it would have to at the end, when nobody
/// can cancel it.
void begin_to_sync(int fd) { ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); }

std::uint64_t part(double of_one, std::uint64_t total) {
    return static_cast<std::uint64_t>(of_one * static_cast<double>(total));
}

std::vector<std::byte> start_of(int fd, const std::string& act) {
    std::vector<std::byte> start(qcow2_header_room);
    const auto size = ::pread(fd, start.data(), start.size(), 0);
    if (size < 0) throw system_failure(act, errno);
    start.resize(static_cast<std::size_t>(size));
    return start;
}

/// Copies `image` to the target, and puts it on another backing file there.
void rebase_copy(Peer& peer, int image, const Target& target, const ImageFile& backing, const std::string& act) {
    // Both halves of the work read about as much.
    const auto half = bytes_of_data(image);
    copy_data(image, target.fd(), act, [&](std::uint64_t processed) {
        peer.refuse_cancelled();
        peer.at(std::min(processed, half), half * 2);
    });
    qemu_img(peer, act,
             {.arguments = {"rebase", "-p", "-f", "qcow2", "-F", backing.format, "-b", backing.path, target.path()},
              .at = [&](double done) {
                  begin_to_sync(target.fd());
                  peer.at(half + part(done, half), half * 2);
              }});
}

/// Why a qcow2 image that somebody gave us is refused.
std::optional<std::string> fault_of(const Peer& peer, const Target& target) {
    const auto size = ::lseek(target.fd(), 0, SEEK_END);
    const auto start = start_of(target.fd(), "read the image");
    if (auto fault = qcow2_fault(start, static_cast<std::uint64_t>(size))) return fault;

    const auto info =
        run_qemu_img(peer, {.arguments = {"info", "--output=json", "-f", "qcow2", target.path()}, .is_limited = true});
    if (info.status != 0) return "QEMU cannot read it: " + std::string(qemu_img_failure("open it", info.errors).what());
    const auto facts = Json::parse(info.output, nullptr, false);
    if (!facts.is_object()) return "what QEMU says of it cannot be read";
    const Json::json_pointer data_file("/format-specific/data/data-file");
    if (facts.contains("backing-filename")) return "it names a backing file, and must stand alone";
    if (facts.contains(data_file)) return "it keeps its data in another file";

    const auto check =
        run_qemu_img(peer, {.arguments = {"check", "--output=json", "-f", "qcow2", target.path()}, .is_limited = true});
    // 3: it takes more room than it needs, which harms nobody.
    if (check.status == 0 || check.status == 3) return std::nullopt;
    if (check.status == 2) return "it is damaged: qemu-img check finds errors in it";
    return "it cannot be checked: " + std::string(qemu_img_failure("check it", check.errors).what());
}

}  // namespace

void make_image(const Peer& peer, int fd, const std::string& path, const NewFile& file, std::uint64_t size,
                const std::optional<ImageFile>& backing) {
    std::vector<std::string> words{"create", "-q", "-f", file.format};
    append(words, preallocation_options(file, fd));
    if (backing) append(words, {"-b", backing->path, "-F", backing->format});
    append(words, {path, std::to_string(size)});
    qemu_img(peer, "make " + file.directory + "/" + file.name, {.arguments = words});
}

Json create(const Json& request, Peer& peer) {
    const auto file = target_of(request, peer);
    std::optional<ImageFile> backing;
    if (request.contains("backing")) {
        if (file.format != "qcow2") throw Error(Code::invalid_args, "A raw image cannot be based on another");
        backing = image_of(request, "backing", peer);
    }
    Target target(file, Temporary::Start::make);
    make_image(peer, target.fd(), target.path(), file, request.at("size"), backing);
    target.publish();
    return Json::object();
}

Json convert(const Json& request, Peer& peer) {
    const auto source = image_of(request, "source", peer);
    Target target(target_of(request, peer), Temporary::Start::make);
    const auto& file = target.file();
    const auto total = measure_image(peer, source, file.format).required;
    target.require_space(total);
    std::vector<std::string> words{"convert", "-p", "-f", source.format, "-O", file.format};
    append(words, preallocation_options(file, target.fd()));
    append(words, {source.path, target.path()});
    qemu_img(peer, "copy " + source.path, {.arguments = words, .at = [&](double done) {
                                               begin_to_sync(target.fd());
                                               peer.at(part(done, total), total);
                                           }});
    peer.refuse_cancelled();
    target.publish();
    return Json::object();
}

Json rebase(const Json& request, Peer& peer) {
    const auto image = image_of(request, "image", peer);
    const auto backing = image_of(request, "backing", peer);
    const auto act = "rebase " + image.path;
    if (image.format != "qcow2")
        throw Error(Code::not_supported, "Cannot " + act + ": only qcow2 images are based on others");
    Target target(target_of(request, peer), Temporary::Start::make);
    const auto fd = open_image(image.path, O_RDONLY);
    if (target.old_fd() < 0 || !is_same_file(fd.get(), target.old_fd()))
        throw Error(Code::invalid_args, "Cannot " + act + ": the target does not replace it");
    // Their data would change with what is below them.
    if (qcow2_has_snapshots(start_of(fd.get(), act)))
        throw Error(Code::not_supported, "Cannot " + act + ": it has snapshots inside; delete them first");
    rebase_copy(peer, fd.get(), target, backing, act);
    peer.refuse_cancelled();
    target.publish();
    return Json::object();
}

Json adopt(const Json& request, Peer& peer) {
    Target target(target_of(request, peer), Temporary::Start::take_over);
    if (target.file().format == "qcow2")
        if (const auto fault = fault_of(peer, target))
            throw Error(Code::unsafe_image, "The image " + target.file().name + " is refused: " + *fault);
    peer.refuse_cancelled();
    target.publish();
    return Json::object();
}

Json publish(const Json& request, Peer& peer) {
    Target(target_of(request, peer), Temporary::Start::take_over).publish();
    return Json::object();
}

}  // namespace virtbus::operations
