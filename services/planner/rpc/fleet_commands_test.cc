#include "services/planner/rpc/fleet_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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
  FleetCommand Command() {
    FleetCommand command;
    command.selection.set_all(true);
    command.service = "nginx";
    command.outcome = [this](v1::HostOutcome outcome) { outcomes_.push_back(std::move(outcome)); };
    return command;
  }

  FakeFleet fleet_;
  std::vector<v1::HostOutcome> outcomes_;  // as they were told
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
  const absl::Status ran = RunFleetCommand(fleet_, command);
  ASSERT_TRUE(ran.ok()) << ran;
  EXPECT_FALSE(late) << "web1 waited for the others";
  ASSERT_THAT(outcomes_, SizeIs(101));
  const auto web1 = std::find_if(outcomes_.begin(), outcomes_.end(),
                                 [](const auto& outcome) { return outcome.host() == "web1"; });
  EXPECT_EQ(web1->number(), 101) << "its place in the selection, whenever it is told";
}

TEST_F(FleetCommandsTest, AnOutcomeIsToldWhileOtherHostsHang) {
  Add("slow", v1::HOST_STATE_ONLINE);
  Add("fast", v1::HOST_STATE_ONLINE);
  Mutex mutex;
  CondVar changed;
  bool told = false, late = false;
  FleetCommand command = Command();
  command.outcome = [&](const v1::HostOutcome& outcome) {
    MutexLock lock(mutex);
    told = told || outcome.host() == "fast";
    changed.NotifyAll();
  };
  command.ask = [&](const std::string& address, v1::HostOutcome*) {
    if (address == "fast:8004") return absl::OkStatus();
    MutexLock lock(mutex);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!told && !late) late = !changed.WaitUntil(mutex, deadline);
    return absl::OkStatus();
  };
  EXPECT_TRUE(RunFleetCommand(fleet_, command).ok());
  EXPECT_FALSE(late) << "fast was told only after slow had answered";
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
  EXPECT_TRUE(absl::IsCancelled(RunFleetCommand(fleet_, command)));
  EXPECT_EQ(peak, 64);
  EXPECT_LT(asked, 300);
}

}  // namespace
}  // namespace gitops
