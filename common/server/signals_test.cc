#include "common/server/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "common/sync/mutex.h"

namespace gitops {
namespace {

using std::chrono::steady_clock;

class Count {
 public:
  void Increment() {
    MutexLock lock(mutex_);
    ++value_;
    changed_.NotifyAll();
  }
  bool Reaches(int wanted) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (value_ < wanted) {
      if (!changed_.WaitUntil(mutex_, deadline)) return false;
    }
    return value_ == wanted;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int value_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(SignalsTest, EachSignalReachesItsCallback) {
  BlockSignals();
  Count terminations, reloads;
  const auto waiter = SignalWaiter::Start({.on_terminate = [&] { terminations.Increment(); },
                                           .on_reload = [&] { reloads.Increment(); }});
  ASSERT_TRUE(waiter.ok()) << waiter.status();
  kill(getpid(), SIGHUP);
  EXPECT_TRUE(reloads.Reaches(1));
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(terminations.Reaches(1));
  kill(getpid(), SIGINT);
  EXPECT_TRUE(terminations.Reaches(2));
  kill(getpid(), SIGHUP);
  EXPECT_TRUE(reloads.Reaches(2));
  EXPECT_TRUE(terminations.Reaches(2));
}

TEST(SignalsTest, SignalBeforeTheWaiterIsNotLost) {
  BlockSignals();
  kill(getpid(), SIGTERM);
  Count terminations;
  const auto waiter = SignalWaiter::Start({.on_terminate = [&] { terminations.Increment(); }});
  EXPECT_TRUE(terminations.Reaches(1));
}

TEST(SignalsTest, CallbackThatIsNotGivenIsNoCrash) {
  BlockSignals();
  Count terminations;
  const auto waiter = SignalWaiter::Start({.on_terminate = [&] { terminations.Increment(); }});
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(terminations.Reaches(1));
}

TEST(SignalsTest, WriteToAClosedPipeIsAnErrorNotTheEnd) {
  BlockSignals();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
}

}  // namespace
}  // namespace gitops
