#include "agent/controller/drift_schedule.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(DriftSchedule, ScansAreAsFrequentAsPollsUnlessTheyWouldTakeTooMuch) {
  struct Case {
    absl::Duration took, poll, next;
    const char* why;
  };
  for (const Case& c : {
           Case{absl::Milliseconds(10), absl::Minutes(1), absl::Minutes(1), "at each poll"},
           Case{absl::ZeroDuration(), absl::Milliseconds(50), absl::Seconds(1), "a quick poll"},
           Case{absl::Seconds(3), absl::Minutes(1), absl::Seconds(150), "a fiftieth of the time"},
       }) {
    EXPECT_EQ(NextScan(absl::UnixEpoch(), c.took, c.poll), absl::UnixEpoch() + c.next) << c.why;
  }
}

}  // namespace
}  // namespace gitops
