#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/fake_clock.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/lock/lock_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Long, so that a test can move the clock without ending leases.
constexpr absl::Duration kTtl = absl::Hours(1);

// Acquires locks in its own thread.
class Waiting {
 public:
  Waiting(HostLocks& locks, const std::string& deployment, std::vector<std::string> hosts) {
    request_.deployment = deployment;
    request_.hosts = std::move(hosts);
    request_.waiting = [this](const std::vector<v1::HostLock>& holders) { Tell(holders); };
    request_.give_up = [this] { return give_up_.load(); };
    thread_ = std::thread([this, &locks] {
      result_ = locks.Acquire(request_);
      done_ = true;
    });
  }
  ~Waiting() { Join(); }

  void GiveUp() { give_up_ = true; }
  bool done() const { return done_; }
  absl::StatusOr<std::unique_ptr<HeldLocks>>& Join() {
    if (thread_.joinable()) thread_.join();
    return result_;
  }
  // The holders, as last reported: "a:d1 b:d2".
  std::string told() {
    MutexLock lock(mutex_);
    return told_.empty() ? "" : told_.back();
  }
  std::vector<std::string> all_told() {
    MutexLock lock(mutex_);
    return told_;
  }

 private:
  void Tell(const std::vector<v1::HostLock>& holders) {
    MutexLock lock(mutex_);
    told_.push_back(absl::StrJoin(holders, " ", [](std::string* text, const v1::HostLock& holder) {
      absl::StrAppend(text, holder.host(), ":", holder.deployment());
    }));
  }

  HostLocks::Request request_;
  std::atomic<bool> give_up_ = false;
  std::atomic<bool> done_ = false;
  absl::StatusOr<std::unique_ptr<HeldLocks>> result_;
  Mutex mutex_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

class LockWaitTest : public ::testing::Test {
 protected:
  std::unique_ptr<HeldLocks> Acquire(const std::string& deployment,
                                     const std::vector<std::string>& hosts) {
    return *locks_.Acquire({.deployment = deployment, .hosts = hosts, .no_wait = true});
  }
  // Moves the clock on until that is so.
  bool InTime(const std::function<bool()>& condition) {
    return Eventually([&] {
      if (condition()) return true;
      clock_.Advance(absl::Milliseconds(1));
      return false;
    });
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  LeaseStore store_{temp_.store()};
  HostLocks locks_{{.store = &store_, .clock = &clock_, .planner = "p1", .ttl = kTtl}};
};

TEST_F(LockWaitTest, WhoWaitsHoldsNothingAndGoesOnWhenAllAreFree) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a", "b"});
  Waiting waiting(locks_, "d2", {"b", "c"});
  ASSERT_TRUE(Eventually([&] { return waiting.told() == "b:d1"; }));
  EXPECT_EQ(locks_.Get("c").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(held->ReleaseAll().ok());
  // The clock stands still: it is the watch that wakes.
  ASSERT_TRUE(waiting.Join().ok()) << waiting.Join().status();
  EXPECT_TRUE((*waiting.Join())->Check("c").ok());
  EXPECT_THAT(waiting.all_told(), ElementsAre("b:d1"));
}

TEST_F(LockWaitTest, WhoWaitsIsToldWhenTheHoldersChange) {
  std::unique_ptr<HeldLocks> first = Acquire("d1", {"a", "b"});
  Waiting waiting(locks_, "d2", {"a", "b", "c"});
  ASSERT_TRUE(Eventually([&] { return waiting.told() == "a:d1 b:d1"; }));
  ASSERT_TRUE(first->Release("a").ok());
  ASSERT_TRUE(InTime([&] { return waiting.told() == "b:d1"; }));
  std::unique_ptr<HeldLocks> third = Acquire("d3", {"c"});
  ASSERT_TRUE(InTime([&] { return waiting.told() == "b:d1 c:d3"; }));
  ASSERT_TRUE(first->ReleaseAll().ok());
  ASSERT_TRUE(InTime([&] { return waiting.told() == "c:d3"; }));
  ASSERT_TRUE(third->ReleaseAll().ok());
  EXPECT_TRUE(waiting.Join().ok());
}

TEST_F(LockWaitTest, WhoGivesUpHoldsNothing) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  Waiting waiting(locks_, "d2", {"a", "b"});
  ASSERT_TRUE(Eventually([&] { return waiting.told() == "a:d1"; }));
  waiting.GiveUp();
  ASSERT_TRUE(InTime([&] { return waiting.done(); }));
  EXPECT_EQ(waiting.Join().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(locks_.Get("b").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LockWaitTest, ABrokenLockAndAnEndedLeaseLetTheNextOneIn) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  {
    Waiting waiting(locks_, "d2", {"a"});
    ASSERT_TRUE(Eventually([&] { return waiting.told() == "a:d1"; }));
    ASSERT_TRUE(locks_.Break("a", "noah", "").ok());
    ASSERT_TRUE(waiting.Join().ok());
  }
  Waiting waiting(locks_, "d3", {"a"});
  ASSERT_TRUE(Eventually([&] { return waiting.told() == "a:d2"; }));
  clock_.Advance(kTtl);
  EXPECT_TRUE(waiting.Join().ok());
}

TEST_F(LockWaitTest, WithoutAWatchItLooksNowAndThen) {
  store_.FailKeys("planner/v1/none");
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  Waiting waiting(locks_, "d2", {"a"});
  ASSERT_TRUE(Eventually([&] { return waiting.told() == "a:d1"; }));
  ASSERT_TRUE(held->ReleaseAll().ok());
  ASSERT_TRUE(InTime([&] { return waiting.done(); }));
  EXPECT_TRUE(waiting.Join().ok());
}

TEST_F(LockWaitTest, AStoreThatFailsWhileWaitingIsAnError) {
  std::unique_ptr<HeldLocks> held = Acquire("d1", {"a"});
  Waiting waiting(locks_, "d2", {"a"});
  ASSERT_TRUE(Eventually([&] { return waiting.told() == "a:d1"; }));
  store_.FailKeys("planner/v1/lock/");
  ASSERT_TRUE(InTime([&] { return waiting.done(); }));
  EXPECT_EQ(waiting.Join().status().code(), absl::StatusCode::kUnavailable);
}

// Many rounds over sets that overlap in a circle, where taking one lock after the other would
// deadlock at once; two planners, so that nothing but the store keeps them apart.
TEST(LockFightTest, NobodySharesAHostAndNobodyIsStuck) {
  constexpr int kHosts = 5;
  constexpr int kThreads = 5;
  constexpr int kRounds = 20;
  TempStore temp;
  HostLocks planners[] = {
      HostLocks({.store = temp.store(), .clock = Clock::System(), .planner = "p1"}),
      HostLocks({.store = temp.store(), .clock = Clock::System(), .planner = "p2"})};
  std::atomic<int> inside[kHosts] = {};
  std::atomic<int64_t> last_fencing[kHosts] = {};
  auto fight = [&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      std::vector<int> mine = {thread % kHosts, (thread + 1) % kHosts, (thread + 3) % kHosts};
      HostLocks::Request request{.deployment = absl::StrCat("d", thread, "-", round)};
      for (int host : mine) request.hosts.push_back(absl::StrCat("host", host));
      absl::StatusOr<std::unique_ptr<HeldLocks>> held = planners[thread % 2].Acquire(request);
      ASSERT_TRUE(held.ok()) << held.status();
      for (int host : mine) {
        EXPECT_EQ(inside[host]++, 0) << "host " << host << " is shared";
        absl::StatusOr<int64_t> fencing = (*held)->Check(absl::StrCat("host", host));
        ASSERT_TRUE(fencing.ok()) << fencing.status();
        EXPECT_GT(*fencing, last_fencing[host].exchange(*fencing));
      }
      for (int host : mine) --inside[host];
      ASSERT_TRUE((*held)->ReleaseAll().ok());
    }
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(fight, thread);
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(*planners[0].List(), IsEmpty());
}

}  // namespace
}  // namespace gitops
