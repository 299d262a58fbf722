#include "services/planner/run/deployment_run.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

// Somebody sets the wall clock back by an hour during the first wait.
class ClockSetBack : public Clock {
 public:
  absl::Time Now() override { return now_; }
  bool WaitUntil(Mutex&, CondVar&, absl::Time) override {
    ++waits_;
    if (waits_ == 1) now_ -= absl::Hours(1);
    if (waits_ > 5) now_ += absl::Hours(24);  // the end of a test that has failed
    return false;
  }
  int waits() const { return waits_; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  int waits_ = 0;
};

DeploymentRun::Parts PartsOf(const DeploymentsOptions& options, WorkerPool& workers) {
  return {.options = &options, .workers = &workers, .counted = nullptr};
}

TEST(DeploymentRun, APauseIsNotProlongedByAClockThatIsSetBack) {
  ClockSetBack clock;
  DeploymentsOptions options;
  options.clock = &clock;
  WorkerPool workers(1);
  DeploymentRun run(PartsOf(options, workers), {}, {}, nullptr);
  EXPECT_TRUE(run.Pause(absl::Milliseconds(100)));
  EXPECT_EQ(clock.waits(), 1);
}

TEST(HostSession, AStepThatCannotBeReadForAWhileIsNotLost) {
  RunWorld world({.hosts = 1});
  const std::string id = world.Run(SpecOf({"sync"})).id();
  const std::vector<record::v1::HostEntry> hosts = *world.records.LoadHosts(id);
  DeploymentsOptions options;
  options.clock = Clock::System();
  options.store = &world.records;
  WorkerPool workers(1);
  DeploymentRun run(PartsOf(options, workers), *world.records.Load(id), hosts, nullptr);
  world.store.Cut();
  std::thread healer([&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (run.trouble().empty() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    world.store.Heal();
  });
  HostSession session(&run, 0, hosts[0]);
  v1::StepRecord step;
  EXPECT_TRUE(session.LoadStep(1, step));
  healer.join();
  EXPECT_EQ(step.number(), 1);
  EXPECT_EQ(run.trouble(), "");
  EXPECT_TRUE(session.LoadStep(7, step));
  EXPECT_EQ(step.number(), 0) << "there is none";
}

}  // namespace
}  // namespace gitops
