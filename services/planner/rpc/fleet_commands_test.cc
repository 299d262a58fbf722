#include "services/planner/rpc/fleet_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/sync/mutex.h"
#include "services/planner/plan/fake_fleet.h"

namespace gitops {
namespace {

using testing::SizeIs;

class FleetCommandsTest : public testing::Test {
 protected:
  void Add(const std::string& host, v1::HostState state) {
    fleet_.Add(host, {}, state);
    fleet_.AddService(host, "nginx", "");
  }
  static FleetCommand Command() {
    FleetCommand command;
    command.selection.set_all(true);
    command.service = "nginx";
    return command;
  }

  FakeFleet fleet_;
};

TEST_F(FleetCommandsTest, ABrakeDoesNotWaitForHostsThatAreDown) {
  for (int i = 0; i < 100; ++i) Add(absl::StrCat("down", i), v1::HOST_STATE_STALE);
  Add("web1", v1::HOST_STATE_ONLINE);
  Mutex mutex;
  CondVar changed;
  bool reached = false, late = false;
  FleetCommand command = Command();
  command.ask = [&](const std::string& address, v1::HostOutcome*) -> absl::Status {
    MutexLock lock(mutex);
    if (address == "web1:8004") {
      reached = true;
      changed.NotifyAll();
      return absl::OkStatus();
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!reached && !late) late = !changed.WaitUntil(mutex, deadline);
    return absl::UnavailableError("down");
  };
  const auto outcomes = RunFleetCommand(fleet_, command);
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  EXPECT_FALSE(late) << "web1 waited for the others";
  ASSERT_THAT(*outcomes, SizeIs(101));
  EXPECT_EQ(outcomes->front().host(), "down0") << "told in the order of the selection";
  EXPECT_EQ(outcomes->back().host(), "web1");
}

TEST_F(FleetCommandsTest, NoMoreThan64AreAskedAtATimeAndNobodyAfterTheCallerHasGone) {
  for (int i = 0; i < 300; ++i) Add(absl::StrCat("web", i), v1::HOST_STATE_ONLINE);
  Mutex mutex;
  CondVar changed;
  int running = 0, peak = 0, asked = 0;
  std::atomic<bool> gone = false;
  FleetCommand command = Command();
  command.cancelled = [&] { return gone.load(); };
  command.ask = [&](const std::string&, v1::HostOutcome*) {
    MutexLock lock(mutex);
    ++asked;
    peak = std::max(peak, ++running);
    changed.NotifyAll();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (peak < 64 && changed.WaitUntil(mutex, deadline)) {
    }
    gone = true;
    --running;
    return absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsCancelled(RunFleetCommand(fleet_, command).status()));
  EXPECT_EQ(peak, 64);
  EXPECT_LT(asked, 300);
}

}  // namespace
}  // namespace gitops
