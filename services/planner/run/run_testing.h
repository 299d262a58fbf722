#ifndef GITOPS_SERVICES_PLANNER_RUN_RUN_TESTING_H_
#define GITOPS_SERVICES_PLANNER_RUN_RUN_TESTING_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/record/record_testing.h"
#include "services/planner/run/deployments.h"
#include "services/planner/testing/fake_agent_caller.h"
#include "services/planner/testing/fake_hook_caller.h"
#include "services/planner/testing/fake_host_checks.h"

namespace gitops {

inline constexpr char kOldHash[] = "1111111111111111111111111111111111111111";
inline constexpr char kNewHash[] = "2222222222222222222222222222222222222222";

// A store that a test can cut off, as when the process dies: after a number of writes, or while
// told so. Any thread.
class CutStore : public Store {
 public:
  explicit CutStore(Store* store) : store_(store) {}

  // The nth write from now is the last that succeeds; `cut` is called before it returns.
  void CutAfter(int writes, std::function<void()> cut);
  void Cut();
  void Heal();
  // Waits until it is cut; false if it is not after 10 s.
  bool AwaitCut();
  int writes();
  // Called after each write that succeeds, before it returns.
  void OnWrite(std::function<void(const std::vector<StoreWrite>&)> written);

  absl::StatusOr<StoredValue> Get(absl::string_view key) override;
  absl::StatusOr<std::vector<StoredValue>> List(absl::string_view prefix, absl::string_view after,
                                                int limit) override;
  absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes) override;
  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(
      absl::string_view prefix, int64_t after_revision,
      std::function<void(const StoreEvent&)> on_event) override;
  absl::StatusOr<int64_t> GrantLease(absl::Duration ttl) override;
  absl::Status KeepLeaseAlive(int64_t lease) override;
  absl::Status RevokeLease(int64_t lease) override;

 private:
  absl::Status Check();

  Store* const store_;
  Mutex mutex_;
  CondVar changed_;
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
  int left_ ABSL_GUARDED_BY(mutex_) = -1;  // writes until the cut; negative: none
  std::function<void()> on_cut_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const std::vector<StoreWrite>&)> on_write_ ABSL_GUARDED_BY(mutex_);
};

// A fleet of fake agents, and a planner's deployments over it that can be stopped and started again
// on the same store.
class RunWorld {
 public:
  struct Options {
    int hosts = 3;
    bool hooks = false;  // there is a dispatcher
    Clock* clock = Clock::System();
    int most_parallel = 1000;
    int most_deployments = 64;
    absl::Duration lock_ttl = absl::Seconds(30);
    absl::Duration return_timeout = absl::Seconds(30);
    bool sole_planner = false;
    DeploymentObserver observer;
  };
  explicit RunWorld(Options options);
  ~RunWorld();

  static std::string Host(int number);  // from 1 on: "web1"
  static std::string Address(int number);
  static std::vector<std::string> Hosts(int first, int last);

  // A plan over hosts `first` to `last` (0: all), all of `spec.actions`, to kNewHash.
  v1::Plan MakePlan(v1::DeploymentSpec spec, int first = 1, int last = 0);
  // A deployment by alice with that plan.
  static Deployments::NewDeployment New(const v1::Plan& plan);
  // Begins it; fails the test if that fails.
  std::string Begin(const v1::Plan& plan);
  std::string Begin(const v1::DeploymentSpec& spec) { return Begin(MakePlan(spec)); }
  // Waits until that is so; fails the test after 20 s.
  v1::Deployment Await(const std::string& id,
                       const std::function<bool(const v1::Deployment&)>& is_so);
  v1::Deployment AwaitEnd(const std::string& id);
  v1::Deployment Run(const v1::DeploymentSpec& spec) { return AwaitEnd(Begin(spec)); }

  // As a process that ends (and one that begins, and recovers).
  void Stop();
  void Start();
  // What Start() runs deployments with.
  DeploymentsOptions RunOptions();

  // Changes the configuration of a host.
  void Configure(int number, const std::function<void(HostSpec&)>& change);
  void Forget(int number);
  // Makes its agent report.
  void Report(int number);

  Clock* const clock;
  std::string planner = "planner-1";  // of the next Start()
  TempStore temp;
  FaultyStore faulty;
  CutStore store;  // before `faulty`
  TestRecords records;
  FakeAgentCaller agents;
  FakeHookCaller hooks;
  FakeHostChecks checks;
  std::unique_ptr<Fleet> fleet;
  std::unique_ptr<HostLocks> locks;
  std::unique_ptr<Deployments> deployments;

 private:
  const Options options_;
  FleetConfig config_;
  std::vector<std::unique_ptr<AgentReport>> reports_;
};

v1::DeploymentSpec SpecOf(const std::vector<std::string>& actions, int max_parallel = 1);

// "web1 SUCCEEDED", in order.
std::vector<std::string> States(const v1::Deployment& deployment);
// The state of the deployment itself, in words: "SUCCEEDED".
std::string StateOf(const v1::Deployment& deployment);
// Lets up to `time` pass, as fast as the planner waits to try something again. Whether the
// deployment has ended by then.
bool EndsWithin(absl::Duration time, const std::string& id, RunWorld& world, FakeClock& clock);
// The hosts on which an action was performed, in the order of the first one.
std::vector<std::string> OrderOf(const std::vector<FakePerformed>& performed);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_RUN_TESTING_H_
