// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the XML documents beside the tests.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace virtbus::test {

inline std::string read_text(const std::string& name) {
    std::ifstream file(std::string(TEST_TEXTS) + "/" + name);
    EXPECT_TRUE(file) << "no file " << name;
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace virtbus::test
