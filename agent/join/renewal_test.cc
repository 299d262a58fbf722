#include "agent/join/renewal.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(RenewalTest, ACertificateIsRenewedAtTwoThirdsOfItsLife) {
  const absl::Time begin = absl::UnixEpoch();
  EXPECT_EQ(RenewalTime(begin, begin + absl::Hours(24 * 90)), begin + absl::Hours(24 * 60));
  EXPECT_EQ(RenewalTime(begin, begin + absl::Seconds(3)), begin + absl::Seconds(2));
}

}  // namespace
}  // namespace gitops
