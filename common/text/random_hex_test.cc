#include "common/text/random_hex.h"

#include <gtest/gtest.h>

#include <set>

namespace gitops {
namespace {

TEST(RandomHexTest, HasTheLengthAndIsNeverTheSame) {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) {
    const std::string hex = RandomHex(33);
    EXPECT_EQ(hex.size(), 33u);
    EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos) << hex;
    EXPECT_TRUE(all.insert(hex).second) << hex;
  }
  EXPECT_EQ(RandomHex(0), "");
}

}  // namespace
}  // namespace gitops
