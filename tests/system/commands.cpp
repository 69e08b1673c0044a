// SPDX-License-Identifier: LGPL-2.1-or-later
#include "commands.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace virtbus::test {

Output run_command(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::dup2(pipe[1], STDOUT_FILENO);
        ::dup2(pipe[1], STDERR_FILENO);
        ::execvp(pointers.front(), pointers.data());
        ::_exit(127);
    }
    ::close(pipe[1]);
    Output output;
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 0; (size = ::read(pipe[0], buffer.data(), buffer.size())) > 0;)
        output.text.append(buffer.data(), static_cast<std::size_t>(size));
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

Output run_as(const std::string& user, std::vector<std::string> words) {
    std::vector<std::string> all{"setpriv", "--reuid", user, "--regid", output_of({"id", "-g", user}), "--init-groups"};
    all.insert(all.end(), words.begin(), words.end());
    return run_command(std::move(all));
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
