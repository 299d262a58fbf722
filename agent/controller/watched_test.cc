// The sync status of services that do not follow their branch: frozen and coordinated ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/controller/host_agent_test_base.h"

namespace gitops {
namespace {

class WatchedTest : public HostAgentTest {
 protected:
  SyncStatus Sync() { return Web()->View().sync; }
  bool AwaitSync(SyncStatus want) {
    return Eventually([&] { return Sync() == want; });
  }
  // Lets the next poll come, which finds this tip.
  void PushAndPoll(const std::string& revision) {
    host_.Push("main", revision);
    const int polls = host_.polls();
    clock_.Advance(absl::Minutes(10));
    ASSERT_TRUE(Eventually([&] { return host_.polls() > polls; }));
  }
  static ServiceSpec Following() {
    ServiceSpec spec = Spec();
    spec.directories = {{.local = "/etc/web", .link = "web/etc"}};
    return spec;
  }
  static ServiceSpec Coordinated() {
    ServiceSpec spec = Following();
    spec.tracking = Tracking::kCoordinated;
    return spec;
  }
  void SyncTo(const std::string& revision) {
    auto sync = Web()->StartSync(revision, "a deployment", "", {});
    ASSERT_TRUE(sync.ok()) << sync.status();
    ASSERT_TRUE(Web()->AwaitSync(*sync, {}).ok());
  }
};

TEST_F(WatchedTest, ACoordinatedServiceIsNeverThenCurrentThenBehind) {
  Start({Coordinated()});
  ASSERT_TRUE(Eventually([this] { return Record().target == kA; }));
  EXPECT_EQ(Sync(), SyncStatus::kNever);
  EXPECT_EQ(Record().target_commit.subject, "Subject of " + kA);
  SyncTo(kA);
  EXPECT_EQ(Sync(), SyncStatus::kCurrent);
  EXPECT_EQ(Record().commit.subject, "Subject of " + kA);
  PushAndPoll(kB);
  ASSERT_TRUE(AwaitSync(SyncStatus::kBehind));
  EXPECT_EQ(Record().hash, kA) << "nothing is published";
  SyncTo(kB);
  EXPECT_EQ(Sync(), SyncStatus::kCurrent);
}

TEST_F(WatchedTest, AFrozenServiceIsBehindOnlyOnceACommitConcernsItAlsoAfterARestart) {
  Start({Following()});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  const int64_t generation = Record().generation;
  const absl::Time changed = Record().change_time;
  host_.MakeSame(kA, kB);
  PushAndPoll(kB);
  ASSERT_TRUE(Eventually([this] { return Web()->View().last_poll == clock_.Now(); }));
  EXPECT_EQ(Sync(), SyncStatus::kCurrent);
  EXPECT_EQ(Record().generation, generation) << "a foreign commit is nothing to it";
  PushAndPoll(kC);
  ASSERT_TRUE(AwaitSync(SyncStatus::kBehind));
  EXPECT_GT(Record().generation, generation) << "watchers and the planner learn it";
  EXPECT_EQ(Record().change_time, changed);
  EXPECT_EQ(Web()->Changes()->front().reason, "freeze") << "no entry of the history";
  host_.SetUpstreamStatus(absl::UnavailableError("no route"));
  Restart({Following()});
  EXPECT_EQ(Sync(), SyncStatus::kBehind);
}

TEST_F(WatchedTest, AMoveIsToldWhileItRuns) {
  Start({Following()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldFetches();
  PushAndPoll(kB);
  ASSERT_TRUE(host_.AwaitHeldFetch());
  EXPECT_EQ(Sync(), SyncStatus::kProgressing);
  const int64_t generation = Record().generation;
  host_.ReleaseFetches();
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_EQ(Sync(), SyncStatus::kCurrent);
  EXPECT_GT(Record().generation, generation);
  EXPECT_EQ(Web()->Changes()->front().commit.subject, "Subject of " + kB);
}

}  // namespace
}  // namespace gitops
