// SPDX-License-Identifier: LGPL-2.1-or-later
// Files as the suite's judges see them: what is in them, how much of the disk they take, and what qemu-img says.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace virtbus::test {

using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr std::uint64_t kibibyte = std::uint64_t{1} << 10;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

/// How a program ended, and all that it wrote.
struct Ran {
    int status = -1;
    std::string output;
};

/// Runs a program and waits for its end.
Ran run(const std::vector<std::string>& words);
/// The same; it must end well.
std::string output_of(const std::vector<std::string>& words);

/// Of the environment; throws when it is not set.
std::string environment(const char* name);

Json qemu_info(const Path& file);
/// What `qemu-img compare` says: the same for a guest.
bool is_same_content(const Path& one, const std::string& one_format, const Path& other,
                     const std::string& other_format);
/// Nothing wrong in it for `qemu-img check`.
bool is_sound(const Path& file);

/// Bytes that it takes of the disk, as du(1) counts.
std::uint64_t bytes_on_disk(const Path& file);
/// The SHA-256 of all its bytes, holes too.
std::string sha256_of(const Path& file);
/// The same for files of the same size that hold the same bytes at the same places; holes are not read.
std::string fingerprint(const Path& file);

/// Makes a file of `size` bytes with `data` bytes of random data in pieces of `piece`, spread evenly.
void make_sparse(const Path& file, std::uint64_t size, std::uint64_t data, std::uint64_t piece = mebibyte);
/// Makes one full of random data.
void make_random(const Path& file, std::uint64_t size);
void write_file(const Path& file, const std::string& content);
std::string read_text(const Path& file);
/// Overwrites what is at `offset`.
void patch(const Path& file, std::uint64_t offset, const std::string& bytes);
/// A number as qcow2 has it.
std::string big_endian(std::uint64_t value, int bytes);

/// The names in a directory, sorted.
std::vector<std::string> names_in(const Path& directory);
/// Those that virtbus makes while it works.
std::vector<std::string> temporaries_in(const Path& directory);

}  // namespace virtbus::test
