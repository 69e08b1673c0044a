// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/boot_entries.h"

#include "base/utf8.h"
#include "model/error.h"
#include "model/kernel_command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace virtbus {

namespace {

using namespace std::string_view_literals;

constexpr std::int64_t boot_text_max = 1 << 20;
constexpr std::size_t command_line_max = 65'536;
constexpr std::size_t uki_head_max = 4'096;
constexpr std::size_t shown_path_max = 200;

constexpr auto kernel_key_start = "systemd."sv;
constexpr auto install_key = "KERNEL_INSTALL_MACHINE_ID="sv;

struct BootPlace {
    BootOverride::Kind kind;
    std::string_view pattern;
    bool takes_effect;
};

constexpr std::array boot_places{
    BootPlace{BootOverride::Kind::loader_entry, "/boot/loader/entries/*.conf", true},
    BootPlace{BootOverride::Kind::loader_entry, "/boot/efi/loader/entries/*.conf", true},
    BootPlace{BootOverride::Kind::loader_entry, "/efi/loader/entries/*.conf", true},
    BootPlace{BootOverride::Kind::kernel_cmdline_file, "/etc/kernel/cmdline", false},
    BootPlace{BootOverride::Kind::kernel_cmdline_file, "/usr/lib/kernel/cmdline", false},
    BootPlace{BootOverride::Kind::kernel_cmdline_file, "/etc/kernel/cmdline.d/*.conf", false},
    BootPlace{BootOverride::Kind::kernel_cmdline_file, "/etc/machine-info", false},
    BootPlace{BootOverride::Kind::grub, "/etc/default/grub", false},
    BootPlace{BootOverride::Kind::grub, "/etc/default/grub.d/*.cfg", false},
    BootPlace{BootOverride::Kind::grub, "/boot/grub/grub.cfg", true},
    BootPlace{BootOverride::Kind::grub, "/boot/grub2/grub.cfg", true},
    BootPlace{BootOverride::Kind::grub, "/boot/grub2/grubenv", true},
    BootPlace{BootOverride::Kind::grub, "/boot/grub/grubenv", true},
    BootPlace{BootOverride::Kind::grub, "/boot/efi/EFI/*/grub.cfg", true},
    BootPlace{BootOverride::Kind::uki, "/boot/EFI/Linux/*.[eE][fF][iI]", true},
    BootPlace{BootOverride::Kind::uki, "/boot/efi/EFI/Linux/*.[eE][fF][iI]", true},
    BootPlace{BootOverride::Kind::uki, "/efi/EFI/Linux/*.[eE][fF][iI]", true},
};

bool is_blank(char letter) { return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r'; }
bool is_quote(char letter) { return letter == '"' || letter == '\''; }
bool is_of_id(char letter) { return ("0123456789abcdefABCDEF-"sv).find(letter) != std::string_view::npos; }

bool begins_word(std::string_view text, std::size_t at) {
    if (at == 0) return true;
    const char before = text[at - 1];
    return is_blank(before) || is_quote(before) || before == '=' || before == '\0';
}

bool ends_word(std::string_view text, std::size_t at) {
    return at >= text.size() || is_blank(text[at]) || is_quote(text[at]) || text[at] == '\0' || text[at] == '\\';
}

bool is_comment(std::string_view text, std::size_t at) {
    const auto line_end = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    auto begin = line_end == std::string_view::npos ? 0 : line_end + 1;
    while (begin < at && (text[begin] == ' ' || text[begin] == '\t')) ++begin;
    return text[begin] == '#';
}

/// The quote that is open after `part`; 0 for none.
char open_quote(std::string_view part) {
    char quote = 0;
    for (const char letter : part) {
        if (quote == 0 && is_quote(letter))
            quote = letter;
        else if (letter == quote)
            quote = 0;
    }
    return quote;
}

std::optional<IdMention> mention_at(std::string_view text, std::size_t key, std::size_t value) {
    // A quote before the key belongs to it where it ends within it.
    if (const char quote = open_quote(text.substr(key, value - key)); quote != 0 && key > 0 && text[key - 1] == quote)
        --key;
    if (!begins_word(text, key) || is_comment(text, key)) return std::nullopt;
    char quote = open_quote(text.substr(key, value - key));
    if (quote == 0 && value < text.size() && is_quote(text[value])) quote = text[value++];
    auto end = value;
    while (end < text.size() && is_of_id(text[end])) ++end;
    const auto id = MachineId::parse(text.substr(value, end - value));
    if (!id) return std::nullopt;
    const auto size = end - value;
    if (quote != 0 && (end >= text.size() || text[end++] != quote)) return std::nullopt;
    if (!ends_word(text, end)) return std::nullopt;
    return IdMention{.key = key, .value = value, .size = size, .end = end, .id = *id};
}

/// `length` says how long the key is, with its "=", that a text begins with; 0 where it is another. `start` is
/// what all begin with.
template <typename Length>
std::vector<IdMention> find_mentions(std::string_view text, std::string_view start, Length length) {
    std::vector<IdMention> found;
    for (auto at = text.find(start); at != std::string_view::npos; at = text.find(start, at + start.size()))
        if (const auto size = length(text.substr(at)); size != 0)
            if (const auto mention = mention_at(text, at, at + size)) found.push_back(*mention);
    return found;
}

/// A little-endian number of a PE file; 0 where the text ends before, which no caller takes for a place.
std::uint32_t number_at(std::string_view text, std::size_t offset, std::size_t size) {
    if (offset > text.size() || text.size() - offset < size) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = size; i > 0; --i) value = value << 8 | static_cast<unsigned char>(text[offset + i - 1]);
    return value;
}

std::vector<IdMention> read_text(GuestFiles& files, const std::string& path, const FileFacts& facts) {
    if (facts.size > boot_text_max)
        throw Error(Code::unsupported_guest,
                    fmt::format("The guest's {} is too large ({} bytes) to see whether it sets a machine-id",
                                to_utf8(path), facts.size));
    const auto text = files.read(path, 0, static_cast<std::size_t>(facts.size));
    return path == "/etc/machine-info" ? find_install_ids(text) : find_id_mentions(text);
}

std::vector<IdMention> read_uki(GuestFiles& files, const std::string& path) {
    std::vector<IdMention> found;
    for (const auto& span : find_uki_command_lines(files.read(path, 0, uki_head_max))) {
        const auto text = files.read(path, span.offset, std::min(span.size, command_line_max));
        for (const auto& mention : find_id_mentions(text)) found.push_back(mention);
    }
    return found;
}

std::string_view kind_word(BootOverride::Kind kind) {
    switch (kind) {
        case BootOverride::Kind::loader_entry: return "loader-entry";
        case BootOverride::Kind::kernel_cmdline_file: return "kernel-cmdline-file";
        case BootOverride::Kind::grub: return "grub";
        case BootOverride::Kind::uki: return "uki";
    }
    return "";
}

}  // namespace

std::vector<IdMention> find_id_mentions(std::string_view text) {
    return find_mentions(text, kernel_key_start, machine_id_key_length);
}

std::vector<IdMention> find_install_ids(std::string_view text) {
    return find_mentions(text, install_key, [](std::string_view) { return install_key.size(); });
}

TextPatch patch_of(const IdMention& mention, const std::optional<MachineId>& id) {
    if (!id) return {.offset = mention.key, .bytes = std::string(mention.end - mention.key, ' ')};
    return {.offset = mention.value, .bytes = mention.size == 36 ? id->value().text() : id->text()};
}

std::vector<FileSpan> find_uki_command_lines(std::string_view head) {
    constexpr std::size_t header_size = 24;   // the signature, and what COFF has
    constexpr std::size_t section_size = 40;  // of each row of the table behind the optional header
    if (head.substr(0, 2) != "MZ") return {};
    const std::size_t header = number_at(head, 0x3c, 4);
    if (header > head.size() || head.substr(header, 4) != "PE\0\0"sv) return {};
    const auto count = number_at(head, header + 6, 2);
    auto row = header + header_size + number_at(head, header + 20, 2);
    std::vector<FileSpan> found;
    for (std::uint32_t i = 0; i < count && row + section_size <= head.size(); ++i, row += section_size)
        if (head.substr(row, 8) == ".cmdline"sv)
            found.push_back({.offset = number_at(head, row + 20, 4), .size = number_at(head, row + 16, 4)});
    return found;
}

std::string BootOverride::text() const {
    return fmt::format("{}:{}", kind_word(kind), to_utf8(std::string_view(path).substr(0, shown_path_max)));
}

std::vector<BootOverride> find_boot_overrides(GuestFiles& files) {
    std::vector<BootOverride> found;
    std::set<std::pair<std::int64_t, std::int64_t>> seen;  // a file system may be mounted twice
    for (const auto& place : boot_places) {
        for (const auto& path : files.match(std::string(place.pattern))) {
            const auto facts = files.look_through(path);
            if (facts.kind != FileFacts::Kind::regular) continue;
            if (!seen.emplace(facts.device, facts.inode).second) continue;
            const bool is_uki = place.kind == BootOverride::Kind::uki;
            auto mentions = is_uki ? read_uki(files, path) : read_text(files, path, facts);
            if (!mentions.empty())
                found.push_back({.kind = place.kind,
                                 .path = path,
                                 .mentions = std::move(mentions),
                                 .takes_effect = place.takes_effect});
        }
    }
    return found;
}

void check_boot_overrides(const std::vector<BootOverride>& overrides, const std::vector<MachineId>& old) {
    for (const auto& found : overrides) {
        if (found.kind == BootOverride::Kind::uki)
            throw Error(Code::unsupported_guest,
                        fmt::format("The guest's kernel image {} sets a machine-id, and cannot be changed: "
                                    "make it anew, in the guest, without systemd.machine_id=",
                                    to_utf8(found.path)));
        for (const auto& mention : found.mentions)
            if (std::find(old.begin(), old.end(), mention.id) == old.end())
                throw Error(Code::unsupported_guest,
                            fmt::format("The guest's {} sets a machine-id that is not the guest's: remove it there",
                                        to_utf8(found.path)));
    }
}

void change_boot_overrides(GuestChanges& changes, const std::vector<BootOverride>& overrides,
                           const std::optional<MachineId>& id) {
    for (const auto& found : overrides)
        for (const auto& mention : found.mentions) {
            const auto patch = patch_of(mention, id);
            changes.patch(found.path, patch.offset, patch.bytes);
        }
}

BootId boot_id_of(const std::vector<BootOverride>& overrides) {
    BootId result;
    for (const auto& found : overrides) {
        if (!found.takes_effect) continue;
        for (const auto& mention : found.mentions) {
            result.is_ambiguous = result.is_ambiguous || (result.id && *result.id != mention.id);
            result.id = mention.id;
        }
    }
    if (result.is_ambiguous) result.id.reset();
    return result;
}

}  // namespace virtbus
