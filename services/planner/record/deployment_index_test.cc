#include "services/planner/record/deployment_index.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr absl::Time kStart = absl::UnixEpoch();

DeploymentIndex::Entry Ended(int64_t revision, int second) {
  return {.revision = revision, .ended = true, .end = kStart + absl::Seconds(second)};
}

TEST(DeploymentIndexTest, AnOlderRevisionChangesNothing) {
  DeploymentIndex index;
  index.Put("a", Ended(2, 1));
  index.Put("a", {.revision = 1});
  EXPECT_THAT(index.unfinished(), IsEmpty());
  index.Put("a", {.revision = 3});
  EXPECT_THAT(index.unfinished(), ElementsAre("a"));
  EXPECT_THAT(index.Removable(0, absl::InfiniteFuture()), IsEmpty());
  index.Remove("a");
  EXPECT_THAT(index.unfinished(), IsEmpty());
  EXPECT_FALSE(index.Contains("a"));
}

TEST(DeploymentIndexTest, StepsBackOverAsManyAsWereAskedFor) {
  DeploymentIndex index;
  EXPECT_EQ(index.StepBack("", 2), "");
  for (const char* id : {"a", "b", "c", "d"}) index.Put(id, {.revision = 1});
  EXPECT_EQ(index.StepBack("", 1), "c");
  EXPECT_EQ(index.StepBack("", 2), "b");
  EXPECT_EQ(index.StepBack("d", 2), "a");
  EXPECT_EQ(index.StepBack("d", 3), "");
  EXPECT_EQ(index.StepBack("a", 1), "");
  EXPECT_EQ(index.StepBack("cc", 1), "b") << "an id that is not there";
}

TEST(DeploymentIndexTest, RemovableAreEndedOnesThatAreTooManyOrTooOld) {
  DeploymentIndex index;
  index.Put("a", {.revision = 1});
  index.Put("b", Ended(2, 30));
  index.Put("c", Ended(3, 10));
  index.Put("d", Ended(4, 40));
  EXPECT_THAT(index.Removable(4, absl::InfinitePast()), IsEmpty());
  EXPECT_THAT(index.Removable(2, absl::InfinitePast()), ElementsAre(Pair("b", 2)));
  EXPECT_THAT(index.Removable(4, kStart + absl::Seconds(30)), ElementsAre(Pair("c", 3)));
  EXPECT_THAT(index.Removable(2, kStart + absl::Seconds(30)),
              ElementsAre(Pair("b", 2), Pair("c", 3)));
}

}  // namespace
}  // namespace gitops
