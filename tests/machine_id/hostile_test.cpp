// SPDX-License-Identifier: LGPL-2.1-or-later
// Trees that somebody has made to lead virtbus astray: whatever is done with them, nothing outside is read or touched,
// and nothing blocks.
#include "machine_id/small_system.h"

#include "model/error.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <map>
#include <sstream>

namespace virtbus::test {
namespace {

namespace fs = std::filesystem;

using Operation = std::function<void(IdentityFiles&, std::ostream&)>;

/// All that can be done, and what is told of it.
const std::map<std::string, Operation>& operations() {
    static const auto tell = [](std::ostream& stream, const IdContent& content) {
        for (const auto& id : {content.systemd, content.dbus, content.glib})
            if (id) stream << id->text() << " ";
        stream << content.dbus_error;
    };
    static const auto id = [] { return MachineId::parse(id_b).value(); };
    static const std::map<std::string, Operation> all{
        {"read",
         [](IdentityFiles& files, std::ostream& stream) {
             const auto reading = files.read();
             tell(stream, reading.etc);
             tell(stream, reading.dbus);
         }},
        {"get", [](IdentityFiles& files, std::ostream& stream) { stream << files.get(IdFile::standard).text(); }},
        {"get etc", [](IdentityFiles& files, std::ostream& stream) { stream << files.get(IdFile::etc).text(); }},
        {"get dbus", [](IdentityFiles& files, std::ostream& stream) { stream << files.get(IdFile::dbus).text(); }},
        {"ensure",
         [](IdentityFiles& files, std::ostream& stream) { stream << files.ensure(IdFile::standard).id.text(); }},
        {"ensure etc",
         [](IdentityFiles& files, std::ostream& stream) { stream << files.ensure(IdFile::etc).id.text(); }},
        {"ensure dbus",
         [](IdentityFiles& files, std::ostream& stream) { stream << files.ensure(IdFile::dbus).id.text(); }},
        {"link", [](IdentityFiles& files, std::ostream&) { files.link_dbus(); }},
        {"replace", [](IdentityFiles& files, std::ostream&) { files.replace(id()); }},
        {"assign", [](IdentityFiles& files, std::ostream&) { files.assign(id()); }},
        {"seal", [](IdentityFiles& files, std::ostream&) { files.seal(false); }},
        {"seal as uninitialized", [](IdentityFiles& files, std::ostream&) { files.seal(true); }},
    };
    return all;
}

/// What is beside the tree: a file with an id, as this host's own would be.
class Outside {
public:
    explicit Outside(const SmallSystem& system) : directory_(system.base() / "outside") {
        fs::create_directories(directory_ / "dbus");
        write_file(canary(), id_a + "\n");
        write_file(directory_ / "dbus/machine-id", id_a + "\n");
    }
    [[nodiscard]] const fs::path& directory() const { return directory_; }
    [[nodiscard]] fs::path canary() const { return directory_ / "machine-id"; }

    /// Names, inodes, times and content of all of it.
    [[nodiscard]] std::string state() const {
        std::map<std::string, std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
            struct ::stat found {};
            if (::lstat(entry.path().c_str(), &found) != 0) return "gone";
            std::ostringstream text;
            text << found.st_ino << " " << found.st_mode << " " << found.st_uid << " " << found.st_mtim.tv_sec << "."
                 << found.st_mtim.tv_nsec << " " << (entry.is_regular_file() ? read_file(entry.path()) : "");
            files[entry.path()] = text.str();
        }
        std::string all;
        for (const auto& [name, text] : files) all += name + " " + text + "\n";
        return all;
    }

private:
    fs::path directory_;
};

using Trap = std::function<void(const SmallSystem&, const Outside&)>;

void link_from(const fs::path& path, const fs::path& target) {
    fs::remove_all(path);
    fs::create_directories(path.parent_path());
    fs::create_symlink(target, path);
}

void make_device(const fs::path& path, unsigned int major, unsigned int minor, ::mode_t type = S_IFCHR) {
    if (::mknod(path.c_str(), type | 0666, makedev(major, minor)) != 0) throw std::runtime_error("mknod");
}

void make_socket(const fs::path& path) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto* generic = reinterpret_cast<const ::sockaddr*>(&address);
    if (::bind(fd.get(), generic, sizeof address) != 0) throw std::runtime_error("bind");
}

void make_sparse(const fs::path& path, std::uintmax_t size) {
    write_file(path, id_a + "\n");
    fs::resize_file(path, size);
}

/// Of each path that counts: the two files, their directories, and those above.
std::map<std::string, Trap> links_out() {
    std::map<std::string, Trap> traps;
    struct Way {
        std::string name, target;
        bool is_directory;
    };
    for (const auto& way : std::vector<Way>{{"etc machine-id", "etc/machine-id", false},
                                            {"dbus machine-id", "var/lib/dbus/machine-id", false},
                                            {"etc", "etc", true},
                                            {"dbus", "var/lib/dbus", true},
                                            {"lib", "var/lib", true},
                                            {"var", "var", true}}) {
        const auto to = [way](const Outside& outside) {
            return way.is_directory ? outside.directory() : outside.canary();
        };
        traps[way.name + " to an absolute path"] = [=](const SmallSystem& system, const Outside& outside) {
            link_from(system.root() / way.target, to(outside));
        };
        traps[way.name + " by .."] = [=](const SmallSystem& system, const Outside& outside) {
            link_from(system.root() / way.target, "../../../../../../../../../.." + to(outside).string());
        };
        traps[way.name + " by one .. too many"] = [=](const SmallSystem& system, const Outside& outside) {
            const auto path = system.root() / way.target;
            link_from(path, to(outside).lexically_relative(path.parent_path()));
        };
        traps[way.name + " by /proc/self/root"] = [=](const SmallSystem& system, const Outside& outside) {
            link_from(system.root() / way.target, "/proc/self/root" + to(outside).string());
        };
        traps[way.name + " by /proc/self/cwd"] = [=](const SmallSystem& system, const Outside& outside) {
            link_from(system.root() / way.target, "/proc/self/cwd/../../../../.." + to(outside).string());
        };
    }
    return traps;
}

std::map<std::string, Trap> strange_files() {
    std::map<std::string, Trap> traps;
    for (const std::string file : {"etc/machine-id", "var/lib/dbus/machine-id"}) {
        const auto add = [&](const std::string& name, const std::function<void(const fs::path&)>& make) {
            traps[file + " is " + name] = [=](const SmallSystem& system, const Outside&) {
                make(system.root() / file);
            };
        };
        add("a FIFO", [](const fs::path& path) {
            if (::mkfifo(path.c_str(), 0666) != 0) throw std::runtime_error("mkfifo");
        });
        add("a directory", [](const fs::path& path) { fs::create_directory(path); });
        add("/dev/null", [](const fs::path& path) { make_device(path, 1, 3); });
        add("/dev/zero", [](const fs::path& path) { make_device(path, 1, 5); });
        add("a terminal", [](const fs::path& path) { make_device(path, 5, 0); });
        add("a disk", [](const fs::path& path) { make_device(path, 7, 7, S_IFBLK); });
        add("a device of no driver", [](const fs::path& path) { make_device(path, 511, 1); });
        add("a socket", make_socket);
        add("a link to itself", [](const fs::path& path) { fs::create_symlink(path.filename(), path); });
        add("2 GiB of nothing", [](const fs::path& path) { make_sparse(path, std::uintmax_t{2} << 30); });
        add("the memory of the process", [](const fs::path& path) { fs::create_symlink("/proc/self/mem", path); });
        add("the program", [](const fs::path& path) { fs::create_symlink("/proc/self/exe", path); });
        add("an open file", [](const fs::path& path) { fs::create_symlink("/proc/self/fd/0", path); });
        traps[file + " is the file outside, by a hard link"] = [=](const SmallSystem& system, const Outside& outside) {
            fs::create_hard_link(outside.canary(), system.root() / file);
        };
    }
    return traps;
}

/// Where our temporary file is to be.
std::map<std::string, Trap> taken_names() {
    std::map<std::string, Trap> traps;
    for (const std::string directory : {"etc", "var/lib/dbus"}) {
        const auto name = directory + "/.machine-id.virtbus";
        traps[name + " is a link"] = [=](const SmallSystem& system, const Outside& outside) {
            fs::create_symlink(outside.canary(), system.root() / name);
        };
        traps[name + " is a link by .."] = [=](const SmallSystem& system, const Outside& outside) {
            fs::create_symlink("../../../../../../../.." + outside.canary().string(), system.root() / name);
        };
        traps[name + " is a hard link"] = [=](const SmallSystem& system, const Outside& outside) {
            fs::create_hard_link(outside.canary(), system.root() / name);
        };
        traps[name + " is a directory"] = [=](const SmallSystem& system, const Outside&) {
            fs::create_directory(system.root() / name);
        };
    }
    return traps;
}

class Hostile : public RootTest {
protected:
    /// Each operation on a tree of its own. In a child, so that one that blocks is not waited for.
    static void spring(const std::map<std::string, Trap>& traps, bool may_tell = false) {
        for (const auto& [name, trap] : traps) {
            const auto ended = run_in_child([&, &sprung = trap] {
                int harms = 0;
                for (const auto& [act, operation] : operations()) {
                    const auto harm = harm_of(sprung, operation, may_tell);
                    if (!harm.empty()) ++harms;
                    std::cout << act << ": " << (harm.empty() ? "no harm" : harm) << std::endl;
                }
                return harms;
            });
            EXPECT_TRUE(ended.in_time) << name << " blocks after:\n" << ended.output;
            EXPECT_EQ(ended.status, 0) << name << "\n" << ended.output << ended.errors;
        }
    }

private:
    static std::string harm_of(const Trap& trap, const Operation& operation, bool may_tell) {
        const SmallSystem system;
        const Outside outside(system);
        fs::create_directory(system.root() / "proc");
        trap(system, outside);
        const Mounted proc("proc", system.root() / "proc", "proc", 0);
        const auto before = outside.state();
        auto files = system.files();
        std::ostringstream told;
        try {
            operation(files, told);
        } catch (const Error& error) {
            told << error.what();
        }
        if (outside.state() != before) return "something outside has changed";
        return !may_tell && told.str().find(id_a) != std::string::npos ? "it told what is outside" : "";
    }
};

TEST_F(Hostile, LinksLeadNowhereOutside) { spring(links_out()); }

TEST_F(Hostile, FilesThatAreNoneDoNotBlock) {
    auto traps = strange_files();
    std::map<std::string, Trap> hard_links;
    for (auto i = traps.begin(); i != traps.end();)
        i->first.find("by a hard link") == std::string::npos ? ++i : (hard_links.insert(*i), i = traps.erase(i));
    spring(traps);
    spring(hard_links, true);  // it is in the tree, so that what is in it may be told; changed it may not be
}

TEST_F(Hostile, NamesOfOursThatAreTakenAreNotWrittenThrough) { spring(taken_names()); }

TEST_F(Hostile, CodeCannotChangeTheMachineThatTestsIt) {
    for (const auto* path : {"/etc", "/var/lib"}) {
        EXPECT_EQ(::access(path, W_OK), -1) << path;
        EXPECT_EQ(errno, EROFS) << path;
    }
    // Who reads the host's id is caught by telling it.
    EXPECT_TRUE(!fs::exists("/etc/machine-id") || read_file("/etc/machine-id") == id_a + "\n");
}

TEST_F(Hostile, TrapsWouldCatchWhoWalksIntoThem) {
    // That the tests above can fail: an ordinary open follows the link, and the state tells that the file was written.
    const SmallSystem system;
    const Outside outside(system);
    links_out().at("etc machine-id by ..")(system, outside);
    EXPECT_EQ(read_file(system.etc()), id_a + "\n");
    const auto before = outside.state();
    write_file(system.etc(), id_b + "\n");
    EXPECT_NE(outside.state(), before);
}

TEST_F(Hostile, RenamesMeanwhileDoNotLeadOutside) {
    const SmallSystem system;
    const Outside outside(system);
    const auto before = outside.state();
    const auto away = system.root() / "away";
    const auto link = system.root() / "link";
    fs::create_symlink("../../../../../../../.." + outside.directory().string(), link);
    // /etc is at one moment a directory, at another a link to the outside.
    const auto mover = ::fork();
    ASSERT_GE(mover, 0);
    if (mover == 0)
        for (;;) {
            if (::rename((system.root() / "etc").c_str(), away.c_str()) != 0) ::_exit(1);
            if (::rename(link.c_str(), (system.root() / "etc").c_str()) != 0) ::_exit(2);
            if (::rename((system.root() / "etc").c_str(), link.c_str()) != 0) ::_exit(3);
            if (::rename(away.c_str(), (system.root() / "etc").c_str()) != 0) ::_exit(4);
        }
    auto files = system.files();
    int succeeded = 0;
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
         std::chrono::steady_clock::now() < end;) {
        std::ostringstream told;
        for (const auto& [name, operation] : operations()) try {
                operation(files, told);
                ++succeeded;
            } catch (const Error&) {
                // Something was not there: right so.
            }
        ASSERT_EQ(told.str().find(id_a), std::string::npos);
    }
    ::kill(mover, SIGKILL);
    int status = 0;
    ::waitpid(mover, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the mover ended by itself: " << WEXITSTATUS(status);
    EXPECT_EQ(outside.state(), before);
    EXPECT_GT(succeeded, 0);
}

}  // namespace
}  // namespace virtbus::test
