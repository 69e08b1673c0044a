// SPDX-License-Identifier: LGPL-2.1-or-later
#include "failure.h"

#include <gtest/gtest.h>

namespace virtbusctl {

namespace {

std::string unknown_method(const std::string& interface) {
    // libsystemd's words.
    return explain("org.freedesktop.DBus.Error.UnknownMethod", "Unknown method Do or interface " + interface + ".");
}

}  // namespace

TEST(Explain, SaysWhatTheMachineIsNot) {
    EXPECT_EQ(unknown_method("org.virtbus1.Container"), "it is no container: only containers can do this");
    EXPECT_EQ(unknown_method("org.virtbus1.VirtualMachine"),
              "it is no virtual machine: only virtual machines can do this");
    EXPECT_EQ(unknown_method("org.virtbus1.Machine"),
              "this virtbus daemon does not know how to: it is of another version");
}

TEST(Explain, GivesTheBusItsOwnWords) {
    EXPECT_EQ(explain("org.freedesktop.DBus.Error.AccessDenied", "Rejected send message, 1 matched rules; …"),
              "you are not allowed to do this");
    EXPECT_EQ(explain("org.freedesktop.DBus.Error.NoReply", ""),
              "virtbus did not answer; what was asked may still happen");
    EXPECT_EQ(explain("org.virtbus1.Error.InUse", "machine web is running"), "machine web is running");
    EXPECT_EQ(explain("org.virtbus1.Error.InUse", ""), "org.virtbus1.Error.InUse");
}

}  // namespace virtbusctl
