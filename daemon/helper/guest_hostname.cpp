// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/guest_hostname.h"

#include "model/hostname.h"

namespace virtbus {

namespace {

constexpr auto* hostname_path = "/etc/hostname";
constexpr auto* hosts_path = "/etc/hosts";
constexpr std::int64_t hostname_file_max = 1 << 20;
constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view line) {
    const auto first = line.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

/// Calls `each` with every line, with its newline.
template <typename Each>
void for_lines(std::string_view text, Each each) {
    while (!text.empty()) {
        const auto newline = text.find('\n');
        const auto line = text.substr(0, newline == std::string_view::npos ? text.size() : newline + 1);
        text.remove_prefix(line.size());
        each(line);
    }
}

std::string renamed_word(std::string_view word, std::string_view from, std::string_view to) {
    const bool is_it = word.substr(0, from.size()) == from && (word.size() == from.size() || word[from.size()] == '.');
    return is_it ? std::string(to) + std::string(word.substr(from.size())) : std::string(word);
}

std::string renamed_line(std::string_view line, std::string_view from, std::string_view to) {
    constexpr std::string_view ends = " \t\r\n#";
    std::string result;
    bool is_first = true;
    bool is_comment = false;
    while (!line.empty()) {
        const auto word = line.substr(0, line.find_first_of(ends));
        is_comment = is_comment || (word.empty() && line.front() == '#');
        if (word.empty()) {
            result += line.front();
            line.remove_prefix(1);
            continue;
        }
        if (is_first && word != "127.0.1.1") return result + std::string(line);
        result += is_first || is_comment ? std::string(word) : renamed_word(word, from, to);
        is_first = false;
        line.remove_prefix(word.size());
    }
    return result;
}

}  // namespace

std::string read_hostname(GuestFiles& files) {
    const auto facts = files.look_through(hostname_path);
    if (facts.kind != FileFacts::Kind::regular || facts.size > hostname_file_max) return "";
    std::string name;
    for_lines(files.read(hostname_path, 0, static_cast<std::size_t>(facts.size)), [&](std::string_view line) {
        const auto word = trimmed(line.substr(0, line.find('\n')));
        if (name.empty() && !word.empty() && word.front() != '#') name = word;
    });
    return is_hostname(name) ? name : "";
}

std::string rename_in_hosts(std::string_view text, std::string_view from, std::string_view to) {
    std::string result;
    for_lines(text, [&](std::string_view line) { result += renamed_line(line, from, to); });
    return result;
}

void change_hostname(GuestFiles& files, GuestChanges& changes, const std::string& name) {
    const auto old = read_hostname(files);
    const auto facts = files.look_through(hostname_path);
    if (facts.kind == FileFacts::Kind::regular && facts.size <= hostname_file_max)
        changes.rewrite(hostname_path, static_cast<std::size_t>(facts.size), name + "\n");
    else if (files.look(hostname_path).kind == FileFacts::Kind::missing)
        changes.create(hostname_path, name + "\n", 0644);
    else
        throw Error(Code::unsupported_guest, "The guest's /etc/hostname is no regular file: it cannot be changed");
    const auto hosts = files.look_through(hosts_path);
    if (old.empty() || hosts.kind != FileFacts::Kind::regular || hosts.size > hostname_file_max) return;
    const auto before = files.read(hosts_path, 0, static_cast<std::size_t>(hosts.size));
    const auto after = rename_in_hosts(before, old, name);
    if (after != before) changes.rewrite(hosts_path, before.size(), after);
}

}  // namespace virtbus
