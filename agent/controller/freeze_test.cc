// What holds whatever a service is doing: freeze, the end of the agent, a disk that stalls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "agent/controller/host_agent_test_base.h"

namespace gitops {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;

class FreezeTest : public HostAgentTest {
 protected:
  ~FreezeTest() override {
    store_.Heal();
    host_.Release();
    host_.ReleaseFetches();
    host_.ReleaseDisk();
  }
  // Freezes, which takes a moment only, and after which nothing is published any more.
  void ExpectFreezeAtOnce() {
    const auto begun = steady_clock::now();
    auto frozen = Web()->Freeze("alice", "");
    EXPECT_LT(steady_clock::now() - begun, milliseconds(100 * kSlow));
    ASSERT_TRUE(frozen.ok()) << frozen.status();
    const std::string published = host_.Look("web").published;
    EXPECT_EQ(frozen->published, published);
    host_.Release();
    host_.ReleaseFetches();
    host_.ReleaseDisk();
    clock_.Advance(absl::Hours(1));
    ASSERT_TRUE(Eventually([&] {
      clock_.Advance(absl::Minutes(1));
      return host_.Look("web").looks > 20;
    }));
    EXPECT_EQ(host_.Look("web").published, published);
    EXPECT_EQ(Record().state, State::kFreeze);
  }
  void Move(const std::string& revision) {
    host_.Push("main", revision);
    clock_.Advance(absl::Minutes(2));
  }
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  static constexpr int kSlow = 20;
#else
  static constexpr int kSlow = 1;
#endif
#else
  static constexpr int kSlow = 1;
#endif
};

TEST_F(FreezeTest, AnswersAtOnceDuringAFetch) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldFetches();
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeldFetch());
  ExpectFreezeAtOnce();
}

TEST_F(FreezeTest, AnswersAtOnceWhileFilesAreCarriedOver) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldDisk();
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeldDisk());
  ExpectFreezeAtOnce();
  EXPECT_EQ(host_.Look("web").published, kA);
}

TEST_F(FreezeTest, AnswersAtOnceWhileADriverIsLateToStopAndNothingIsExchangedAfterwards) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldDisk(/*stops_late=*/true);
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeldDisk());
  ExpectFreezeAtOnce();
  EXPECT_EQ(host_.Look("web").published, kA);
}

TEST_F(FreezeTest, AnswersAtOnceDuringADiffAndTheDiffGoesOn) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldDisk();
  auto diff = std::async(std::launch::async, [web = Web()] { return web->Diff(); });
  ASSERT_TRUE(host_.AwaitHeldDisk());
  ExpectFreezeAtOnce();
  EXPECT_TRUE(diff.get().ok());
}

TEST_F(FreezeTest, AnswersAtOnceDuringAnActionWhichIsRecordedAsWhatItWas) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldActivations();
  host_.FailActivate(kB, absl::FailedPreconditionError("unit failed"));
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeld());
  ExpectFreezeAtOnce();
  EXPECT_EQ(host_.Look("web").published, kB) << "no return to another revision after the answer";
  EXPECT_EQ(Record().failed, kB);
}

TEST_F(FreezeTest, AnswersAtOnceWhileWhatWasWrittenMeanwhileIsCarriedOver) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldEndsOfPublications();
  Move(kB);
  ASSERT_TRUE(Eventually([this] { return host_.Look("web").published == kB; }));
  ExpectFreezeAtOnce();
  EXPECT_EQ(host_.Look("web").activated, kB);
  EXPECT_EQ(Record().hash, kB);
}

TEST_F(FreezeTest, HasADeadlineWhileTheDiskStallsAndReadersDoNotWait) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  store_.StallWrites();
  auto freeze =
      std::async(std::launch::async, [web = Web(), until = clock_.Now() + absl::Seconds(5)] {
        return web->Freeze("alice", "", {.deadline = until});
      });
  ASSERT_EQ(freeze.wait_for(milliseconds(300)), std::future_status::timeout);
  const auto begun = steady_clock::now();
  for (const auto& controller : agent_->All()) EXPECT_EQ(controller->View().record.hash, kA);
  EXPECT_LT(steady_clock::now() - begun, milliseconds(50 * kSlow));
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(freeze.get().status().code(), absl::StatusCode::kDeadlineExceeded);
  store_.Heal();
  EXPECT_TRUE(Await([](const ServiceRecord& r) { return r.frozen; })) << "it was ordered";
}

TEST_F(FreezeTest, OfACallerThatIsGoneWaitsForNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  store_.StallWrites();
  EXPECT_EQ(Web()->Freeze("alice", "", {.cancelled = [] { return true; }}).status().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(FreezeTest, APullAnswersWithWhatItsPollFoundWhileTheDiskStalls) {
  host_.SetUpstreamStatus(absl::UnavailableError("no route"));
  Start({Spec()});
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return !r.poll_error.empty(); }));
  host_.SetUpstreamStatus(absl::OkStatus());
  store_.StallWrites();
  auto pull = std::async(std::launch::async, [this] { return agent_->Pull("web", {}); });
  EXPECT_EQ(pull.wait_for(milliseconds(300)), std::future_status::timeout);
  store_.Heal();
  const auto pulled = pull.get();
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(pulled->state, State::kOk) << pulled->info;
  EXPECT_EQ(pulled->hash, kA);
}

TEST_F(FreezeTest, NothingBeginsAgainOnceTheAgentIsToStop) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldFetches();
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeldFetch());
  agent_->RequestStop();
  ASSERT_TRUE(Eventually([this] { return !host_.fetching(); }));
  EXPECT_TRUE(absl::IsUnavailable(agent_->Configure({Spec("db")})));
  EXPECT_TRUE(absl::IsUnavailable(Web()->TakeUp({}).status()));
  clock_.Advance(absl::Hours(1));
  agent_->Stop();
  EXPECT_FALSE(host_.fetching());
  EXPECT_EQ(host_.Look("web").published, kA);
}

TEST_F(FreezeTest, AMoveIsStoredTwice) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  const int before = store_.writes();
  Move(kB);
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_EQ(store_.writes(), before + 2);
}

TEST_F(FreezeTest, CommitsThatTouchNothingOfAServiceStoreNothingAndLeaveItsHistoryAlone) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  const int writes = store_.writes();
  const absl::Time changed = Record().change_time;
  const size_t entries = Web()->Changes()->size();
  for (const std::string& commit : {kB, kC}) {
    host_.MakeSame(kA, commit);
    Move(commit);
    ASSERT_TRUE(AwaitAt(commit));
  }
  EXPECT_LE(store_.writes(), writes + 2) << "once per commit, for all services";
  EXPECT_EQ(Record().change_time, changed);
  EXPECT_EQ(Web()->Changes()->size(), entries);
}

TEST_F(FreezeTest, WhatACommitTouchesIsAskedOnceForAllAndKeptOverARestartWithoutTheUpstream) {
  std::vector<ServiceSpec> specs;
  for (const char* name : {"web", "db", "mail"}) {
    specs.push_back(Spec(name));
    specs.back().directories = {{.local = "/etc/x", .link = name}};
  }
  Start(specs);
  const auto all_at = [this](const std::string& hash) {
    return Eventually([&] {
      clock_.Advance(absl::Seconds(15));
      return Record("web").hash == hash && Record("db").hash == hash && Record("mail").hash == hash;
    });
  };
  ASSERT_TRUE(all_at(kA));
  host_.MakeSame(kA, kB);
  const int asked = host_.comparisons(), writes = store_.writes();
  Move(kB);
  ASSERT_TRUE(all_at(kB));
  EXPECT_EQ(host_.comparisons(), asked + 1);
  EXPECT_LE(store_.writes(), writes + 1);
  ASSERT_TRUE(agent_->Pull("web", {}).ok());
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  Restart(specs);
  EXPECT_EQ(Record("web").hash, kB);
  EXPECT_EQ(Record("db").hash, kB);
  EXPECT_EQ(host_.Look("web").published, kA);
  // What it does itself afterwards counts.
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  Restart(specs);
  EXPECT_EQ(Record("web").hash, kB);
  EXPECT_EQ(Record("web").state, State::kFreeze);
}

TEST_F(FreezeTest, ARollbackDuringAMoveOfItsOwnIsBookedApartFromIt) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldActivations();
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeld());
  auto rollback =
      std::async(std::launch::async, [web = Web()] { return web->Rollback(kA, "alice", "", {}); });
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.pinned == kA; }));
  host_.Release();
  ASSERT_TRUE(rollback.get().ok());
  auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  ASSERT_GE(changes->size(), 2u);
  const ChangeRecord &back = (*changes)[0], &own = (*changes)[1];
  EXPECT_THAT((std::vector<std::string>{back.from_hash, back.to_hash, back.actor.text()}),
              ElementsAre(kB, kA, "alice"));
  EXPECT_THAT((std::vector<std::string>{own.from_hash, own.to_hash, own.actor.text()}),
              ElementsAre(kA, kB, "agent"));
}

TEST_F(FreezeTest, AReturnThatACommandStoppedIsNoFailure) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.FailActivate(kB, absl::FailedPreconditionError("unit failed"));
  host_.HoldActivations();
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeld());
  host_.HoldDisk();
  host_.Release();
  ASSERT_TRUE(host_.AwaitHeldDisk());  // on the way back to A
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  EXPECT_EQ(Record().source_error, "");
  const auto changes = Web()->Changes();
  ASSERT_TRUE(changes.ok());
  for (const ChangeRecord& change : *changes) {
    EXPECT_EQ(change.reason.find("cannot return"), std::string::npos) << change.reason;
  }
}

TEST_F(FreezeTest, ATipIsNotTakenForVerifiedByWhoeverFollowsItsBranchLater) {
  ServiceSpec db = Spec("db");
  db.branch = "next";
  host_.Push("next", kA);
  Start({Spec(), db});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.hash == kA && r.pending.empty(); },
                    absl::Seconds(15), "db"));
  host_.MakeSame(kA, kB);
  host_.Push("next", kB);
  clock_.Advance(absl::Minutes(2));
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.hash == kB; }, absl::Seconds(15), "db"));
  ASSERT_TRUE(agent_->Pull("db", {}).ok());
  host_.SetUpstreamStatus(absl::UnavailableError("gone"));
  ServiceSpec web = Spec();
  web.branch = "next";
  Restart({web, db});
  EXPECT_EQ(Record("db").hash, kB);
  EXPECT_EQ(Record("web").hash, kA) << "nobody has compared it with the tip of next";
}

TEST_F(FreezeTest, ARollbackDoesNotWaitBehindTheFetchesOfOtherServices) {
  const std::vector<std::string> names = {"a", "b", "c", "d", "e", "f"};
  std::vector<ServiceSpec> specs;
  for (const std::string& name : names) specs.push_back(Spec(name));
  Start(specs);
  for (const std::string& name : names) {
    ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.hash == kA && r.pending.empty(); },
                      absl::Seconds(15), name));
  }
  host_.HoldFetches();
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeldFetch());
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.target == kB; }, {}, *name));
    auto rollback = std::async(std::launch::async, [controller = *agent_->Find(*name)] {
      return controller->Rollback(kA, "alice", "", {});
    });
    EXPECT_EQ(rollback.wait_for(std::chrono::seconds(10)), std::future_status::ready) << *name;
    if (HasFailure()) host_.ReleaseFetches();
    EXPECT_TRUE(rollback.get().ok());
  }
}

TEST_F(FreezeTest, ARollbackThatChangesNoFileIsBookedOnceOnWhoeverAskedForIt) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.MakeSame(kA, kB);
  host_.MakeSame(kA, kA);
  Move(kB);
  ASSERT_TRUE(AwaitAt(kB));
  ASSERT_TRUE(Web()->Rollback(kA, "alice", "", {}).ok());
  const ChangeRecord back = Web()->Changes()->front();
  EXPECT_THAT((std::vector<std::string>{back.to_hash, back.reason, back.actor.text()}),
              ElementsAre(kA, "rolled back", "alice"));
  const size_t entries = Web()->Changes()->size();
  agent_.reset();
  scheduler_.reset();
  host_.Set("web", [](FakeHost::Service& service) { service.published.clear(); });  // a reboot
  Start({Spec()});
  ASSERT_TRUE(
      Eventually([this] { return host_.Look("web").published == kA && Record().pending.empty(); }));
  EXPECT_EQ(Web()->Changes()->size(), entries);
}

TEST_F(FreezeTest, AMoveThatCannotBeStoredIsInTheHistoryOnceItCan) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.HoldActivations();
  Move(kB);
  ASSERT_TRUE(host_.AwaitHeld());
  store_.FailKeys("agent/v1/service/", absl::UnavailableError("disk full"));
  host_.Release();
  ASSERT_TRUE(AwaitAt(kB));
  store_.Heal();
  EXPECT_TRUE(Eventually([this] {
    clock_.Advance(absl::Minutes(1));
    return Web()->Changes()->front().to_hash == kB;
  }));
  EXPECT_EQ(Web()->Changes()->front().from_hash, kA);
}

TEST_F(FreezeTest, ARestartNeedsNoHistory) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  store_.FailKeys("agent/v1/change/", absl::UnavailableError("not now"));
  Restart({Spec()});
  store_.Heal();
  Move(kB);
  ASSERT_TRUE(AwaitAt(kB));
  EXPECT_EQ(Web()->Changes()->front().from_hash, kA);
}

}  // namespace
}  // namespace gitops
