// SPDX-License-Identifier: LGPL-2.1-or-later
// The two ways to give a small file new content. By another file in its place: nobody ever sees anything between, and a
// kill at any moment leaves the old or the new. In place: it keeps all that it is, and gets back what it had when that
// fails. Block; one thread, which holds the RootLock.
#pragma once

#include "model/system_root.h"

#include <string>

namespace virtbus {

/// What a file in another's place is to be like.
struct FileKind {
    ::mode_t mode = 0644;
    ::uid_t owner = 0;
    ::gid_t group = 0;
    const NamedFile* label = nullptr;  ///< whose SELinux label it gets; of its directory if of none
};

/// A file or a link under a temporary name beside the one that it is for. A kill leaves it there: whoever makes the
/// next one removes it, and so does remove_leftover(). The place must outlive it.
class Replacement {
public:
    static Replacement file(const Place& place, const std::string& content, const FileKind& kind);
    static Replacement link(const Place& place, const std::string& target);
    Replacement(Replacement&& other) noexcept;
    Replacement& operator=(Replacement&&) = delete;
    ~Replacement();

    /// Whatever is there. Only sync_directory() makes it last, so that two files can be replaced with nothing between.
    void take_place();
    /// False: something is there, and stays. On the disk when it returns.
    bool take_free_place();

private:
    explicit Replacement(const Place& place);

    const Place* place_;
    std::string temporary_;
    bool is_waiting_ = false;
};

void sync_directory(const Place& place);

void remove_leftover(const Place& place);

/// Writes over a regular file's content; on the disk when it returns.
class WritingInPlace {
public:
    /// Error failed if its content cannot be read, so that it could not be put back.
    WritingInPlace(const NamedFile& file, std::string path);

    /// If it throws, the file is as before.
    void write(const std::string& content);
    /// Makes it as before.
    void undo();

private:
    [[nodiscard]] bool overwrite(const std::string& content);

    UniqueFd fd_;
    std::string path_;
    std::string before_;
};

}  // namespace virtbus
