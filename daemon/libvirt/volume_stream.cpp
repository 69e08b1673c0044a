// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/volume_stream.h"

#include "libvirt/descriptor.h"
#include "libvirt/error.h"
#include "libvirt/sha256.h"
#include "model/qcow2_header.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

namespace virtbus {

namespace {

/// libvirt sends at most this much in one packet (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX less a header).
constexpr std::size_t piece_bytes = 262'120;

/// A stream of libvirt that is aborted unless it was finished.
class Stream {
public:
    explicit Stream(virStorageVolPtr volume) : connection_(virStorageVolGetConnect(volume)) {
        handle_.reset(virStreamNew(connection_, 0));
        if (!handle_) fail("Cannot open a stream");
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() {
        if (open_) virStreamAbort(handle_.get());
    }

    [[nodiscard]] virStreamPtr get() const { return handle_.get(); }

    void opened(int result, std::string_view what) {
        if (result < 0) fail(what);
        open_ = true;
    }
    void check(int result, std::string_view what) const {
        if (result < 0) fail(what);
    }
    /// Only this tells whether all went well.
    void finish(std::string_view what) {
        open_ = false;
        if (virStreamFinish(handle_.get()) < 0) fail(what);
    }

private:
    [[noreturn]] void fail(std::string_view what) const { throw_last(connection_, std::string(what)); }

    virConnectPtr connection_;
    StreamHandle handle_;
    bool open_ = false;
};

constexpr const char* writing = "Cannot write the image";
constexpr const char* reading = "Cannot read the image";

void send(Stream& stream, std::span<const std::byte> data) {
    while (!data.empty()) {
        const int sent = virStreamSend(stream.get(), reinterpret_cast<const char*>(data.data()), data.size());
        stream.check(sent, writing);
        data = data.subspan(static_cast<std::size_t>(sent));
    }
}

void require_sound_header(const std::string& format, const DescriptorSource::Piece& first, std::uint64_t size) {
    if (format != "qcow2") return;
    if (const auto fault = qcow2_fault(first.data, size))
        throw Error(Code::unsafe_image, "the image is refused: " + *fault);
}

std::uint64_t file_size(virStorageVolPtr volume) {
    virStorageVolInfo info{};
    return virStorageVolGetInfoFlags(volume, &info, VIR_STORAGE_VOL_GET_PHYSICAL) < 0 ? 0 : info.allocation;
}

}  // namespace

std::uint64_t write_volume(virStorageVolPtr volume, const std::string& format, const UniqueFd& source,
                           Transfer& transfer, std::string* sha256) {
    DescriptorSource input(source, transfer);
    const auto total = std::max(input.expected(), transfer.total());
    const auto known_size = input.expected() == 0 ? UINT64_MAX : input.expected();
    std::vector<std::byte> buffer(piece_bytes);
    std::optional<Sha256> digest;
    if (sha256 != nullptr) digest.emplace();

    auto piece = input.next(buffer);
    require_sound_header(format, piece, known_size);
    Stream stream(volume);
    stream.opened(virStorageVolUpload(volume, stream.get(), 0, 0, VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM), writing);
    std::uint64_t size = 0;
    for (; piece.hole > 0 || !piece.data.empty(); piece = input.next(buffer)) {
        if (piece.hole > 0)
            stream.check(virStreamSendHole(stream.get(), static_cast<long long>(piece.hole), 0), writing);
        else
            send(stream, piece.data);
        if (digest) digest->add(piece.data, piece.hole);
        size += piece.hole + piece.data.size();
        transfer.at(size, std::max(total, size));
    }
    stream.finish(writing);
    if (digest) *sha256 = digest->hex();
    return size;
}

std::uint64_t read_volume(virStorageVolPtr volume, const UniqueFd& target, Transfer& transfer) {
    DescriptorTarget output(target, transfer);
    const auto total = file_size(volume);
    transfer.at(0, total);
    std::vector<std::byte> buffer(piece_bytes);
    Stream stream(volume);
    stream.opened(virStorageVolDownload(volume, stream.get(), 0, 0, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM), reading);
    std::uint64_t size = 0;
    for (;;) {
        transfer.refuse_cancelled();
        constexpr int at_hole = -3;
        const int length = virStreamRecvFlags(stream.get(), reinterpret_cast<char*>(buffer.data()), buffer.size(),
                                              VIR_STREAM_RECV_STOP_AT_HOLE);
        if (length == 0) break;
        if (length == at_hole) {
            long long hole = 0;
            stream.check(virStreamRecvHole(stream.get(), &hole, 0), reading);
            output.write_hole(static_cast<std::uint64_t>(hole));
            size += static_cast<std::uint64_t>(hole);
        } else {
            stream.check(length, reading);
            output.write(std::span(buffer).first(static_cast<std::size_t>(length)));
            size += static_cast<std::uint64_t>(length);
        }
        transfer.at(size, std::max(total, size));
    }
    stream.finish(reading);
    output.finish();
    return size;
}

}  // namespace virtbus
