// SPDX-License-Identifier: LGPL-2.1-or-later
// One changes an object, or several read it, and whoever comes too late hears who was first.
#include "model/claims.h"

#include "support/errors.h"
#include "support/fake_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace virtbus::test {
namespace {

using testing::HasSubstr;

class ClaimsTest : public testing::Test {
protected:
    Outcome changing(const ObjectRef& object) {
        return outcome_of([&] { claims.take("job 2 (wipe)", {object}); });
    }
    Outcome reading(const ObjectRef& object) {
        return outcome_of([&] { claims.take("job 2 (export)", {}, {object}); });
    }

    Claims claims;
    const ObjectRef image = ImageRef{"qemu", "default", "web.qcow2"};
    const ObjectRef other = ImageRef{"qemu", "default", "db.qcow2"};
    const ObjectRef machine = MachineRef{"qemu", make_uuid(1)};
};

TEST_F(ClaimsTest, OneChangesAnObject) {
    const auto claim = claims.take("job 1 (clone)", {image});
    const auto outcome = changing(image);
    EXPECT_TRUE(refuses(outcome, Code::in_use, "image default/web.qcow2: job 1 (clone) is working on it")) << outcome;
    EXPECT_FALSE(changing(other).failed);
}

TEST_F(ClaimsTest, SeveralReadAnObject) {
    const auto first = claims.take("job 1 (clone)", {}, {image});
    EXPECT_FALSE(reading(image).failed);
}

TEST_F(ClaimsTest, NobodyChangesWhatIsRead) {
    const auto claim = claims.take("job 1 (clone)", {other}, {image});
    EXPECT_TRUE(refuses(changing(image), Code::in_use));
}

TEST_F(ClaimsTest, NobodyReadsWhatIsChanged) {
    const auto claim = claims.take("job 1 (clone)", {image});
    EXPECT_TRUE(refuses(reading(image), Code::in_use));
}

TEST_F(ClaimsTest, AMachineIsBusyAndEverythingElseInUse) {
    const auto claim = claims.take("job 1 (save)", {machine});
    EXPECT_TRUE(refuses(changing(machine), Code::machine_busy));
}

TEST_F(ClaimsTest, OfSeveralObjectsEachIsClaimedOrNone) {
    const auto claim = claims.take("job 1 (clone)", {image});
    EXPECT_TRUE(refuses(outcome_of([&] { claims.take("job 2 (clone)", {other, image}); }), Code::in_use));
    EXPECT_FALSE(changing(other).failed) << "who was refused holds nothing";
}

TEST_F(ClaimsTest, AClaimDoesNotStandInItsOwnWay) {
    EXPECT_FALSE(outcome_of([&] { claims.take("job 1 (rebase)", {image, image}, {image}); }).failed);
}

TEST_F(ClaimsTest, AClaimEndsWithItsOwner) {
    { const auto claim = claims.take("job 1 (clone)", {image}); }
    EXPECT_FALSE(changing(image).failed);
}

TEST_F(ClaimsTest, AClaimEndsWithItsLastCopy) {
    auto claim = claims.take("job 1 (start)", {image});
    auto copy = claim;
    claim.reset();
    EXPECT_TRUE(changing(image).failed);
    copy.reset();
    EXPECT_FALSE(changing(image).failed);
}

TEST_F(ClaimsTest, TheSameNameElsewhereIsAnotherObject) {
    const auto claim = claims.take("job 1 (clone)", {image});
    EXPECT_FALSE(changing(ImageRef{"xen", "default", "web.qcow2"}).failed);
    EXPECT_FALSE(changing(ImageRef{"qemu", "fast", "web.qcow2"}).failed);
    EXPECT_FALSE(changing(PoolRef{"qemu", "default"}).failed);
}

TEST_F(ClaimsTest, RefuseAnyFindsWhatIsChangedAndWhatIsRead) {
    const auto in_default = [](const ObjectRef& object) {
        const auto* each = std::get_if<ImageRef>(&object);
        return each != nullptr && each->pool == "default";
    };
    EXPECT_FALSE(outcome_of([&] { claims.refuse_any(in_default); }).failed);
    auto claim = claims.take("job 1 (export)", {machine}, {image});
    const auto outcome = outcome_of([&] { claims.refuse_any(in_default); });
    EXPECT_TRUE(refuses(outcome, Code::in_use)) << outcome;
    EXPECT_THAT(outcome.text, HasSubstr("job 1 (export)"));
    claim = claims.take("job 2 (wipe)", {other});
    EXPECT_TRUE(refuses(outcome_of([&] { claims.refuse_any(in_default); }), Code::in_use));
    claim.reset();
    EXPECT_FALSE(outcome_of([&] { claims.refuse_any(in_default); }).failed);
}

}  // namespace
}  // namespace virtbus::test
