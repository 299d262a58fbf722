// What people ask of services, and what their history keeps of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/controller/host_agent_test_base.h"

namespace gitops {
namespace {

using testing::HasSubstr;

TEST_F(HostAgentTest, AFrozenServiceStaysWhereItIsUntilItIsUnfrozen) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "release day").ok());
  EXPECT_EQ(Record().state, State::kFreeze);
  host_.Push("main", kB);
  EXPECT_EQ(Web()->View().sync, SyncStatus::kCurrent);
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(Eventually([this] { return Web()->View().sync == SyncStatus::kBehind; }));
  EXPECT_EQ(Record().hash, kA);
  EXPECT_EQ(Record().newest_commit.subject, "Subject of " + kB);
  ASSERT_TRUE(Web()->Unfreeze("bob", "").ok());
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, FreezeAnswersWhileAnActivationHangs) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldActivations();
  host_.Push("main", kB);
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(host_.AwaitHeld());
  auto frozen = Web()->Freeze("alice", "");
  ASSERT_TRUE(frozen.ok()) << frozen.status();
  EXPECT_EQ(frozen->hash, kB) << "says what is published in fact";
  host_.Release();
  EXPECT_TRUE(AwaitAt(kB, State::kFreeze));
}

TEST_F(HostAgentTest, RollbackDoesNotWaitForAFetchThatHangs) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.HoldFetches();
  host_.Push("main", kC);
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(host_.AwaitHeldFetch());
  auto rolled = Web()->Rollback("aaaa", "alice", "", {});
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->state, State::kFreeze);
  EXPECT_EQ(host_.Look("web").activated, kA);
  host_.ReleaseFetches();
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  EXPECT_TRUE(AwaitAt(kC)) << "the fetch that was given up is made again";
}

TEST_F(HostAgentTest, RollbackPinsTheOlderRevisionThroughPollsAndRestarts) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  auto rolled = Web()->Rollback("aaaa", "alice", "b is bad", {});
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->state, State::kFreeze);
  EXPECT_EQ(rolled->info, "ROLLBACK: " + kA);
  EXPECT_EQ(host_.Look("web").activated, kA);
  host_.SetUpstreamStatus(absl::OkStatus());
  host_.Push("main", kC);
  host_.Set("web", [](FakeHost::Service& service) { service.published.clear(); });  // a reboot
  Restart({Spec()});
  ASSERT_TRUE(Await([&](const ServiceRecord& r) {
    return host_.Look("web").published == kA && r.pending.empty();
  }));
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(Record().info, "ROLLBACK: " + kA);
  EXPECT_EQ(Record().frozen_by, "alice");
}

TEST_F(HostAgentTest, ARollbackToARevisionOnDiskWritesToTheStoreTwice) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  const int before = store_.writes();
  ASSERT_TRUE(Web()->Rollback("aaaa", "alice", "", {}).ok());
  EXPECT_EQ(store_.writes() - before, 2) << "the order, and that it was carried out";
  EXPECT_EQ(host_.Look("web").activated, kA);
}

TEST_F(HostAgentTest, ARollbackThatEndedDuringItsActivationIsOnlyActivatedByTheNextStart) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.HoldActivations();
  std::thread rollback([&] { Web()->Rollback("aaaa", "alice", "", {}).IgnoreError(); });
  ASSERT_TRUE(host_.AwaitHeld());
  store_.FailKeys("agent/");  // only the order is stored, as if the agent were killed
  agent_->Stop();
  rollback.join();
  store_.Heal();
  host_.Release();
  host_.FailPublish(kA, absl::InternalError("what is published already was published again"));
  Restart({Spec()});
  ASSERT_TRUE(AwaitAt(kA, State::kFreeze));
  EXPECT_EQ(Record().info, "ROLLBACK: " + kA);
  EXPECT_EQ(host_.Look("web").activated, kA);
}

TEST_F(HostAgentTest, RollbackToARevisionThatCannotBeFoundChangesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  const ServiceRecord before = Record();
  EXPECT_EQ(Web()->Rollback("dddd", "alice", "", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Record(), before);
}

TEST_F(HostAgentTest, ARollbackWhoseActivationFailsEndsBrokenWithTheOldRevisionServed) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.FailActivate(kA, absl::FailedPreconditionError("unit failed"));
  auto rolled = Web()->Rollback(kA, "alice", "", {});
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_EQ(rolled->state, State::kBroken);
  EXPECT_EQ(rolled->hash, kB);
  EXPECT_EQ(host_.Look("web").activated, kB);
}

TEST_F(HostAgentTest, ACommandThatCannotBeStoredIsRefusedAndChangesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  const ServiceRecord before = Record();
  store_.FailKeys("agent/", absl::UnavailableError("disk full"));
  EXPECT_EQ(Web()->Freeze("alice", "").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Record(), before);
  host_.Push("main", kB);
  clock_.Advance(absl::Minutes(5));
  ASSERT_TRUE(Await([&](const ServiceRecord& r) { return r.target == kB; }, absl::Seconds(10)));
  EXPECT_EQ(host_.Look("web").published, kA) << "what cannot be stored is not published";
  store_.Heal();
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, PullTakesUpWhatIsThereNowAndRefusesOnAFrozenService) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  auto pulled = agent_->Pull("web", {});
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(pulled->hash, kB);
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  auto refused = agent_->Pull("web", {}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("alice"));
}

TEST_F(HostAgentTest, PullDoesNotWaitForBackOff) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailPrepare(kB, absl::UnavailableError("half the files are missing"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kA, State::kDiff));
  host_.FailPrepare(kB, absl::OkStatus());
  auto pulled = agent_->Pull("web", {});
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(pulled->hash, kB);
  EXPECT_EQ(pulled->state, State::kOk);
}

TEST_F(HostAgentTest, HistorySaysWhenFromToWhyAndByWhom) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  const Actor alice = MakePrincipal("alice", "", "unix:");
  ASSERT_TRUE(Web()->Rollback(kA, alice, "b is bad", {}).ok());
  auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  ASSERT_GE(changes->size(), 4u);
  const ChangeRecord& newest = (*changes)[0];
  EXPECT_EQ(newest.from_hash, kB);
  EXPECT_EQ(newest.to_hash, kA);
  EXPECT_EQ(newest.to_state, State::kFreeze);
  EXPECT_EQ(newest.actor, alice);
  EXPECT_EQ((*changes)[1].actor, alice);
  EXPECT_EQ((*changes)[1].reason, "rollback: b is bad");
  EXPECT_EQ((*changes)[1].to_state, State::kRollback);
  EXPECT_EQ((*changes)[2].from_hash, kA);
  EXPECT_EQ((*changes)[2].to_hash, kB);
  EXPECT_EQ((*changes)[2].actor, "agent");
}

TEST_F(HostAgentTest, ARollbackWhoseCallerGaveUpBeforeTheRevisionWasFoundChangesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("other", kB);
  const ServiceRecord before = Record();
  auto late = Web()->Rollback(kB, "alice", "", {.deadline = clock_.Now()});
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Record(), before);
}

TEST_F(HostAgentTest, AFailedActivationIsNotForgottenByFreezeAndUnfreeze) {
  ServiceSpec spec = Spec();
  spec.rollback_on_failure = false;
  Start({spec});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailActivate(kB, absl::FailedPreconditionError("unit failed"));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB, State::kBroken));
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  host_.FailActivate(kB, absl::OkStatus());
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_EQ(host_.Look("web").activated, kB);
}

TEST_F(HostAgentTest, EveryCommandIsKeptInTheHistoryEvenIfItChangedNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "release day").ok());
  ASSERT_TRUE(Web()->Freeze("alice", "and the day after").ok());
  auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ((*changes)[0].reason, "freeze: and the day after");
  EXPECT_EQ((*changes)[0].from_state, State::kFreeze);
  EXPECT_EQ((*changes)[1].reason, "freeze: release day");
}

TEST_F(HostAgentTest, RollbackToARevisionThatWasEditedOnDiskWritesItAnew) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.Set("web", [](FakeHost::Service& service) { service.edited = {kA, kB}; });
  ASSERT_TRUE(Web()->Rollback(kA, "me", "", Patience()).ok());
  EXPECT_EQ(host_.Look("web").published, kA);
  // Of what was published, the drift policy decides.
  EXPECT_EQ(host_.Look("web").edited, std::set<std::string>{kB});
}

TEST_F(HostAgentTest, ARevisionThatCannotBeComparedIsNotWrittenAnew) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  host_.Set("web", [](FakeHost::Service& service) {
    service.edited = {kA};
    service.intact_error = absl::ResourceExhaustedError("too many open files");
  });
  const auto answer = Web()->Rollback(kA, "me", "", Patience());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->state, State::kDiff);
  EXPECT_NE(answer->info.find("too many open files"), std::string::npos) << answer->info;
  EXPECT_EQ(host_.Look("web").edited, std::set<std::string>{kA});
  EXPECT_EQ(host_.Look("web").published, kB);
  host_.Set("web", [](FakeHost::Service& service) { service.intact_error = absl::OkStatus(); });
  ASSERT_TRUE(AwaitAt(kA, State::kFreeze));
}

TEST_F(HostAgentTest, ADiffDoesNotWaitForAGitThatDoesNotDescribeTheCommit) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("other", kB);
  host_.HoldDescriptions();
  auto diff = std::async(std::launch::async, [web = Web()] { return web->DiffTo(kB, {}, {}); });
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Seconds(1));
    return diff.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }));
  host_.ReleaseFetches();
  const auto answer = diff.get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->commit.hash, kB);
  EXPECT_EQ(answer->commit.subject, "");
  EXPECT_EQ(answer->differences.size(), 1u);
}

// The first comparison of texts goes on until it is stopped.
class HangingDiffTest : public HostAgentTest {
 protected:
  HangingDiffTest() {
    diff_texts_ = [this](const std::vector<TextPair>& pairs, size_t,
                         const std::stop_token& stop) -> absl::StatusOr<std::vector<TextDiff>> {
      if (++begun_ == 1) {
        while (!stop.stop_requested()) std::this_thread::yield();
        ended_ = true;
        return absl::CancelledError("killed");
      }
      return std::vector<TextDiff>(pairs.size(), {.hunks = "@@\n", .added = 7});
    };
    host_.Push("other", kB);
  }
  std::future<absl::StatusOr<ServiceController::RevisionDiff>> Diff(const Patience& patience = {}) {
    auto diff = std::async(std::launch::async, [web = Web(), patience] {
      return web->DiffTo(kB, {.content = true}, patience);
    });
    EXPECT_TRUE(Eventually([this] { return begun_ > 0; }));
    return diff;
  }

  std::atomic<int> begun_ = 0;
  std::atomic<bool> ended_ = false;
};

TEST_F(HangingDiffTest, IsEndedWhenItsCallerIsGone) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  std::atomic<bool> gone = false;
  auto diff = Diff({.cancelled = [&gone] { return gone.load(); }});
  gone = true;
  EXPECT_TRUE(absl::IsCancelled(diff.get().status()));
  EXPECT_TRUE(Eventually([this] { return ended_.load(); }));
}

TEST_F(HangingDiffTest, IsEndedWhenTheAgentStops) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  auto diff = Diff();
  agent_->Stop();
  EXPECT_TRUE(HasReason(diff.get().status(), Reason::kServerStopping));
  EXPECT_TRUE(ended_);
}

TEST_F(HangingDiffTest, IsMadeAgainForACallerThatWaitsWhileAnotherFreezes) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  auto diff = Diff();
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  const auto answer = diff.get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->differences.size(), 1u);
  EXPECT_EQ(answer->differences[0].added_lines, 7) << "with its diffs";
}

}  // namespace
}  // namespace gitops
