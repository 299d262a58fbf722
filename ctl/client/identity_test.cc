#include "ctl/client/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

TEST(IdentityTest, NamesUserAndHost) { EXPECT_THAT(UserAtHost(), testing::MatchesRegex(".+@.+")); }

TEST(IdentityTest, IsFitForMetadata) { EXPECT_EQ(PrintableAscii("j\xc3\xb6rg\n@h"), "j??rg?@h"); }

}  // namespace
}  // namespace gitops::ctl
