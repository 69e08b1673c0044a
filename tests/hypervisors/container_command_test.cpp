// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands in containers: they are inside, have no more rights than what is there already, and touch nothing of the
// host, whatever a hostile container is made of.
#include "containers_test.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

namespace virtbus::test {

class ContainerCommandTest : public ContainersTest {
protected:
    /// As create_ready(), of a container that has user numbers of its own.
    std::string create_mapped(const std::string& name) {
        const auto root = make_root(name);
        for (const auto& entry : fs::recursive_directory_iterator(root))
            EXPECT_EQ(::lchown(entry.path().c_str(), 100'000, 100'000), 0) << entry.path();
        EXPECT_EQ(::chown(root.c_str(), 100'000, 100'000), 0);
        const auto path = define(
            fmt::format("<domain type='lxc'><name>{}</name><memory unit='MiB'>64</memory><os><type>exe</type>"
                        "<init>/init</init></os><idmap><uid start='0' target='100000' count='10000'/>"
                        "<gid start='0' target='100000' count='10000'/></idmap><features><privnet/></features><devices>"
                        "<filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>"
                        "<console type='pty'/></devices></domain>",
                        name, root.string()));
        machine(path)->Start({});
        Console console(machine(path)->OpenConsole({}));
        EXPECT_TRUE(console.wait_for("ready"));
        return path;
    }
};

TEST_F(ContainerCommandTest, ACommandIsInsideAndSharesTheHostsKernel) {
    const auto name = new_name();
    const auto path = create_ready(name);
    utsname host{};
    ::uname(&host);
    EXPECT_EQ(run(path, {"uname", "-r"}).output, std::string(host.release) + "\n");
    EXPECT_EQ(run(path, {"hostname"}).output, name + "\n") << "not " << host.nodename;
    EXPECT_EQ(shell(path, "cat /proc/1/cmdline | { read -r x; echo \"$x\"; }").output.find("/bin/sh"), 0U);
    EXPECT_LT(std::stoi(shell(path, "echo $$").output), 1'000) << "a number of its own namespace";
    EXPECT_EQ(run(path, {"id", "-u"}).output, "0\n");
    EXPECT_EQ(run(path, {"ls", "/"}).output, "bin\ndev\netc\ninit\nproc\nroot\nsys\ntmp\n");
    EXPECT_EQ(run(path, {"env"}).output,
              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/root\ncontainer=lxc-libvirt\n");
    EXPECT_EQ(shell(path, "ls /proc/self/fd | wc -l").output, "4\n") << "its streams, and the directory that is listed";
}

TEST_F(ContainerCommandTest, StreamsAndTheExitCodeArePassedOn) {
    const auto path = create_ready(new_name());
    EXPECT_EQ(run(path, {"cat"}, "what is read\n").output, "what is read\n");
    const auto both = shell(path, "echo out; echo err >&2; exit 7");
    EXPECT_EQ(both.state, "done");
    EXPECT_EQ(both.output, "out\n");
    EXPECT_EQ(both.errors, "err\n");
    EXPECT_EQ(both.exit_code, 7U);
    EXPECT_EQ(shell(path, "kill -11 $$").signal, 11U);
    const auto missing = run(path, {"missing"});
    EXPECT_EQ(missing.state, "failed");
    EXPECT_EQ(missing.error, "org.freedesktop.DBus.Error.InvalidArgs");
}

TEST_F(ContainerCommandTest, ItHasNoMoreRightsNorMeansThanTheContainer) {
    const auto name = new_name();
    const auto path = create_ready(name);
    const auto job = begin(path, {"sleep", "4711"});
    const auto command = command_of(job, {"sleep", "4711"});
    ASSERT_NE(command, 0);
    const auto init = process({"/bin/sh", "/init"});
    ASSERT_NE(init, 0);
    for (const auto* key : {"CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"})
        EXPECT_EQ(status(command, key), status(init, key)) << key;
    for (const auto* controller : {"memory", "cpu", "devices", "freezer"})
        EXPECT_NE(cgroup(name, controller, "cgroup.procs").find(fmt::format("{}\n", command)), std::string::npos)
            << controller;
    actor.job(job)->Cancel({});
    EXPECT_EQ(finish(job), "cancelled");
    EXPECT_TRUE(actor.wait_until([&] { return process({"sleep", "4711"}) == 0; })) << "it was killed";
}

TEST_F(ContainerCommandTest, WhereUsersAreMappedItHasNoMoreRightsEither) {
    const auto path = create_mapped(new_name());
    const auto job = begin(path, {"sleep", "4715"});
    const auto command = command_of(job, {"sleep", "4715"});
    ASSERT_NE(command, 0);
    const auto init = process({"/bin/sh", "/init"});
    ASSERT_NE(init, 0);
    for (const auto* key : {"Uid", "Gid", "CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"})
        EXPECT_EQ(status(command, key), status(init, key)) << key;
    actor.job(job)->Cancel({});
    EXPECT_EQ(finish(job), "cancelled");
}

TEST_F(ContainerCommandTest, ACommandEndsWithItsHelper) {
    const std::string helper = std::string(std::getenv("VIRTBUS_BUILD")) + "/daemon/helper/virtbus-container-helper";
    for (const auto& path : {create_ready(new_name()), create_mapped(new_name())}) {
        const auto job = begin(path, {"sleep", "4716"});
        ASSERT_NE(command_of(job, {"sleep", "4716"}), 0);
        const auto its = process({helper});
        ASSERT_NE(its, 0);
        ::kill(its, SIGKILL);
        EXPECT_EQ(finish(job), "failed");
        EXPECT_TRUE(actor.wait_until([&] { return process({"sleep", "4716"}) == 0; }));
    }
}

TEST_F(ContainerCommandTest, WhatTakesTooLongIsKilled) {
    const auto path = create_ready(new_name());
    const auto job = begin(path, {"sleep", "4712"}, {{"timeout_usec", std::uint64_t{1'000'000}}});
    EXPECT_EQ(finish(job), "failed");
    EXPECT_EQ(actor.job(job)->Error().get<0>(), "org.virtbus1.Error.Timeout");
    EXPECT_TRUE(actor.wait_until([&] { return process({"sleep", "4712"}) == 0; }));
}

TEST_F(ContainerCommandTest, ACommandEndsWithItsContainer) {
    const auto path = create_ready(new_name());
    const auto job = begin(path, {"sleep", "4713"});
    ASSERT_NE(command_of(job, {"sleep", "4713"}), 0);
    machine(path)->PowerOff({});
    EXPECT_EQ(finish(job), "done");
    EXPECT_TRUE(actor.job(job)->Result().contains("signal"));
}

TEST_F(ContainerCommandTest, ANameIsLookedForInTheContainerAlone) {
    const auto name = new_name();
    const auto path = create_ready(name);
    const auto bin = fs::path("/var/lib/libvirt/filesystems") / name / "bin";
    fs::create_symlink("/usr/bin/virsh", bin / "absolute");
    fs::create_symlink("../../../../../../../../usr/bin/virsh", bin / "relative");
    for (const auto* word : {"virsh", "/usr/bin/virsh", "absolute", "relative"}) {
        const auto ended = run(path, {word, "--version"});
        EXPECT_EQ(ended.error, "org.freedesktop.DBus.Error.InvalidArgs") << word << ": " << ended.output;
    }
}

TEST_F(ContainerCommandTest, WhatAContainerSaysOfItselfIsNotBelieved) {
    const auto name = new_name();
    const auto path = create_ready(name);
    // A /proc that promises all rights, and a root for everybody.
    const auto lie = shell(path,
                           "mount -t tmpfs lie /proc && cd /proc && for p in 1 2 3 self; do mkdir -p $p/ns; "
                           "echo 'CapBnd: ffffffffffffffff' >$p/status; echo '4:memory:/' >$p/cgroup; done; ls");
    ASSERT_EQ(lie.exit_code, 0U) << lie.errors;
    const auto job = begin(path, {"sleep", "4714"});
    const auto command = command_of(job, {"sleep", "4714"});
    ASSERT_NE(command, 0);
    EXPECT_EQ(status(command, "CapBnd"), status(process({"/bin/sh", "/init"}), "CapBnd"));
    EXPECT_NE(cgroup(name, "memory", "cgroup.procs").find(fmt::format("{}\n", command)), std::string::npos);
    actor.job(job)->Cancel({});
    EXPECT_EQ(finish(job), "cancelled");
}

TEST_F(ContainerCommandTest, TheHelperCannotBeOverwrittenFromInside) {
    const auto name = new_name();
    auto spec = container_spec(name);
    spec["memory"] = std::uint64_t{512} << 20;  // what is opened so often stays in the kernel for a while
    const auto path = create(lxc, spec);
    machine(path)->Start({});
    Console console(machine(path)->OpenConsole({}));
    EXPECT_TRUE(console.wait_for("ready"));
    const auto root = fs::path("/var/lib/libvirt/filesystems") / name;
    const fs::path helper = std::string(std::getenv("VIRTBUS_BUILD")) + "/daemon/helper/virtbus-container-helper";
    const auto size = fs::file_size(helper);
    const auto time = fs::last_write_time(helper);
    // Somebody inside waits for a program that is not busybox, holds it, and writes to it as soon as it runs no more.
    std::ofstream(root / "bin/attack")
        << "#!/bin/sh\necho attack begins\nwhile :; do for p in /proc/[0-9]*; do test $p/exe -ef /bin/busybox && "
           "continue\n"
           "{ echo >/tmp/held; n=0; until echo spoilt >/proc/self/fd/9 || test $((n += 1)) -gt 50000; do :; done; } "
           "9<$p/exe\ndone; done 2>/dev/null\n";
    std::ofstream(root / "bin/itself") << "#!/proc/self/exe\n";
    for (const auto* program : {"attack", "itself"}) fs::permissions(root / "bin" / program, fs::perms::owner_all);
    // As no command of ours: as long as one runs, so does the helper's own program, and nobody can write to it.
    console.write("attack &\n");
    EXPECT_TRUE(console.wait_for("attack begins"));
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(run(path, {"true"}).state, "done");
        run(path, {"itself"});
    }
    EXPECT_TRUE(fs::exists(root / "tmp/held"));
    EXPECT_EQ(fs::file_size(helper), size);
    EXPECT_EQ(fs::last_write_time(helper), time);
}

}  // namespace virtbus::test
