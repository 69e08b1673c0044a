// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/console.h"

#include "base/log.h"
#include "libvirt/domain.h"
#include "libvirt/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>

namespace virtbus {

namespace {

/// What is kept for a client that does not read. Beyond that output is lost, as on a serial line that nobody reads:
/// libvirt would queue it in our memory without a limit.
constexpr std::size_t most_for_client = std::size_t{1} << 20;
/// What is taken from a client before the guest has taken it.
constexpr std::size_t most_for_guest = std::size_t{64} << 10;
constexpr std::size_t chunk = std::size_t{64} << 10;
constexpr int most_rounds = 16;
constexpr int would_block = -2;  // of virStreamRecv and virStreamSend
constexpr auto closing_time = std::chrono::seconds(5);
constexpr auto closing_takes = std::chrono::seconds(1);
constexpr int closing_pause = 100;  // milliseconds

/// What libvirt's callbacks share with the pump: they may still run when it has ended.
class Bell {
public:
    void ring() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(eventfd_.get(), &one, sizeof one);
    }
    void silence() {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto size = ::read(eventfd_.get(), &count, sizeof count);
    }
    [[nodiscard]] int fd() const { return eventfd_.get(); }

    std::atomic<bool> over = false;  ///< the connection is lost, or the console shall end

private:
    UniqueFd eventfd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

using Share = std::shared_ptr<Bell>;

void release(void* opaque) { delete static_cast<Share*>(opaque); }

/// On libvirt's event loop. The event holds until the pump has dealt with it: silent till the pump asks again, so that
/// the loop does not spin.
void on_stream_event(virStreamPtr stream, int, void* opaque) {
    virStreamEventUpdateCallback(stream, 0);
    (*static_cast<Share*>(opaque))->ring();
}

/// On any thread. A stream has no event for it.
void on_close(virConnectPtr, int, void* opaque) {
    const auto& bell = *static_cast<Share*>(opaque);
    bell->over = true;
    bell->ring();
}

/// Frees it on the event loop's thread, where a callback may still be using it. A stream does not free it by itself:
/// libvirt 9.0's remote driver never calls the free callback that it was given.
void free_on_event_loop(std::unique_ptr<Share> share) {
    const auto once = [](int timer, void*) { virEventRemoveTimeout(timer); };
    if (virEventAddTimeout(0, once, share.get(), release) >= 0) static_cast<void>(share.release());
}

StreamHandle open_stream(const Domain& domain, bool force) {
    constexpr auto act = "open the console of";
    StreamHandle stream(virStreamNew(domain.connection(), VIR_STREAM_NONBLOCK));
    if (!stream) domain.fail(act);
    const unsigned flags = force ? VIR_DOMAIN_CONSOLE_FORCE : 0;
    if (virDomainOpenConsole(domain.get(), nullptr, stream.get(), flags) == 0) return stream;
    const auto error = last_error();
    const bool alive = virConnectIsAlive(domain.connection()) == 1;
    // libvirt has no numbers of their own for "no console" and "open elsewhere".
    if (alive && error.code == VIR_ERR_INTERNAL_ERROR)
        throw Error(Code::invalid_state, domain.cannot(act) + ": " + error.message);
    if (alive && error.code == VIR_ERR_OPERATION_FAILED)
        throw Error(Code::machine_busy,
                    domain.cannot(act) + ": " + error.message + (force ? "" : "; \"force\" takes it over"));
    throw_error(domain.connection(), error, domain.cannot(act));
}

/// Whoever has just closed it is still there for libvirt for a moment.
StreamHandle open_stream_soon(const Domain& domain, bool force) {
    for (const auto end = std::chrono::steady_clock::now() + closing_takes;;) {
        try {
            return open_stream(domain, force);
        } catch (const Error& error) {
            if (force || error.code() != Code::machine_busy || std::chrono::steady_clock::now() >= end) throw;
        }
        ::poll(nullptr, 0, closing_pause);
    }
}

}  // namespace

class Console::Pump {
public:
    Pump(OpenedConnection connection, StreamHandle stream, UniqueFd socket)
        : connection_(std::move(connection.handle)),
          can_be_lost_(connection.can_be_lost),
          stream_(std::move(stream)),
          socket_(std::move(socket)) {}

    /// The whole life of a console; on its own thread.
    void run() {
        const bool graceful = watch() && pump();
        virStreamEventRemoveCallback(stream_.get());
        free_on_event_loop(std::move(stream_share_));
        if (can_be_lost_) virConnectUnregisterCloseCallback(connection_.get(), on_close);
        socket_ = UniqueFd();
        // Finishing lets libvirt pass on what is still under way. Both wait for its answer, at most until keepalive
        // finds the connection dead.
        if (graceful)
            virStreamFinish(stream_.get());
        else
            virStreamAbort(stream_.get());
        stream_.reset();
        connection_.reset();
    }

    void stop() {
        bell_->over = true;
        bell_->ring();
    }

private:
    bool watch() {
        if (can_be_lost_) {
            auto share = std::make_unique<Share>(bell_);
            if (virConnectRegisterCloseCallback(connection_.get(), on_close, share.get(), release) < 0) return false;
            share.release();
        }
        stream_share_ = std::make_unique<Share>(bell_);
        return virStreamEventAddCallback(stream_.get(), 0, on_stream_event, stream_share_.get(), nullptr) == 0;
    }

    /// True when the client or the guest ended it, false when something failed or it was stopped.
    bool pump() {
        for (;;) {
            if (!from_stream() || !to_stream()) return false;
            if (!to_socket()) return true;
            if (guest_ended_ && for_client_.empty()) return true;
            if (!wait()) return false;
            if (!from_socket()) return to_stream();
        }
    }

    bool wait() {
        constexpr int always = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;
        const int to_guest = for_guest_.empty() ? 0 : VIR_STREAM_EVENT_WRITABLE;
        if (!guest_ended_) virStreamEventUpdateCallback(stream_.get(), always | to_guest);
        const int in = for_guest_.size() < most_for_guest ? POLLIN : 0;
        const int out = for_client_.empty() ? 0 : POLLOUT;
        std::array<pollfd, 2> files{pollfd{socket_.get(), static_cast<short>(in | out), 0},
                                    pollfd{bell_->fd(), POLLIN, 0}};
        while (::poll(files.data(), files.size(), -1) < 0)
            if (errno != EINTR) return false;
        socket_events_ = files[0].revents;
        bell_->silence();
        return !bell_->over;
    }

    bool from_stream() {
        // A guest that never stops must not keep us from hearing the client.
        for (int round = 0; round < most_rounds && !guest_ended_; ++round) {
            const int size = virStreamRecv(stream_.get(), buffer_.data(), buffer_.size());
            if (size == would_block) return true;
            if (size < 0) return lose("reading");
            if (size == 0) guest_ended_ = true;
            const auto room = most_for_client - for_client_.size();
            for_client_.append(buffer_.data(), std::min(room, static_cast<std::size_t>(size)));
            if (!to_socket()) return true;
        }
        return true;
    }

    bool to_stream() {
        while (!for_guest_.empty() && !guest_ended_) {
            const int size = virStreamSend(stream_.get(), for_guest_.data(), for_guest_.size());
            if (size == would_block) return true;
            if (size < 0) return lose("writing");
            for_guest_.erase(0, static_cast<std::size_t>(size));
        }
        return true;
    }

    /// False. A client sees an end alone, and libvirt's word for it nowhere else.
    static bool lose(const char* doing) {
        log::info(fmt::format("a console was lost, {}: {}", doing, last_error().message));
        return false;
    }

    /// False when the client has gone.
    bool from_socket() {
        if ((socket_events_ & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
        const auto size = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
        if (size > 0) for_guest_.append(buffer_.data(), static_cast<std::size_t>(size));
        return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
    }

    /// False when the client has gone.
    bool to_socket() {
        while (!for_client_.empty()) {
            const auto size = ::send(socket_.get(), for_client_.data(), for_client_.size(), MSG_NOSIGNAL);
            if (size < 0) return errno == EAGAIN || errno == EINTR;
            for_client_.erase(0, static_cast<std::size_t>(size));
        }
        return true;
    }

    ConnectionHandle connection_;
    bool can_be_lost_;
    StreamHandle stream_;
    UniqueFd socket_;
    Share bell_ = std::make_shared<Bell>();
    std::unique_ptr<Share> stream_share_;  // what the stream's callback has
    std::string for_client_;
    std::string for_guest_;
    std::array<char, chunk> buffer_{};
    short socket_events_ = 0;
    bool guest_ended_ = false;
};

std::pair<std::unique_ptr<Console>, UniqueFd> Console::open(OpenedConnection connection, const Uuid& uuid, bool force) {
    auto stream = open_stream_soon(Domain::find(connection.handle.get(), uuid), force);
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        virStreamAbort(stream.get());
        throw Error(Code::failed, "Cannot open the console: no socket could be made");
    }
    UniqueFd ours(pair[0]);
    UniqueFd clients(pair[1]);
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    auto pump = std::make_shared<Pump>(std::move(connection), std::move(stream), std::move(ours));
    return {std::unique_ptr<Console>(new Console(std::move(pump))), std::move(clients)};
}

Console::Console(std::shared_ptr<Pump> pump) : pump_(std::move(pump)) {
    std::packaged_task<void()> life([own = pump_] { own->run(); });
    ended_ = life.get_future();
    thread_ = std::thread(std::move(life));
}

Console::~Console() {
    pump_->stop();
    // libvirt does not close its side before the guest has taken all that was written to it. The thread then goes on
    // alone until the connection is found dead; it owns all that it uses.
    if (ended_.wait_for(closing_time) == std::future_status::ready)
        thread_.join();
    else
        thread_.detach();
}

bool Console::has_ended() const { return ended_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

}  // namespace virtbus
