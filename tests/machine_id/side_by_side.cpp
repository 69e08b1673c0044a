// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine_id/side_by_side.h"

#include "model/error.h"

#include <sys/stat.h>
#include <unistd.h>

#include <iostream>

namespace virtbus::test {

namespace {

std::string argument(IdFile file, Turn turn) {
    const std::string option = turn == Turn::get ? "--get" : "--ensure";
    switch (file) {
        case IdFile::standard: return option;
        case IdFile::etc: return option + "=/etc/machine-id";
        case IdFile::dbus: return option + "=/var/lib/dbus/machine-id";
    }
    return option;
}

std::string without(std::string text, const std::string& piece) {
    for (auto at = text.find(piece); at != std::string::npos; at = text.find(piece, at)) text.erase(at, piece.size());
    return text;
}

bool is_known(const std::string& output) {
    for (const auto& id : {id_a, id_b, id_a.substr(0, 31) + "0", std::string(32, '0'), std::string(32, 'f')})
        if (output == id + "\n") return true;
    return false;
}

bool is_new_id(const std::string& output) {
    return output.size() == 33 && output.back() == '\n' && MachineId::parse(line_in(output)) && !is_known(output);
}

}  // namespace

Ended our_turn(const SmallSystem& system, IdFile file, Turn turn, ::uid_t user, ::mode_t mask) {
    auto ended = run_in_child([&] {
        ::umask(mask);
        if (user != 0 && (::setgid(user) != 0 || ::setuid(user) != 0)) return 98;
        try {
            auto files = system.files();
            if (turn == Turn::get)
                std::cout << files.get(file).text() << std::endl;
            else
                files.ensure(file);
            return 0;
        } catch (const Error& error) {
            std::cerr << error.what() << std::endl;
            return error.code() == Code::failed ? 1 : 97;
        }
    });
    ended.errors = without(ended.errors, system.root());
    return ended;
}

Ended their_turn(const SmallSystem& system, IdFile file, Turn turn, ::uid_t user, ::mode_t mask) {
    return system.dbus_uuidgen(argument(file, turn), user, mask);
}

void SideBySide::build(const std::function<void(const SmallSystem&)>& piece) const {
    piece(theirs_);
    piece(ours_);
}

void SideBySide::get(IdFile file, ::uid_t user, bool is_comparable) const {
    const auto their = their_turn(theirs_, file, Turn::get, user);
    const auto our = our_turn(ours_, file, Turn::get, user);
    ASSERT_TRUE(their.in_time && our.in_time);
    if (!is_comparable) return;
    EXPECT_EQ(our.status, their.status) << our.errors << their.errors;
    EXPECT_EQ(our.errors, their.errors);
    if (is_new_id(their.output))
        EXPECT_PRED1(is_new_id, our.output);
    else
        EXPECT_EQ(our.output, their.output);
    // What we say of our tree, dbus-uuidgen says of it, too.
    EXPECT_EQ(our.output, their_turn(ours_, file, Turn::get, user).output);
}

void SideBySide::ensure(IdFile file, ::uid_t user, ::mode_t mask) const {
    const auto their = their_turn(theirs_, file, Turn::ensure, user, mask);
    const auto our = our_turn(ours_, file, Turn::ensure, user, mask);
    ASSERT_TRUE(their.in_time && our.in_time);
    EXPECT_EQ(our.status, their.status) << our.errors << their.errors;
    expect_same_files();
}

void SideBySide::ensure_deviates(IdFile file, ::uid_t user) const {
    const auto before = state_of(path_in(ours_, file));
    ASSERT_EQ(state_of(path_in(theirs_, file)), before);
    EXPECT_EQ(their_turn(theirs_, file, Turn::ensure, user).status, 0);
    EXPECT_NE(state_of(path_in(theirs_, file)), before);
    EXPECT_EQ(our_turn(ours_, file, Turn::ensure, user).status, 1);
    EXPECT_EQ(state_of(path_in(ours_, file)), before);
}

void SideBySide::expect_same_files() const {
    EXPECT_EQ(state_of(ours_.etc()), state_of(theirs_.etc()));
    EXPECT_EQ(state_of(ours_.dbus()), state_of(theirs_.dbus()));
    EXPECT_EQ(ours_.names(), theirs_.names());
}

}  // namespace virtbus::test
