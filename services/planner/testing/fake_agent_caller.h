#ifndef GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_CALLER_H_
#define GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_CALLER_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/testing/gate.h"

namespace gitops {

struct FakeService {
  std::string hash;  // published; empty: nothing yet
  bool coordinated = true;
  std::string frozen_by;  // empty: it is not frozen
  std::string upstream = "https://git.example/ops.git";
  std::string branch = "main";
};

// How a host reacts to a reboot request.
enum class FakeReboot {
  kComesBack,  // at once, with another boot id
  kWaits,      // is down until BringBack()
  kStaysDown,  // AwaitReboot tells at once that it has not come back
  kIgnores,    // keeps the same boot id, and AwaitReboot fails at once
};

struct FakeAgent {
  std::map<std::string, FakeService> services;
  bool up = true;
  // The planner had contact a moment ago: while it is down, an action fails as if it had gone away
  // during the action.
  bool connected = false;
  bool has_nix = false;
  FakeReboot reboot = FakeReboot::kComesBack;
  int boots = 1;        // how often it has booted; its boot id is made from this
  int64_t fencing = 0;  // the highest it has seen
  std::map<std::string, std::string> files;  // content of uploaded secrets by destination
  std::vector<std::string> triggers;         // secrets whose actions were run, in order
};

// What happens to the actions that match. Empty fields match all.
struct FakeFault {
  std::string address, action;
  int skip = 0;  // so many that match go well first
  int times = std::numeric_limits<int>::max();
  // Stands still before anything is done, until Release() or give_up.
  bool hang = false;
  // What Perform answers. OK: goes on as usual (after the hang). UNAVAILABLE and ABORTED are not
  // remembered by the agent under the operation's id; other codes are.
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message = "it was told to fail";
  // It fails after it was done: the agent has it, the answer is lost.
  bool after_effect = false;
  // A sync that fails has moved so many services, and says so.
  int moves = 0;
};

// One PerformAction that reached an agent.
struct FakePerformed {
  std::string address;
  v1::PerformActionRequest request;
  bool repeated = false;  // the agent had its outcome already, or it was under way
  bool ended = false;
  absl::StatusCode code = absl::StatusCode::kOk;  // once ended
};

// Agents in memory, which keep the promises of operation.proto: an operation is done once, past
// fencing numbers are refused, a sync moves services. They outlive the planner under test. Fails
// the test when two actions run on one host at a time. Any thread.
class FakeAgentCaller final : public AgentCaller {
 public:
  // Unknown addresses do not answer. Adding one again replaces it.
  void Add(const std::string& address, FakeAgent agent = {});
  void Add(const std::string& address, const std::map<std::string, std::string>& hashes);
  // A copy of what there is now. Look at an unknown one: a default one.
  FakeAgent Look(const std::string& address);
  void Change(const std::string& address, const std::function<void(FakeAgent&)>& change);
  void SetUp(const std::string& address, bool up);
  // Up, after another boot.
  void BringBack(const std::string& address);
  static std::string BootId(const std::string& address, int boots);

  void AddFault(FakeFault fault);
  void ClearFaults();
  // Shorthands.
  void FailAction(const std::string& address, const std::string& action,
                  absl::StatusCode code = absl::StatusCode::kInternal);
  // The Nth action from now over all hosts (1: the next).
  void FailNth(int n, absl::StatusCode code = absl::StatusCode::kInternal);
  // Actions stand still (all of this name; empty: any) until Release(), which ends all hangs.
  void Hold(const std::string& action = "");
  void Release();
  // Waits until so many actions stand still at once; false if they do not within 10 s.
  bool AwaitHeld(int count) { return gate_.AwaitStanding(count); }
  // Called, without locks, when an action has arrived and before it is done.
  void OnPerform(std::function<void(const std::string& address, const v1::PerformActionRequest&)>);

  // Oldest first.
  std::vector<FakePerformed> performed();
  // Those of one host that were no repetitions, as "sync", "reboot"…
  std::vector<std::string> ActionsOn(const std::string& address);
  // The most actions that ran at the same time, over all hosts.
  int peak();
  void ResetPeak();
  int status_calls();

  absl::StatusOr<v1::GetHostStatusResponse> Status(const AgentAddress& address) override;
  PerformOutcome Perform(const AgentAddress& address, const v1::PerformActionRequest& request,
                         const GiveUp& give_up) override;
  absl::StatusOr<std::string> AwaitReboot(const AgentAddress& address, const std::string& before,
                                          absl::Duration timeout, const GiveUp& give_up) override;

 private:
  struct Outcome {
    absl::StatusCode code;
    std::string message;
    v1::PerformActionResponse response;
  };
  // An agent and what it remembers.
  struct Known {
    FakeAgent agent;
    std::string running;  // the operation under way; empty: none
    std::map<std::string, Outcome> outcomes;
  };

  FakeFault TakeFault(const std::string& address, const std::string& action)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Its outcome, if the agent knows the operation; waits for a running one.
  bool Repeated(const std::string& address, const std::string& operation, Outcome& outcome)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  size_t Begin(const std::string& address, const v1::PerformActionRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  PerformOutcome End(size_t entry, const Outcome& outcome, bool remember)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Outcome Carry(const std::string& address, const v1::PerformActionRequest& request,
                const FakeFault& fault) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Gate gate_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Known> agents_ ABSL_GUARDED_BY(mutex_);
  std::list<FakeFault> faults_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const std::string&, const v1::PerformActionRequest&)> on_perform_
      ABSL_GUARDED_BY(mutex_);
  std::vector<FakePerformed> performed_ ABSL_GUARDED_BY(mutex_);
  int active_ ABSL_GUARDED_BY(mutex_) = 0;
  int peak_ ABSL_GUARDED_BY(mutex_) = 0;
  int status_calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_CALLER_H_
