#include "services/planner/lock/host_locks.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/planner/lock/lock_testing.h"

namespace gitops {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr absl::Duration kTtl = absl::Seconds(30);

class HostLocksTest : public ::testing::Test {
 protected:
  std::unique_ptr<HostLocks> Planner(const std::string& name) {
    return std::make_unique<HostLocks>(
        LockOptions{.store = &store_, .clock = &clock_, .planner = name, .ttl = kTtl});
  }
  // Without waiting.
  absl::StatusOr<std::unique_ptr<HeldLocks>> TryAcquire(HostLocks& locks,
                                                        const std::string& deployment,
                                                        const std::vector<std::string>& hosts) {
    return locks.Acquire(
        {.deployment = deployment, .actor = "mia", .hosts = hosts, .no_wait = true});
  }
  std::unique_ptr<HeldLocks> Acquire(const std::string& deployment,
                                     const std::vector<std::string>& hosts) {
    absl::StatusOr<std::unique_ptr<HeldLocks>> held = TryAcquire(*locks_, deployment, hosts);
    EXPECT_TRUE(held.ok()) << held.status();
    return held.ok() ? *std::move(held) : nullptr;
  }
  // "HOST DEPLOYMENT".
  std::vector<std::string> Listed() {
    std::vector<std::string> listed;
    const std::vector<v1::HostLock> all = *locks_->List();
    for (const v1::HostLock& lock : all) {
      listed.push_back(absl::StrCat(lock.host(), " ", lock.deployment()));
    }
    return listed;
  }
  std::vector<std::string> Words() {
    std::vector<std::string> keys;
    const std::vector<StoredValue> all = *temp_.store()->List("planner/v1/lockbroken/");
    for (const StoredValue& value : all) keys.push_back(value.key);
    return keys;
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  LeaseStore store_{temp_.store()};
  std::unique_ptr<HostLocks> locks_ = Planner("p1");
};

TEST_F(HostLocksTest, ALockTellsWhoHoldsItSinceWhen) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"web2", "web1", "web2"});
  EXPECT_THAT(Listed(), ElementsAre("web1 d1", "web2 d1"));
  const v1::HostLock lock = *locks_->Get("web1");
  EXPECT_EQ(lock.actor(), "mia");
  EXPECT_EQ(lock.planner(), "p1");
  EXPECT_EQ(lock.acquire_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(lock.fencing(), held->fencing().at("web1"));
  EXPECT_EQ(*held->Check("web1"), lock.fencing());
  EXPECT_EQ(locks_->Get("web3").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(HostLocksTest, ThePrincipalsWhoTakeAndBreakALockAreStored) {
  const Principal alice = MakePrincipal("alice", "", "unix:");
  const auto held = locks_->Acquire({.deployment = "d1", .actor = alice, .hosts = {"a", "b"}});
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(ReadActor(*locks_->Get("b")), Actor(alice));
  EXPECT_EQ(ReadActor(*locks_->Break("a", "noah", "")), Actor(alice));
  EXPECT_EQ(ReadActor(*locks_->Break("b", MakePrincipal("noah", "", "unix:"), "")), Actor(alice));
  EXPECT_THAT((*held)->Check("b").status().message(),
              HasSubstr("noah (unix, not authenticated) broke it"));
}

TEST_F(HostLocksTest, AllAreTakenOrNone) {
  std::unique_ptr<HeldLocks> first = Acquire("d1", {"b", "c"});
  absl::Status status = TryAcquire(*locks_, "d2", {"a", "b", "c", "d"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("host b "), HasSubstr("deployment d1 of mia"),
                    HasSubstr("2026-01-01T00:00:00+00:00"), HasSubstr("(and 1 more)")));
  EXPECT_THAT(Listed(), ElementsAre("b d1", "c d1"));
}

TEST_F(HostLocksTest, WhatMakesNoSenseIsRefusedAndNoHostsAreNoLocks) {
  EXPECT_EQ(TryAcquire(*locks_, "", {"a"}).status().code(), absl::StatusCode::kInvalidArgument);
  std::unique_ptr<HeldLocks> none = Acquire("d1", {});
  EXPECT_THAT(none->fencing(), IsEmpty());
  EXPECT_TRUE(none->ReleaseAll().ok());
  EXPECT_EQ(none->Check("a").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(none->Release("a").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(HostLocksTest, AReleasedHostIsFreeAndTheOthersAreNot) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a", "b"});
  ASSERT_TRUE(held->Release("a").ok());
  EXPECT_THAT(Listed(), ElementsAre("b d1"));
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(held->Check("b").ok());
  EXPECT_TRUE(held->Release("a").ok()) << "twice is no error";
  ASSERT_TRUE(held->ReleaseAll().ok());
  EXPECT_THAT(Listed(), IsEmpty());
  EXPECT_EQ(held->Check("b").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(held->ReleaseAll().ok());
}

TEST_F(HostLocksTest, FencingNumbersGrowOverAllHostsAndWithTheClock) {
  int64_t last = absl::ToUnixMicros(clock_.Now()) - 1;
  for (const char* host : {"a", "b", "a", "c"}) {
    std::unique_ptr<HeldLocks> held = Acquire("d1", {host, "z"});
    for (const char* each : {host, "z"}) {
      EXPECT_GT(held->fencing().at(each), last) << each;
      last = held->fencing().at(each);
    }
    ASSERT_TRUE(held->ReleaseAll().ok());
  }
  clock_.Advance(absl::Hours(1));
  EXPECT_GE(Acquire("d1", {"a"})->fencing().at("a"), absl::ToUnixMicros(clock_.Now()));
}

TEST_F(HostLocksTest, FencingNumbersGrowOverALostStoreAndAClockThatWasSetBack) {
  const int64_t before = Acquire("d1", {"a"})->fencing().at("a");
  clock_.Advance(absl::Milliseconds(1));
  TempStore fresh(&clock_);
  HostLocks locks({.store = fresh.store(), .clock = &clock_, .planner = "p1", .ttl = kTtl});
  const int64_t after = (*TryAcquire(locks, "d2", {"a"}))->fencing().at("a");
  EXPECT_GT(after, before);
  clock_.SetTime(clock_.Now() - absl::Hours(1));
  EXPECT_GT((*TryAcquire(locks, "d3", {"b"}))->fencing().at("b"), after);
}

TEST_F(HostLocksTest, LocksEndWithTheirLeaseWhenTheirPlannerIsGone) {
  Acquire("d1", {"a"}).reset();
  EXPECT_THAT(Listed(), ElementsAre("a d1")) << "not given back by itself";
  clock_.Advance(kTtl);
  EXPECT_TRUE(Eventually([&] { return Listed().empty(); }));
}

TEST_F(HostLocksTest, APlannerThatWasStoppedForTooLongHasLostItsLocks) {
  std::unique_ptr<HeldLocks> first = Acquire("d1", {"a", "b"});
  clock_.Advance(2 * kTtl);
  absl::Status status = first->Check("a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("d1"), HasSubstr("host a"), HasSubstr("lease")));

  ASSERT_TRUE(Eventually([&] { return Listed().empty(); }));
  std::unique_ptr<HostLocks> other = Planner("p2");
  std::unique_ptr<HeldLocks> second = *TryAcquire(*other, "d2", {"a"});
  EXPECT_THAT(first->Check("a").status().message(),
              AllOf(HasSubstr("deployment d2 of mia"), HasSubstr("p2")));
  EXPECT_TRUE(first->Release("a").ok());
  EXPECT_TRUE(first->ReleaseAll().ok());
  EXPECT_EQ(*second->Check("a"), second->fencing().at("a")) << "another's lock was given back";
}

TEST_F(HostLocksTest, ALockThatCanStillBeReadAfterItsLeasesEndIsLost) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  store_.Freeze("planner/v1/lock/a");
  EXPECT_TRUE(held->Check("a").ok());
  clock_.Advance(kTtl);
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(HostLocksTest, WhoeverLosesAllLocksIsToldThoughNobodyChecksThem) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  std::unique_ptr<HeldLocks> released = Acquire("d2", {"b"});
  std::unique_ptr<HeldLocks> gone = Acquire("d3", {"c"});
  Mutex mutex;
  std::vector<std::string> told;
  for (HeldLocks* locks : {held.get(), released.get(), gone.get()}) {
    locks->WhenLost([&](const std::string& why) {
      MutexLock lock(mutex);
      told.push_back(why);
    });
  }
  ASSERT_TRUE(released->ReleaseAll().ok());
  gone.reset();
  store_.FailRenewals(true);  // as while the planner is stopped
  clock_.Advance(2 * kTtl);
  ASSERT_TRUE(Eventually([&] { return Listed().empty(); }));
  store_.FailRenewals(false);
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Seconds(1));
    MutexLock lock(mutex);
    return !told.empty();
  }));
  EXPECT_FALSE(held->Check("a").ok());
  MutexLock lock(mutex);
  EXPECT_THAT(told, ElementsAre(AllOf(HasSubstr("d1"), HasSubstr("its lease ended"))));
}

TEST_F(HostLocksTest, WhoeverAsksWhenTheLocksAreLostAlreadyIsToldAtOnce) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  clock_.Advance(2 * kTtl);
  ASSERT_FALSE(held->Check("a").ok());
  bool told = false;
  held->WhenLost([&](const std::string&) { told = true; });
  EXPECT_TRUE(told);
}

TEST_F(HostLocksTest, LocksAreKeptForAsLongAsTheyAreHeld) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(clock_.AwaitWaiters(2)) << "the keeper and the store's lease timer";
    const int before = store_.renewals();
    clock_.Advance(kTtl / 3);
    ASSERT_TRUE(Eventually([&] { return store_.renewals() > before; }));
    ASSERT_TRUE(held->Check("a").ok()) << i;
  }
  EXPECT_EQ(TryAcquire(*Planner("p2"), "d2", {"a"}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(HostLocksTest, ARestartedPlannerTakesItsOwnLocksAtOnceAndAnotherWaitsForTheLease) {
  std::unique_ptr<HeldLocks> before = Acquire("d1", {"a", "b"});
  const int64_t fencing = before->fencing().at("b");
  EXPECT_EQ(TryAcquire(*Planner("p2"), "d1", {"a"}).status().code(),
            absl::StatusCode::kFailedPrecondition)
      << "the same deployment, but another planner";
  EXPECT_EQ(TryAcquire(*Planner("p1"), "d2", {"a"}).status().code(),
            absl::StatusCode::kFailedPrecondition)
      << "the same planner, but another deployment";

  std::unique_ptr<HostLocks> restarted = Planner("p1");
  std::unique_ptr<HeldLocks> after = *TryAcquire(*restarted, "d1", {"b", "a", "c"});
  EXPECT_GT(after->fencing().at("a"), fencing);
  EXPECT_EQ(*after->Check("b"), after->fencing().at("b"));
  EXPECT_EQ(before->Check("b").status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(before->ReleaseAll().ok());
  EXPECT_THAT(Listed(), ElementsAre("a d1", "b d1", "c d1"));

  after.reset();
  clock_.Advance(kTtl);
  EXPECT_TRUE(Eventually([&] { return TryAcquire(*Planner("p2"), "d2", {"a"}).ok(); }));
}

TEST_F(HostLocksTest, ARestartedPlannerGivesBackItsLocksOfHostsThatItNeedsNoMore) {
  std::unique_ptr<HostLocks> first = Planner("p1");
  auto before = TryAcquire(*first, "d1", {"a", "b", "c"});
  auto other = TryAcquire(*first, "d2", {"d"});
  ASSERT_TRUE(before.ok() && other.ok());

  std::unique_ptr<HostLocks> restarted = Planner("p1");
  std::unique_ptr<HeldLocks> after = *TryAcquire(*restarted, "d1", {"b"});
  EXPECT_THAT(Listed(), ElementsAre("b d1", "d d2"));
  EXPECT_TRUE(after->Check("b").ok());

  std::unique_ptr<HostLocks> again = Planner("p1");
  EXPECT_TRUE(TryAcquire(*again, "d1", {}).ok());
  EXPECT_THAT(Listed(), ElementsAre("d d2"));
}

TEST_F(HostLocksTest, LocksOfTheSameDeploymentRunByAnotherPlannerAreLeftToIt) {
  std::unique_ptr<HostLocks> first = Planner("p1");
  auto held = TryAcquire(*first, "d1", {"a", "b"});
  ASSERT_TRUE(held.ok());
  std::unique_ptr<HostLocks> second = Planner("p2");
  EXPECT_TRUE(TryAcquire(*second, "d1", {}).ok());
  EXPECT_TRUE(TryAcquire(*second, "d1", {"c"}).ok());
  EXPECT_THAT(Listed(), ElementsAre("a d1", "b d1", "c d1"));
}

TEST(HostLocksRestartTest, LocksOutliveTheProcessAndEndWhileNobodyRuns) {
  for (const bool in_time : {true, false}) {
    FakeClock clock;
    TempStore temp(&clock);
    auto acquire = [&](const std::string& planner) {
      return HostLocks({temp.store(), &clock, planner, kTtl})
          .Acquire({.deployment = planner, .hosts = {"a"}, .no_wait = true})
          .status();
    };
    ASSERT_TRUE(acquire("p1").ok());
    clock.Advance(in_time ? kTtl / 2 : kTtl);
    temp.Reopen();
    if (in_time) {
      EXPECT_EQ(acquire("p2").code(), absl::StatusCode::kFailedPrecondition);
    } else {
      EXPECT_TRUE(Eventually([&] { return acquire("p2").ok(); }));
    }
  }
}

TEST_F(HostLocksTest, WhoeverBreaksALockIsNamedToItsHolder) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a", "b"});
  const v1::HostLock broken = *locks_->Break("a", "noah", "it hangs");
  EXPECT_EQ(broken.deployment(), "d1");
  EXPECT_EQ(locks_->Break("a", "noah", "").status().code(), absl::StatusCode::kNotFound);
  std::unique_ptr<HeldLocks> other = Acquire("d2", {"a"});

  absl::Status status = held->Check("a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("host a"), HasSubstr("noah broke it"), HasSubstr("it hangs")));
  EXPECT_TRUE(held->Check("b").ok()) << "only that one";
  EXPECT_TRUE(held->Release("a").ok());
  EXPECT_TRUE(other->Check("a").ok());
  EXPECT_THAT(Words(), ElementsAre("planner/v1/lockbroken/d1/a"));
  EXPECT_TRUE(held->ReleaseAll().ok());
  EXPECT_THAT(Words(), IsEmpty());
  EXPECT_TRUE(other->Check("a").ok());
}

TEST_F(HostLocksTest, ABrokenLockIsNotTakenForAnEndedLeaseThoughNobodyTellsOfIt) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a", "b"});
  ASSERT_TRUE(store_.Delete("planner/v1/lock/a").ok());
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kAborted);
  std::unique_ptr<HeldLocks> other = Acquire("d2", {"a"});
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(held->Check("b").ok());
  store_.FailKeys("planner/v1/lockbroken/");
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HostLocksTest, ALockThatWasBrokenDoesNotComeBackWithARestart) {
  std::unique_ptr<HeldLocks> first = Acquire("d1", {"a", "b"});
  ASSERT_TRUE(locks_->Break("a", "noah", "stuck").ok());
  for (const std::vector<std::string>& hosts :
       {std::vector<std::string>{"a", "b"}, std::vector<std::string>{"a"}}) {
    std::unique_ptr<HostLocks> restarted = Planner("p1");
    std::unique_ptr<HeldLocks> after = *TryAcquire(*restarted, "d1", hosts);
    const absl::Status status = after->Check("a").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("noah broke it"), HasSubstr("stuck")));
    EXPECT_EQ(after->Check("b").ok(), hosts.size() == 2);
    EXPECT_EQ(locks_->Get("a").status().code(), absl::StatusCode::kNotFound);
    if (hosts.size() > 1) continue;
    EXPECT_TRUE(after->ReleaseAll().ok());
    EXPECT_THAT(Words(), IsEmpty());
  }
}

TEST_F(HostLocksTest, WhatWasToldOfALostLockIsForgottenWhenItIsResumed) {
  std::unique_ptr<HeldLocks> first = Acquire("d1", {"a"});
  ASSERT_TRUE(locks_->Break("a", "noah", "").ok());
  std::unique_ptr<HeldLocks> resumed =
      *locks_->Acquire({.deployment = "d1", .hosts = {"a"}, .no_wait = true, .resume = true});
  EXPECT_THAT(Words(), IsEmpty());
  clock_.Advance(2 * kTtl);
  EXPECT_THAT(resumed->Check("a").status().message(), Not(HasSubstr("noah")));
}

TEST_F(HostLocksTest, WordOfABrokenLockGoesByItselfAfterADay) {
  Acquire("d1", {"a"}).reset();
  ASSERT_TRUE(locks_->Break("a", "noah", "").ok());
  clock_.Advance(absl::Hours(24));
  EXPECT_TRUE(Eventually([&] { return Words().empty(); }));
}

TEST_F(HostLocksTest, AStoreThatFailsAtAnyCallLeavesNoLockBehind) {
  Acquire("d1", {"x"})->ReleaseAll().IgnoreError();
  int failed = 0;
  for (int call = 1; call <= 20; ++call) {
    store_.FailNthCall(call);
    absl::StatusOr<std::unique_ptr<HeldLocks>> held = TryAcquire(*locks_, "d1", {"a", "b"});
    store_.Heal();
    if (held.ok()) {
      EXPECT_TRUE((*held)->ReleaseAll().ok());
      continue;
    }
    ++failed;
    EXPECT_EQ(held.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(Listed(), IsEmpty()) << call;
    const int64_t next_lease = *temp_.store()->GrantLease(kTtl);
    EXPECT_EQ(temp_.store()->KeepLeaseAlive(next_lease - 1).code(), absl::StatusCode::kNotFound)
        << call << ": what was granted was left behind";
    ASSERT_TRUE(temp_.store()->RevokeLease(next_lease).ok());
  }
  EXPECT_EQ(failed, 5) << "words, locks, lease, fencing, the write";
}

TEST_F(HostLocksTest, ALockThatCannotBeReadNowIsNotSaidToBeLost) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  store_.FailKeys("planner/v1/lock/");
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(held->Release("a").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(locks_->List().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(locks_->Break("a", "noah", "").status().code(), absl::StatusCode::kUnavailable);
  store_.Heal();
  EXPECT_TRUE(held->Check("a").ok());
}

TEST_F(HostLocksTest, AFullDiskLosesTheLocksOnlyAfterTheLease) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  store_.FailRenewals(true);
  clock_.Advance(kTtl - absl::Nanoseconds(1));
  EXPECT_TRUE(held->Check("a").ok());
  clock_.Advance(absl::Microseconds(1));
  const absl::StatusCode code = held->Check("a").status().code();
  EXPECT_TRUE(code == absl::StatusCode::kUnavailable ||
              code == absl::StatusCode::kFailedPrecondition)
      << code;
  store_.FailRenewals(false);
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(HostLocksTest, AHostWhoseLockIsDamagedStaysLockedByUnknownAndOthersDoNot) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  temp_.Damage("planner/v1/lock/a");
  const absl::Status refused = TryAcquire(*locks_, "d2", {"a", "b"}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("unknown"));
  EXPECT_TRUE(TryAcquire(*locks_, "d3", {"b"}).ok());
  EXPECT_EQ(locks_->Get("a")->deployment(), "unknown");
  EXPECT_THAT(Listed(), ElementsAre("a unknown", "b d3"));
  EXPECT_THAT(store_.damaged_records().Noted(), ElementsAre(Pair("planner/v1/lock/a", _)));
}

TEST_F(HostLocksTest, TheHolderOfADamagedLockGoesOnAndGivesItBack) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  temp_.Damage("planner/v1/lock/a");
  EXPECT_TRUE(held->Check("a").ok());
  ASSERT_TRUE(held->Release("a").ok());
  EXPECT_TRUE(TryAcquire(*locks_, "d2", {"a"}).ok());
}

TEST_F(HostLocksTest, ADamagedLockEndsWithItsLease) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  temp_.Damage("planner/v1/lock/a");
  held.reset();  // its lease is kept alive no more
  ASSERT_FALSE(TryAcquire(*locks_, "d2", {"a"}).ok());
  clock_.Advance(kTtl + absl::Seconds(1));
  EXPECT_TRUE(Eventually([&] { return TryAcquire(*locks_, "d2", {"a"}).ok(); }));
}

TEST_F(HostLocksTest, ADamagedLockCanBeBroken) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  temp_.Damage("planner/v1/lock/a");
  const absl::StatusOr<v1::HostLock> broken = locks_->Break("a", "noah", "stuck");
  ASSERT_TRUE(broken.ok()) << broken.status();
  EXPECT_EQ(broken->deployment(), "unknown");
  EXPECT_TRUE(TryAcquire(*locks_, "d2", {"a"}).ok());
  EXPECT_EQ(held->Check("a").status().code(), absl::StatusCode::kAborted);
}

TEST_F(HostLocksTest, ADamagedFencingNumberIsMadeAnewAboveAllLocksAndTheClock) {
  for (const char* value : {"", "x", "-1"}) {
    std::unique_ptr<HeldLocks> held = Acquire("d1", {"a", "b"});
    const int64_t highest = *held->Check("b");
    ASSERT_TRUE(store_.Put("planner/v1/fencing", value).ok());
    std::unique_ptr<HeldLocks> next = Acquire("d2", {"c"});
    EXPECT_GT(*next->Check("c"), highest);
    EXPECT_GT(*next->Check("c"), absl::ToUnixMicros(clock_.Now()));
    // And so does the one after it, though the lock with the highest number is gone.
    const int64_t rebuilt = *next->Check("c");
    ASSERT_TRUE(next->ReleaseAll().ok());
    std::unique_ptr<HeldLocks> last = Acquire("d3", {"c"});
    EXPECT_GT(*last->Check("c"), rebuilt);
    ASSERT_TRUE(held->ReleaseAll().ok());
    ASSERT_TRUE(last->ReleaseAll().ok());
  }
}

TEST_F(HostLocksTest, ThatALockWasBrokenIsKnownThoughTheWordOfItIsDamaged) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  ASSERT_TRUE(locks_->Break("a", "noah", "stuck").ok());
  temp_.Damage("planner/v1/lockbroken/d1/a");
  const absl::Status broken = held->Check("a").status();
  EXPECT_EQ(broken.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(broken.message(), HasSubstr("somebody"));
}

}  // namespace
}  // namespace gitops
