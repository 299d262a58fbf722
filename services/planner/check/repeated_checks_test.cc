#include "services/planner/check/repeated_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <future>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Records when its check was tried; fails all tries before the given one.
class Probe {
 public:
  Probe(FakeClock* clock, int good_from) : clock_(clock), good_from_(good_from) {}

  RepeatedCheck As(const std::string& name, absl::Duration period,
                   absl::Duration timeout = absl::Seconds(5)) {
    return {.name = name,
            .period = period,
            .timeout = timeout,
            .attempt = [this](absl::Duration timeout, const std::function<bool()>&) {
              MutexLock lock(mutex_);
              tried_.push_back(clock_->Now());
              timeouts_.push_back(timeout);
              const int tries = static_cast<int>(tried_.size());
              return tries >= good_from_ ? absl::OkStatus()
                                         : absl::UnavailableError(absl::StrCat("bad ", tries));
            }};
  }

  std::vector<absl::Duration> TriedAfter(absl::Time start) {
    MutexLock lock(mutex_);
    std::vector<absl::Duration> times;
    for (const absl::Time time : tried_) times.push_back(time - start);
    return times;
  }
  std::vector<absl::Duration> timeouts() {
    MutexLock lock(mutex_);
    return timeouts_;
  }

 private:
  FakeClock* const clock_;
  const int good_from_;
  Mutex mutex_;
  std::vector<absl::Time> tried_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Duration> timeouts_ ABSL_GUARDED_BY(mutex_);
};

class RepeatedChecksTest : public ::testing::Test {
 protected:
  // Runs the checks while the clock is moved on, a tenth of a second at a time.
  absl::Status Run(const std::vector<RepeatedCheck>& checks, absl::Duration within,
                   const std::function<bool()>& give_up = nullptr,
                   const TriesSeen& seen = nullptr) {
    std::future<absl::Status> done = std::async(std::launch::async, [&] {
      const absl::Status status = RunRepeatedly(checks, &clock_, within, give_up, &output_, seen);
      return absl::Status(status.code(), status.message());
    });
    // Only while a check waits for the clock: a slow machine is no passing time.
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      if (clock_.AwaitWaiters(1, std::chrono::milliseconds(1))) {
        clock_.Advance(absl::Milliseconds(100));
      }
    }
    return done.get();
  }

  FakeClock clock_;
  const absl::Time start_ = clock_.Now();
  std::string output_;
};

TEST_F(RepeatedChecksTest, NothingToCheckSucceeds) {
  EXPECT_TRUE(RunRepeatedly({}, &clock_, absl::Seconds(1), nullptr, nullptr).ok());
}

TEST_F(RepeatedChecksTest, ACheckThatSucceedsAtOnceIsTriedOnce) {
  Probe probe(&clock_, 1);
  EXPECT_TRUE(
      RunRepeatedly({probe.As("a", absl::Seconds(2))}, &clock_, absl::Minutes(5), nullptr, &output_)
          .ok());
  EXPECT_THAT(probe.TriedAfter(start_), ElementsAre(absl::ZeroDuration()));
  EXPECT_EQ(output_, "a: ok (tries: 1, after 0)\n");
}

TEST_F(RepeatedChecksTest, EachTryIsToldWithTheLastAnswerOfACheckThatHasNotSucceeded) {
  Probe probe(&clock_, 3);
  std::vector<std::string> told;
  EXPECT_TRUE(Run({probe.As("a", absl::Seconds(2))}, absl::Minutes(5), nullptr,
                  [&](int tries, const std::string& failing) {
                    told.push_back(absl::StrCat(tries, " ", failing));
                  })
                  .ok());
  EXPECT_THAT(told, ElementsAre("1 a: bad 1", "2 a: bad 2", "3 "));
}

TEST_F(RepeatedChecksTest, EachIsRepeatedAtItsOwnPeriodUntilItSucceededOnce) {
  Probe quick(&clock_, 3), slow(&clock_, 2), good(&clock_, 1);
  const absl::Status status =
      Run({quick.As("quick", absl::Seconds(2)), slow.As("slow", absl::Seconds(7)),
           good.As("good", absl::Seconds(1))},
          absl::Minutes(5));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(quick.TriedAfter(start_).size(), 3u);
  EXPECT_GE(quick.TriedAfter(start_).back(), absl::Seconds(4));
  EXPECT_EQ(slow.TriedAfter(start_).size(), 2u);
  EXPECT_GE(slow.TriedAfter(start_).back(), absl::Seconds(7));
  EXPECT_EQ(good.TriedAfter(start_).size(), 1u);
  EXPECT_THAT(output_, HasSubstr("quick: ok (tries: 3"));
}

TEST_F(RepeatedChecksTest, AfterTheTimeGivenEachThatDidNotSucceedIsNamedWithItsLastAnswer) {
  Probe good(&clock_, 1), bad(&clock_, 1000), worse(&clock_, 1000);
  const absl::Status status =
      Run({good.As("good", absl::Seconds(2)), bad.As("bad one", absl::Seconds(2)),
           worse.As("worse", absl::Seconds(60))},
          absl::Seconds(5));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("2 of 3 checks did not succeed within 5s: bad one: bad 3; worse: bad 1"));
  EXPECT_THAT(output_, HasSubstr("bad one: failed (tries: 3): bad 3\n"));
  EXPECT_THAT(output_, HasSubstr("good: ok"));
}

TEST_F(RepeatedChecksTest, NoTryIsGivenMoreThanTheTimeThatIsLeft) {
  Probe bad(&clock_, 1000);
  EXPECT_FALSE(Run({bad.As("bad", absl::Seconds(4), absl::Seconds(3))}, absl::Seconds(5)).ok());
  ASSERT_EQ(bad.timeouts().size(), 2u);
  EXPECT_EQ(bad.timeouts()[0], absl::Seconds(3));
  EXPECT_LE(bad.timeouts()[1], absl::Seconds(1));
}

TEST_F(RepeatedChecksTest, APeriodOfNothingIsNoBusyLoop) {
  Probe bad(&clock_, 1'000'000);
  EXPECT_FALSE(Run({bad.As("bad", absl::ZeroDuration())}, absl::Seconds(1)).ok());
  EXPECT_LE(bad.timeouts().size(), 101u);
}

TEST_F(RepeatedChecksTest, ACheckThatIsTriedOnceFailsAtOnceAndTheOthersComeToTheirEnd) {
  Probe bad(&clock_, 2), good(&clock_, 1);
  std::vector<RepeatedCheck> checks{bad.As("bad", absl::Seconds(1)),
                                    good.As("good", absl::Seconds(1))};
  for (RepeatedCheck& check : checks) check.once = true;
  const absl::Status status = Run(checks, absl::Minutes(5));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("1 of 2 checks failed: bad: bad 1"));
  EXPECT_THAT(bad.TriedAfter(start_), testing::SizeIs(1));
  EXPECT_THAT(good.TriedAfter(start_), testing::SizeIs(1));
  EXPECT_LT(clock_.Now() - start_, absl::Minutes(1));
}

TEST_F(RepeatedChecksTest, WhatIsRefusedIsNotAskedForAgain) {
  int tries = 0;
  const absl::Status status = Run({{.name = "cmd rm",
                                    .period = absl::Seconds(1),
                                    .timeout = absl::Seconds(1),
                                    .attempt =
                                        [&](absl::Duration, const std::function<bool()>&) {
                                          ++tries;
                                          return absl::PermissionDeniedError("not in its config");
                                        }}},
                                  absl::Minutes(5));
  EXPECT_THAT(std::string(status.message()), HasSubstr("cmd rm: not in its config"));
  EXPECT_EQ(tries, 1);
}

TEST_F(RepeatedChecksTest, ItEndsSoonWhenTheCallerGivesUp) {
  Probe bad(&clock_, 1000), other(&clock_, 1000);
  std::atomic<int> asked = 0;
  const absl::Status status =
      Run({bad.As("bad", absl::Minutes(1)), other.As("other", absl::Minutes(1))},
          absl::InfiniteDuration(), [&asked] { return ++asked > 3; });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_LE(clock_.Now() - start_, absl::Minutes(1));
}

// A check that waits for the others proves that they run at the same time.
TEST_F(RepeatedChecksTest, AllAreTriedSideBySideUpToTheLimit) {
  Mutex mutex;
  CondVar changed;
  int at_once = 0, most = 0, arrived = 0;
  std::vector<RepeatedCheck> checks;
  constexpr int kChecks = kMostTries + 8;
  for (int i = 0; i < kChecks; ++i) {
    checks.push_back({"check", absl::Seconds(1), absl::Seconds(1),
                      [&](absl::Duration, const std::function<bool()>&) {
                        MutexLock lock(mutex);
                        ++arrived;
                        most = std::max(most, ++at_once);
                        changed.NotifyAll();
                        const auto limit =
                            std::chrono::steady_clock::now() + std::chrono::seconds(10);
                        while (arrived < kMostTries && changed.WaitUntil(mutex, limit)) {
                        }
                        --at_once;
                        return absl::OkStatus();
                      }});
  }
  EXPECT_TRUE(Run(checks, absl::Hours(10)).ok());
  EXPECT_EQ(arrived, kChecks);
  EXPECT_EQ(most, kMostTries);
}

// Until it goes, no thread can be made in this process: nothing has room for its stack.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, size_t{1} << 50);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoMoreThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

TEST_F(RepeatedChecksTest, WhereNoThreadCanBeMadeOneAfterTheOtherIsTried) {
  Probe first(&clock_, 1), second(&clock_, 1), third(&clock_, 1);
  const NoMoreThreads none;
  ASSERT_THROW(std::thread([] {}).detach(), std::system_error);
  EXPECT_TRUE(RunRepeatedly({first.As("a", absl::Seconds(2)), second.As("b", absl::Seconds(2)),
                             third.As("c", absl::Seconds(2))},
                            &clock_, absl::Minutes(5), nullptr, &output_)
                  .ok());
  EXPECT_THAT(output_, HasSubstr("c: ok (tries: 1"));
}

}  // namespace
}  // namespace gitops
