// SPDX-License-Identifier: LGPL-2.1-or-later
#include "export_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "failure.h"
#include "text.h"

namespace virtbusctl {

namespace {

[[noreturn]] void fail(const char* doing, const std::string& file) {
    const int error = errno;
    throw Failure(fmt::format("cannot {} {}: {}", doing, printable(file), std::generic_category().message(error)));
}

}  // namespace

ExportFile::ExportFile(const std::string& file, bool replace) : file_(file), written_(file) {
    constexpr mode_t mode = 0666;  // less what the umask says
    descriptor_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, mode);
    if (descriptor_ >= 0) return;
    if (errno != EEXIST) fail("create", file);
    if (!replace) throw Failure(fmt::format("{} exists already; --force replaces it", printable(file)));
    replace_file();
}

void ExportFile::replace_file() {
    struct stat old {};
    if (::stat(file_.c_str(), &old) != 0) fail("replace", file_);
    if (!S_ISREG(old.st_mode)) {
        remove_ = false;
        descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (descriptor_ < 0) fail("open", file_);
        return;
    }
    file_ = std::filesystem::canonical(file_);  // a link stays one
    written_ = file_ + ".XXXXXX";
    descriptor_ = ::mkostemp(written_.data(), O_CLOEXEC);
    if (descriptor_ < 0) {
        remove_ = false;
        fail("create a file beside", file_);
    }
    ::fchmod(descriptor_, old.st_mode & 0777);
}

ExportFile::~ExportFile() {
    ::close(descriptor_);
    if (remove_) ::unlink(written_.c_str());
}

void ExportFile::keep() {
    if (written_ != file_ && std::rename(written_.c_str(), file_.c_str()) != 0) fail("replace", file_);
    remove_ = false;
}

std::string ExportFile::leave() {
    remove_ = false;
    return written_;
}

}  // namespace virtbusctl
