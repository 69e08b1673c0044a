// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads each file of the directories that are named, once: what was ever found stays mended, without libFuzzer.
#include "fuzz_target.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

int main(int argc, char** argv) {
    int count = 0;
    for (const char* directory : std::span(argv, static_cast<std::size_t>(argc)).subspan(1))
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            std::printf("%s\n", entry.path().c_str());
            std::fflush(stdout);
            std::ifstream file(entry.path(), std::ios::binary);
            virtbus::fuzz::read_anything(std::string(std::istreambuf_iterator<char>(file), {}));
            ++count;
        }
    return count > 0 ? 0 : 1;
}
