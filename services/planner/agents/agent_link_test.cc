#include "services/planner/agents/agent_link.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

// Waits take no time. The wall clock is set back by an hour during the first.
class ClockSetBack : public Clock {
 public:
  absl::Time Now() override { return now_; }
  SteadyTime SteadyNow() override { return steady_now_; }
  std::string BootId() override { return "boot"; }
  bool WaitUntil(Mutex&, CondVar&, SteadyTime deadline) override {
    if (++waits_ == 1) now_ -= absl::Hours(1);
    steady_now_ = deadline;
    return false;
  }
  bool WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline) override {
    return WaitUntil(mutex, condition, steady_now_ + (deadline - now_));
  }
  int waits() const { return waits_; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  SteadyTime steady_now_;
  int waits_ = 0;
};

TEST(AgentLink, APauseIsNotProlongedByAClockThatIsSetBack) {
  ClockSetBack clock;
  AgentCallerOptions options;
  options.clock = &clock;
  options.insecure = true;
  AgentLink link(options);
  EXPECT_TRUE(link.Pause(clock.Now() + absl::Milliseconds(300), [&] { return clock.waits() > 5; }));
  EXPECT_EQ(clock.waits(), 2);
}

}  // namespace
}  // namespace gitops
