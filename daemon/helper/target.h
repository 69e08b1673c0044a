// SPDX-License-Identifier: LGPL-2.1-or-later
// The file that an operation makes: in its directory under a temporary name until it is whole, then under its own. A
// temporary file that did not become the target is removed. One thread.
#pragma once

#include "base/unique_fd.h"
#include "helper/image_lock.h"
#include "model/image_tool.h"

#include <string>

namespace virtbus {

class Directory {
public:
    /// An absolute path of a directory.
    explicit Directory(const std::string& path);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }
    /// Makes new names last over a crash of the host.
    void sync() const;

private:
    std::string path_;
    UniqueFd fd_;
};

/// A file of a temporary name, which goes with the object unless it was given another name.
class Temporary {
public:
    enum class Start { make, take_over };

    /// Makes an empty file of mode 0600, or takes over the regular file that is there.
    Temporary(const Directory& directory, const std::string& name, Start start);
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary();

    /// Removes the file of this name, if it is there; says so.
    static bool remove(const Directory& directory, const std::string& name);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& name() const { return name_; }
    void keep() { is_kept_ = true; }
    /// Removes whatever has its name, now.
    void remove();

private:
    const Directory& directory_;
    std::string name_;
    UniqueFd fd_;
    bool is_kept_ = false;
};

/// Opens an image's file that is there: an absolute path of a regular file, not of a symbolic link to one.
UniqueFd open_image(const std::string& path, int flags);

/// Whether both are of one file.
bool is_same_file(int one, int other);

class Target {
public:
    /// Already_exists if there is one of its name and it must not be replaced. One that is replaced is locked until the
    /// object goes; in_use if that is not possible.
    Target(const NewFile& file, Temporary::Start start, Hold hold = Hold::still);

    /// Of the temporary file.
    [[nodiscard]] std::string path() const { return directory_.path_of(file_.temporary); }
    [[nodiscard]] int fd() const { return temporary_.fd(); }
    /// The file that is replaced.
    [[nodiscard]] int old_fd() const { return old_.get(); }
    [[nodiscard]] const NewFile& file() const { return file_; }

    /// No_space where fewer `bytes` are left.
    void require_space(std::uint64_t bytes) const;
    /// Gives it its own name, whole and on the disk; if it has none, it stays under its temporary one.
    void publish();
    /// The temporary file and the one that is replaced change their names. What has the temporary one goes with the
    /// object.
    void exchange();

private:
    void open_old(Hold hold);
    /// The last before it is published: on the disk, with the owner and mode of the one it replaces.
    void finish() const;
    void add() const;
    void replace() const;

    NewFile file_;
    Directory directory_;
    Temporary temporary_;
    UniqueFd old_;
    std::string act_;
};

}  // namespace virtbus
