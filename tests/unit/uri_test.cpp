// SPDX-License-Identifier: LGPL-2.1-or-later
// Which URIs a caller may name, and what of one people may see.
#include "model/uri.h"

#include "support/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace virtbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Outcome naming(const std::string& uri) {
    return outcome_of([&] { check_callers_uri(uri); });
}

TEST(CallersUriTest, MayBeAnyOfLibvirts) {
    for (const auto* uri : {"qemu:///system",
                            "qemu:///session",
                            "qemu+ssh://root@host/system",
                            "qemu+ssh://root@host:2222/system",
                            "qemu+tls://host.example/system",
                            "qemu+tcp://[fe80::1]:16509/system",
                            "qemu+libssh2://host/system",
                            "qemu+libssh://me@host/system?sshauth=agent",
                            "qemu+unix:///system?socket=/run/other/libvirt-sock",
                            "xen:///system",
                            "xen+ssh://dom0/system",
                            "lxc:///system",
                            "esx://root@esx.example/?auto_answer=1",
                            "vpx://vcenter.example/My%20Datacenter/cluster/host",
                            "vbox:///session",
                            "vmwareplayer:///session",
                            "vmwarews:///session",
                            "vmwarefusion:///session",
                            "openvz:///system",
                            "hyperv://host",
                            "bhyve:///system",
                            "vz:///system",
                            "ch:///session",
                            "test:///default",
                            "test+unix:///default?socket=/tmp/a/sock&mode=direct"}) {
        const auto outcome = naming(uri);
        EXPECT_FALSE(outcome.failed) << uri << ": " << outcome;
    }
}

TEST(CallersUriTest, MustBeAUri) {
    for (const auto* uri : {"", "qemu", "qemu:/system", "QEMU:///system", "kvm:///system", "://", "qemu+://host/system",
                            "qemu:///system ", "qemu:///system#x",
                            "qemu:///s\xc3\xbc"
                            "d",
                            "a+b+ssh://host/system"}) {
        const auto outcome = naming(uri);
        EXPECT_TRUE(refuses(outcome, Code::invalid_args, "uri: ")) << uri << ": " << outcome;
    }
    EXPECT_TRUE(naming("qemu://" + std::string(1'000, 'a') + "/system").failed);
}

TEST(CallersUriTest, RunsNoProgramsOfTheCallersChoice) {
    for (const auto* uri :
         {"qemu+ext:///system?command=/tmp/evil", "qemu+ext:///system", "qemu+ssh://host/system?command=/tmp/evil",
          "qemu+ssh://host/system?netcat=/tmp/evil", "qemu+ssh://host/system?mode=direct;netcat=/tmp/evil",
          "qemu+ssh://host/system?mode=direct&%6eetcat=/tmp/evil", "qemu+ssh://-oProxyCommand=evil/system",
          "qemu+ssh://-lroot@host/system", "qemu+ssh://%2doProxyCommand=evil/system", "qemu+ssh://a$(evil)/system",
          "qemu+ssh://host/system?name=qemu%2bext:///system", "qemu:///embed?root=/tmp",
          "qemu+ssh://@host/system?-o"}) {
        const auto outcome = naming(uri);
        EXPECT_TRUE(refuses(outcome, Code::invalid_args, "uri: ")) << uri << ": " << outcome;
    }
}

TEST(CallersUriTest, ReadsNoFilesOfTheCallersChoice) {
    for (const auto* uri :
         {"qemu+ssh://host/system?keyfile=/root/.ssh/id", "qemu+libssh://host/system?known_hosts=/tmp/hosts",
          "qemu+tls://host/system?pkipath=/tmp/pki", "qemu+tcp://host/system?authfile=/tmp/auth", "test:///etc/shadow",
          "test+unix:///tmp/node.xml", "test:///default/../../etc/shadow"}) {
        const auto outcome = naming(uri);
        EXPECT_TRUE(refuses(outcome, Code::invalid_args, "uri: ")) << uri << ": " << outcome;
    }
}

TEST(CallersUriTest, TrustsNobodyThatTheAdministratorWouldNot) {
    for (const auto* uri :
         {"qemu+tls://host/system?no_verify=1", "esx://host/?no_verify=1", "esx://host/?transport=http",
          "esx://host/?vcenter=other", "qemu+tls://host/system?tls_priority=NULL",
          "qemu+libssh2://host/system?known_hosts_verify=ignore"}) {
        const auto outcome = naming(uri);
        EXPECT_TRUE(refuses(outcome, Code::invalid_args, "uri: ")) << uri << ": " << outcome;
        EXPECT_THAT(outcome.text, HasSubstr("may stand only in the configuration"));
    }
}

TEST(CallersUriTest, HoldsNoPassword) {
    const auto outcome = naming("esx://root:secret@host/");
    EXPECT_TRUE(refuses(outcome, Code::invalid_args, "uri: a password")) << outcome;
    EXPECT_THAT(outcome.text, Not(HasSubstr("secret")));
}

TEST(UriTest, NamesAHost) {
    EXPECT_EQ(host_of_uri("qemu:///system"), "");
    EXPECT_EQ(host_of_uri("qemu+ssh://root@host:22/system"), "host");
    EXPECT_EQ(host_of_uri("qemu+tls://[::1]:16514/system"), "[::1]");
    EXPECT_EQ(host_of_uri("hyperv://host"), "host");
    EXPECT_EQ(host_of_uri("qemu"), "");
}

TEST(UriTest, ErrorsThatQuoteItLoseItsSecrets) {
    const std::string uri = "esx://admin:pa%24%24word@host/?no_verify=1&keyfile=/secret%2fkey";
    EXPECT_EQ(without_secrets("cannot parse '" + uri + "'", uri), "cannot parse 'esx://host/'");
    EXPECT_EQ(without_secrets("bad query no_verify=1&keyfile=/secret%2fkey", uri), "bad query …");
    EXPECT_EQ(without_secrets("cannot read '/secret/key': No such file", uri), "cannot read '…': No such file");
    EXPECT_EQ(without_secrets("login of admin with pa$$word failed", uri), "login of admin with … failed");
    EXPECT_EQ(without_secrets("connection refused", uri), "connection refused");
    EXPECT_EQ(without_secrets("anything", ""), "anything");
}

}  // namespace
}  // namespace virtbus::test
