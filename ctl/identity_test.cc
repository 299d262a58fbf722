#include "ctl/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

TEST(IdentityTest, NamesUserAndHost) { EXPECT_THAT(UserAtHost(), testing::MatchesRegex(".+@.+")); }

}  // namespace
}  // namespace gitops::ctl
