#include "common/rpc/request_checks.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(RequestChecksTest, ReasonsHaveAThousandBytesAtMost) {
  EXPECT_TRUE(CheckReason("").ok());
  EXPECT_TRUE(CheckReason(std::string(1000, 'x')).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckReason(std::string(1001, 'x'))));
}

TEST(RequestChecksTest, CommitsAreHexadecimalDigitsFourOfThemAtLeast) {
  for (const std::string good : {"abcd", "0123456789abcdefABCDEF0123456789abcdef01"}) {
    EXPECT_TRUE(CheckHash(good).ok()) << good;
  }
  EXPECT_TRUE(CheckHash(std::string(64, 'a')).ok());
  for (const std::string bad : {"", "abc", "HEAD", "abcd ", "-abcd", "abcg"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckHash(bad))) << bad;
  }
  EXPECT_FALSE(CheckHash(std::string(65, 'a')).ok());
  const absl::Status escaped = CheckHash("\x1b[2J" + std::string(9000, 'x'));
  EXPECT_EQ(escaped.message().find('\x1b'), std::string::npos);
  EXPECT_LT(escaped.message().size(), 300u);
}

}  // namespace
}  // namespace gitops
