// SPDX-License-Identifier: LGPL-2.1-or-later
#include "commands.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace virtbus::test {

namespace {

[[noreturn]] void become(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    ::execvp(pointers.front(), pointers.data());
    ::_exit(127);
}

/// What comes from `fd`, piece by piece, until its other end is closed; of a terminal that is an error.
void read_all(int fd, const std::function<void(std::string_view)>& take) {
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 0; (size = ::read(fd, buffer.data(), buffer.size())) > 0;)
        take({buffer.data(), static_cast<std::size_t>(size)});
    ::close(fd);
}

int exit_code_of(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool shows_what_is_typed(int terminal) {
    termios settings{};
    return ::tcgetattr(terminal, &settings) == 0 && (settings.c_lflag & ECHO) != 0;
}

std::vector<std::string> words_as(const std::string& user, const std::vector<std::string>& words) {
    std::vector<std::string> all{"setpriv", "--reuid", user, "--regid", output_of({"id", "-g", user}), "--init-groups"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

}  // namespace

Output run_command(std::vector<std::string> words) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::dup2(pipe[1], STDOUT_FILENO);
        ::dup2(pipe[1], STDERR_FILENO);
        become(std::move(words));
    }
    ::close(pipe[1]);
    Output output;
    read_all(pipe[0], [&](std::string_view piece) { output.text += piece; });
    output.code = exit_code_of(pid);
    return output;
}

Output run_as(const std::string& user, const std::vector<std::string>& words) {
    return run_command(words_as(user, words));
}

Output run_at_terminal(const std::string& user, const std::vector<std::string>& words, const std::string& password) {
    auto all = words_as(user, words);
    int terminal = -1;
    const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    if (pid < 0) throw std::runtime_error("forkpty");
    if (pid == 0) become(std::move(all));
    Output output;
    bool is_typed = false;
    read_all(terminal, [&](std::string_view piece) {
        output.text += piece;
        if (is_typed || output.text.find("Password: ") == std::string::npos) return;
        // What is typed before it shows no more what is typed is thrown away.
        wait_until([terminal] { return !shows_what_is_typed(terminal); });
        const auto line = password + "\n";
        is_typed = ::write(terminal, line.data(), line.size()) > 0;
    });
    output.code = exit_code_of(pid);
    return output;
}

std::string output_of(const std::vector<std::string>& words) {
    auto output = run_command(words);
    if (output.code != 0) throw std::runtime_error(words.front() + " " + words.back() + ": " + output.text);
    while (!output.text.empty() && output.text.back() == '\n') output.text.pop_back();
    return output.text;
}

std::string unit_property(const std::string& unit, const std::string& property) {
    return output_of({"systemctl", "show", "--property", property, "--value", unit});
}

std::string journal_of(const std::string& unit) {
    output_of({"journalctl", "--sync"});
    return run_command({"journalctl", "--no-pager", "--output=cat", "--unit", unit}).text;
}

bool wait_until(const std::function<bool()>& holds, std::chrono::seconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
}

void write_file(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream file(path);
    file << text;
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

DropIn::DropIn(const std::string& unit, const std::string& text) : directory_("/run/systemd/system/" + unit + ".d") {
    write_file(directory_ + "/test.conf", text);
    output_of({"systemctl", "daemon-reload"});
}

DropIn::~DropIn() {
    std::filesystem::remove_all(directory_);
    run_command({"systemctl", "daemon-reload"});
}

void write_configuration(const std::string& more_hypervisors, const std::string& more_settings) {
    write_file("/etc/virtbus/virtbus.json", R"({"hypervisors": {"qemu": "qemu:///system", "lxc": "lxc:///system")" +
                                                more_hypervisors + "}" + more_settings + "}\n");
}

}  // namespace virtbus::test
