#include "services/planner/agents/agent_link.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

// Somebody sets the wall clock back by an hour during the first wait.
class ClockSetBack : public Clock {
 public:
  absl::Time Now() override { return now_; }
  SteadyTime SteadyNow() override { return SteadyTime(); }
  std::string BootId() override { return "boot"; }
  bool WaitUntil(Mutex&, CondVar&, SteadyTime) override { return false; }
  bool WaitUntil(Mutex&, CondVar&, absl::Time) override {
    if (++waits_ == 1) now_ -= absl::Hours(1);
    return false;
  }
  int waits() const { return waits_; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
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
