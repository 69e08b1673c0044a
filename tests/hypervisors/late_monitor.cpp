// SPDX-License-Identifier: LGPL-2.1-or-later
// A library that libvirtd loads before its own, to make happen at will what else takes a busy host and luck: that
// libvirt's driver for containers misses which process is a container's first (daemon/libvirt/first_process.h). As many
// times as there are bytes in a file, that driver says a second too late who hears the event.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr const char* times = "/run/late-monitor";

}  // namespace

// libvirt's own, of its src/rpc/virnetclient.h: in libvirtd nobody else calls it. What it returns, if anything, is
// passed on.
extern "C" long virNetClientAddProgram(void* client, void* program) {
    using AddProgram = long (*)(void*, void*);
    static const auto original = reinterpret_cast<AddProgram>(::dlsym(RTLD_NEXT, "virNetClientAddProgram"));
    struct stat file {};
    if (::stat(times, &file) == 0 && file.st_size > 0 && ::truncate(times, file.st_size - 1) == 0) ::sleep(1);
    return original(client, program);
}
