// SPDX-License-Identifier: LGPL-2.1-or-later
// The pools and images of the fake hypervisor, and a fake of what works on image files: both in memory. Any thread.
#pragma once

#include "model/error.h"
#include "model/image_tool.h"
#include "model/storage_port.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace virtbus::test {

/// A running pool of type dir, at /pools/<name>.
Pool make_pool(const std::string& name);
/// A qcow2 image of 1 GiB; its stamp is not known.
Image make_image(const std::string& pool, const std::string& name);

class FakeStorage final : public StoragePort {
public:
    // The truth. Changing it here tells nobody.
    void add(Pool pool);
    void add(Image image);
    void erase(const std::string& pool, const std::string& name);
    [[nodiscard]] std::optional<Image> image(const std::string& pool, const std::string& name) const;
    /// The next `times` calls of any kind throw `error`; all of them, if it is negative.
    void fail(const Error& error, int times = 1);
    /// The next call throws what is no Error: a defect.
    void fail_strangely();
    /// How often libvirt was told to look again.
    [[nodiscard]] int refreshes() const;
    /// How often the images of a pool were listed.
    [[nodiscard]] int listings(const std::string& pool) const;
    /// Listings of images hang when they have seen what there is, until release().
    void block();
    void release();
    [[nodiscard]] std::size_t hanging() const;

    std::vector<std::string> list_pools() override;
    std::optional<Pool> read_pool(const std::string& name) override;
    ImageMap list_images(const std::string& pool, const ImageMap& known) override;
    void create_pool(const PoolSpec& spec) override;
    void start_pool(const std::string& name) override;
    void stop_pool(const std::string& name) override;
    void delete_pool(const std::string& name) override;
    void set_pool_autostart(const std::string& name, bool autostart) override;
    void refresh_pool(const std::string& name) override;
    void delete_image(const std::string& pool, const std::string& name) override;
    std::uint64_t upload(const std::string& pool, const std::string& name, const std::string& format,
                         const UniqueFd& source, Transfer& transfer, std::string* sha256) override;
    std::uint64_t download(const std::string& pool, const std::string& name, const UniqueFd& target,
                           Transfer& transfer) override;

private:
    using Lock = std::unique_lock<std::mutex>;

    /// Fails if it was told to, and returns with the truth locked.
    [[nodiscard]] Lock enter();
    Pool& find(const std::string& name);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, int> listings_;
    bool blocked_ = false;
    std::size_t hanging_ = 0;
    std::map<std::string, Pool> pools_;
    std::map<std::pair<std::string, std::string>, Image> images_;
    std::optional<Error> failure_;
    int failures_ = 0;
    bool strange_ = false;
    int refreshes_ = 0;
};

/// Makes what it is asked to in a FakeStorage, at once, unless it is told to hang or to fail.
class FakeTool final : public ImageTool {
public:
    explicit FakeTool(FakeStorage& storage) : storage_(storage) {}

    /// Calls hang, with half of it done, until release() or until they are cancelled.
    void block();
    void release();
    void fail(const Error& error);
    /// The next temporary file is not removed.
    void fail_to_remove(const Error& error);
    /// None of this directory is; "": of none any more.
    void never_remove_in(const std::string& directory);
    [[nodiscard]] std::size_t hanging() const;
    /// "convert web.qcow2", …, in their order; without those that remove.
    [[nodiscard]] std::vector<std::string> calls() const;
    /// What the last call was to make.
    [[nodiscard]] NewFile target() const;
    /// The temporary files that it was to remove: "/pools/default/.virtbus-1-…".
    [[nodiscard]] std::vector<std::string> removed() const;

    void create(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing,
                Transfer& transfer) override;
    std::uint64_t measure(const ImageFile& source, const std::string& format) override;
    void convert(const ImageFile& source, const NewFile& target, Transfer& transfer) override;
    void rebase(const ImageFile& image, const NewFile& target, const ImageFile& backing, Transfer& transfer) override;
    void resize(const ImageFile& image, std::uint64_t size, bool shrink) override;
    void wipe(const ImageFile& image, const NewFile& target, std::uint64_t size, Transfer& transfer) override;
    CheckReport check(const ImageFile& image, Transfer& transfer) override;
    void adopt(const NewFile& target, Transfer& transfer) override;
    void publish(const NewFile& target) override;
    void remove_temporary(const std::string& directory, const std::string& temporary) override;

private:
    /// Writes the call down, hangs or fails as it was told to.
    void enter(const std::string& call, Transfer* transfer = nullptr);
    void enter(const std::string& call, const NewFile& target, Transfer& transfer);
    void put(const NewFile& target, std::uint64_t size, const std::optional<ImageFile>& backing);

    FakeStorage& storage_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> calls_;
    std::vector<std::string> removed_;
    NewFile target_;
    std::optional<Error> failure_;
    std::optional<Error> failure_to_remove_;
    std::string never_removed_in_;
    bool blocked_ = false;
    std::size_t hanging_ = 0;
};

}  // namespace virtbus::test
