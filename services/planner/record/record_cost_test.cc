// What calls read where many deployments are kept.
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/planner/record/record_keys.h"
#include "services/planner/record/record_testing.h"

namespace gitops {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kKept = 2000;

class RecordCostTest : public ::testing::Test {
 protected:
  // Ended deployments with a host each; the last call before what is counted has read them all.
  RecordCostTest() {
    std::vector<StoreWrite> writes;
    for (int i = 0; i < kKept; ++i) {
      const std::string id = Id(i);
      const DeploymentRecord entry = EndedEntry(id, clock_.Now() - absl::Hours(kKept - i));
      writes.push_back({.key = absl::StrCat("planner/v1/deployment/", id),
                        .value = ToStored(entry).SerializeAsString()});
      writes.push_back({.key = absl::StrCat("planner/v1/host/", id, "/000000"),
                        .value = ToStored(HostsOf({"web1"})[0]).SerializeAsString()});
    }
    EXPECT_TRUE(store_.Write(writes).ok());
    EXPECT_EQ(*deployments_.Prune({.count = kKept}), 0);
  }

  // Of the oldest: 0.
  std::string Id(int number) {
    const absl::Time made = clock_.Now() - absl::Hours(kKept - number);
    return absl::StrCat(DeploymentIdTime(made), "-aaaaaa");
  }
  // The values that were read.
  int Cost(const std::function<void()>& call) {
    const int before = store_.values_read();
    call();
    return store_.values_read() - before;
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  FaultyStore store_{temp_.store()};
  TestRecords deployments_{&store_, &clock_};
};

TEST_F(RecordCostTest, APageReadsWhatItHolds) {
  for (const std::string& before : {std::string(), Id(kKept / 2), Id(5)}) {
    EXPECT_LE(Cost([&] { EXPECT_FALSE(deployments_.List(before, 10)->empty()); }), 128) << before;
  }
  EXPECT_LE(Cost([&] { EXPECT_THAT(*deployments_.List("", kKept), SizeIs(kKept)); }), 1.1 * kKept);
}

TEST_F(RecordCostTest, AdmissionReadsThoseThatHaveNotEnded) {
  EXPECT_EQ(Cost([&] { EXPECT_THAT(*deployments_.Unfinished(), IsEmpty()); }), 0);
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), {}, {}).ok());
  EXPECT_EQ(Cost([&] { EXPECT_THAT(*deployments_.Unfinished(), SizeIs(1)); }), 1);
  ASSERT_TRUE(deployments_.Save(EndedEntry("d1", clock_.Now())).ok());
  EXPECT_EQ(Cost([&] { EXPECT_THAT(*deployments_.Unfinished(), IsEmpty()); }), 0);
}

TEST_F(RecordCostTest, PruningReadsWhatItRemoves) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(deployments_.SavePlan({}).ok());
  const int calls = store_.calls();
  EXPECT_EQ(Cost([&] { EXPECT_EQ(*deployments_.Prune({.count = kKept}), 0); }), 0);
  EXPECT_EQ(store_.calls(), calls);
  EXPECT_EQ(Cost([&] { EXPECT_EQ(*deployments_.Prune({.count = kKept - 3}), 3); }), 3)
      << "a host each";
  const absl::Duration age = absl::Hours(kKept - 10) - absl::Minutes(1);
  EXPECT_EQ(Cost([&] { EXPECT_EQ(*deployments_.Prune({.count = kKept, .age = age}), 8); }), 8);
  EXPECT_EQ(deployments_.List(Id(12))->back().id(), Id(11)) << "the oldest that is left";
}

TEST_F(RecordCostTest, OfATimeRangeLittleElseIsRead) {
  const absl::Time since = clock_.Now() - absl::Hours(1000), until = since + absl::Hours(10);
  std::vector<std::string> ids;
  const int cost = Cost([&] {
    const auto visit = [&](v1::Deployment& deployment) {
      ids.push_back(deployment.id());
      return true;
    };
    EXPECT_TRUE(
        deployments_.ForEachNewestFirst(deployments_.CreatedBetween(since, until), visit).ok());
  });
  EXPECT_LE(cost, 128);
  ASSERT_FALSE(ids.empty());
  EXPECT_EQ(ids.front(), Id(kKept - 990));
  EXPECT_LE(ids.back(), Id(kKept - 1000));
}

TEST_F(RecordCostTest, WhatAFailedWriteMadeAllTheSameIsSeen) {
  ASSERT_TRUE(deployments_.Create(EntryOf("d1"), {}, {}).ok());
  ASSERT_TRUE(TestRecords(&store_, &clock_).Save(EndedEntry("d1", clock_.Now())).ok());
  EXPECT_THAT(*deployments_.Unfinished(), IsEmpty());
  EXPECT_EQ(Cost([&] { EXPECT_THAT(*deployments_.Unfinished(), IsEmpty()); }), 0);
}

}  // namespace
}  // namespace gitops
