// SPDX-License-Identifier: LGPL-2.1-or-later
#include "confirm.h"

#include <gtest/gtest.h>

namespace virtbusctl {

TEST(MeansYes, IsNoUnlessItSaysYes) {
    for (const char* answer : {"y", "Y", "yes", "Yes"}) EXPECT_TRUE(means_yes(answer)) << answer;
    for (const char* answer : {"", "n", "no", "ye", " y", "yes please"}) EXPECT_FALSE(means_yes(answer)) << answer;
}

}  // namespace virtbusctl
