// How many checkpoints of hosts a planner stores in a second, what locks cost, and what calls cost
// where many deployments are kept. As for store_benchmark.cc, the numbers are the disk's as much as
// ours.
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "common/store/temp_store.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/plan/rollback_plan.h"
#include "services/planner/record/deployment_store.h"

namespace gitops {
namespace {

std::vector<HostRecord> Hosts(int count) {
  std::vector<HostRecord> hosts(static_cast<size_t>(count));
  for (size_t i = 0; i < hosts.size(); ++i) {
    v1::HostDeployment& host = hosts[i].host;
    host.set_host(absl::StrCat("host", i));
    host.set_address(absl::StrCat("host", i, ".example:8004"));
    host.set_state(v1::HOST_DEPLOYMENT_STATE_RUNNING);
    host.add_actions("sync");
    hosts[i].progress.add_remaining("sync");
  }
  return hosts;
}

DeploymentRecord Entry(const std::string& id) {
  DeploymentRecord entry;
  entry.deployment.set_id(id);
  entry.deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
  return entry;
}

v1::StepRecord Step() {
  v1::StepRecord step;
  step.set_number(1);
  step.set_kind(v1::STEP_KIND_DEPLOY);
  v1::ActionRecord& action = *step.add_actions();
  action.set_action("sync");
  action.set_operation_id("20261122-221530-k7q2mx/host1/1");
  action.set_output("nginx: 1111111111111111111111111111111111111111 -> 2222222222222222");
  return step;
}

// One store for all threads of a run.
std::unique_ptr<TempStore> shared_store;

void BM_SaveHost(benchmark::State& state) {
  if (state.thread_index() == 0) {
    shared_store = std::make_unique<TempStore>();
    DeploymentStore deployments(shared_store->store(), Clock::System());
    if (!deployments.Create(Entry("d"), Hosts(1000), {}).ok()) state.SkipWithError("create failed");
  }
  const HostRecord host = Hosts(1)[0];
  const v1::StepRecord step = Step();
  int64_t count = 0;
  for (auto _ : state) {
    DeploymentStore deployments(shared_store->store(), Clock::System());
    const int index = state.thread_index() * 60 + static_cast<int>(++count % 60);
    if (!deployments.SaveHost("d", index, host, &step).ok()) state.SkipWithError("save failed");
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) shared_store.reset();
}
BENCHMARK(BM_SaveHost)->Threads(1)->Threads(16)->UseRealTime();

void BM_Create(benchmark::State& state) {
  TempStore temp;
  DeploymentStore deployments(temp.store(), Clock::System());
  const std::vector<HostRecord> hosts = Hosts(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    if (!deployments.Create(Entry(deployments.NewDeploymentId()), hosts, {}).ok()) {
      state.SkipWithError("create failed");
    }
  }
}
BENCHMARK(BM_Create)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond)->UseRealTime();

// A store with so many ended deployments of one host each, read once as a planner does at its
// start.
class KeptDeployments {
 public:
  explicit KeptDeployments(int64_t count) {
    std::vector<StoreWrite> writes;
    for (int64_t i = 0; i < count; ++i) {
      DeploymentRecord entry = Entry(absl::StrCat("20260101-", 100'000'000 + i));
      v1::Deployment& deployment = entry.deployment;
      deployment.set_state(v1::DEPLOYMENT_STATE_SUCCEEDED);
      deployment.mutable_end_time()->set_seconds(1'767'225'600 + i);
      for (int event = 0; event < 5; ++event) deployment.add_events()->set_message("it went on");
      writes.push_back({.key = absl::StrCat("planner/v1/deployment/", deployment.id()),
                        .value = ToStored(entry).SerializeAsString()});
      writes.push_back({.key = absl::StrCat("planner/v1/host/", deployment.id(), "/000000"),
                        .value = ToStored(Hosts(1)[0]).SerializeAsString()});
    }
    ok_ = temp_.store()->Write(writes).ok() && deployments_.Prune(kKeepAll).ok();
  }

  static constexpr Retention kKeepAll = {.count = 1'000'000};
  bool ok() const { return ok_; }
  Store* store() { return temp_.store(); }
  DeploymentStore& deployments() { return deployments_; }

 private:
  TempStore temp_;
  DeploymentStore deployments_{temp_.store(), Clock::System()};
  bool ok_ = false;
};

void BM_FirstPage(benchmark::State& state) {
  KeptDeployments kept(state.range(0));
  if (!kept.ok()) state.SkipWithError("fill failed");
  for (auto _ : state) {
    int left = 100;
    const auto visit = [&](v1::Deployment&) { return --left > 0; };
    if (!kept.deployments().ForEachNewestFirst({}, visit).ok()) state.SkipWithError("list failed");
  }
}
BENCHMARK(BM_FirstPage)->Arg(1000)->Arg(50'000)->Unit(benchmark::kMicrosecond)->UseRealTime();

void BM_Unfinished(benchmark::State& state) {
  KeptDeployments kept(state.range(0));
  if (!kept.ok()) state.SkipWithError("fill failed");
  for (auto _ : state) {
    if (!kept.deployments().Unfinished().ok()) state.SkipWithError("unfinished failed");
  }
}
BENCHMARK(BM_Unfinished)->Arg(1000)->Arg(50'000)->Unit(benchmark::kMicrosecond)->UseRealTime();

void BM_PruneNothing(benchmark::State& state) {
  KeptDeployments kept(state.range(0));
  if (!kept.ok()) state.SkipWithError("fill failed");
  for (auto _ : state) {
    if (!kept.deployments().Prune(KeptDeployments::kKeepAll).ok())
      state.SkipWithError("prune failed");
  }
}
BENCHMARK(BM_PruneNothing)->Arg(1000)->Arg(50'000)->Unit(benchmark::kMicrosecond)->UseRealTime();

// What a planner reads at its start.
void BM_ReadAll(benchmark::State& state) {
  KeptDeployments kept(state.range(0));
  if (!kept.ok()) state.SkipWithError("fill failed");
  for (auto _ : state) {
    DeploymentStore started(kept.store(), Clock::System());
    if (!started.Prune(KeptDeployments::kKeepAll).ok()) state.SkipWithError("prune failed");
  }
}
BENCHMARK(BM_ReadAll)->Arg(1000)->Arg(50'000)->Unit(benchmark::kMillisecond)->UseRealTime();
int64_t FromStatusFile(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    int64_t kilobytes = 0;
    if (name == field && status >> kilobytes) return kilobytes;
  }
  return 0;
}

// The growth of the peak RSS in MB while it lives, as a counter.
class PeakRss {
 public:
  explicit PeakRss(benchmark::State& state) : state_(state), before_(FromStatusFile("VmRSS:")) {
    std::ofstream("/proc/self/clear_refs") << 5;  // resets VmHWM
  }
  ~PeakRss() {
    state_.counters["grown_MB"] = static_cast<double>(FromStatusFile("VmHWM:") - before_) / 1024;
  }

 private:
  benchmark::State& state_;
  const int64_t before_;
};

// An ended deployment of 10,000 hosts with 100 steps each, which moved a service on every host.
class LargeDeployment {
 public:
  static LargeDeployment& Get() {
    static LargeDeployment large;
    return large;
  }
  DeploymentStore& store() { return store_; }

 private:
  LargeDeployment() {
    DeploymentRecord entry = Entry("large");
    entry.deployment.set_state(v1::DEPLOYMENT_STATE_FAILED);
    std::vector<HostRecord> hosts = Hosts(10'000);
    for (HostRecord& host : hosts) {
      v1::ServiceMove& move = *host.host.add_moves();
      move.set_service("nginx");
      move.set_from_hash(std::string(40, '1'));
      move.set_to_hash(std::string(40, '2'));
    }
    bool stored = store_.Create(entry, hosts, {}).ok();
    v1::StepRecord step = Step();
    for (int number = 1; number <= 100; ++number) {
      step.set_number(number);
      std::vector<DeploymentStore::Checkpoint> checkpoints;
      for (size_t i = 0; i < hosts.size(); ++i) {
        checkpoints.push_back({.index = static_cast<int>(i), .host = &hosts[i], .step = &step});
      }
      stored = stored && store_.SaveHosts("large", checkpoints).ok();
    }
    if (!stored) abort();
  }

  TempStore temp_;
  DeploymentStore store_{temp_.store(), Clock::System()};
};

// What GetDeployment reads: hosts with their steps, up to the size of an answer.
void BM_GetLarge(benchmark::State& state) {
  constexpr size_t kAnswer = 3 << 20;
  DeploymentStore& store = LargeDeployment::Get().store();
  const PeakRss peak(state);
  for (auto _ : state) {
    size_t bytes = 0;
    bool read = store.Load("large").ok() && store.SelectCalls("large").ok();
    for (int host = 0; read && bytes < kAnswer; ++host) {
      const absl::StatusOr<v1::HostDeployment> whole = store.WholeHost("large", host);
      read = whole.ok();
      if (read) bytes += whole->ByteSizeLong();
    }
    if (!read) state.SkipWithError("read failed");
  }
}
BENCHMARK(BM_GetLarge)->Unit(benchmark::kMillisecond)->UseRealTime();

// What RollbackDeployment does before hosts are called: reads the hosts, plans, stores.
void BM_RollBackLarge(benchmark::State& state) {
  DeploymentStore& store = LargeDeployment::Get().store();
  const PeakRss peak(state);
  for (auto _ : state) {
    absl::StatusOr<DeploymentRecord> done = store.Load("large");
    absl::StatusOr<std::vector<HostRecord>> hosts = store.LoadHosts("large");
    if (!done.ok() || !hosts.ok()) state.SkipWithError("load failed");
    for (HostRecord& host : *hosts) *done->deployment.add_hosts() = std::move(host.host);
    const absl::StatusOr<v1::Plan> plan = RollbackPlan(done->deployment);
    if (!plan.ok() || plan->hosts_size() != 10'000) state.SkipWithError("plan failed");
    if (!store.Create(Entry(store.NewDeploymentId()), Hosts(plan->hosts_size()), {}).ok()) {
      state.SkipWithError("create failed");
    }
  }
}
BENCHMARK(BM_RollBackLarge)->Unit(benchmark::kMillisecond)->UseRealTime();

// Acquire and ReleaseAll.
void BM_LockHosts(benchmark::State& state) {
  TempStore temp;
  HostLocks locks({.store = temp.store(), .clock = Clock::System(), .planner = "p"});
  HostLocks::Request request{.deployment = "d", .actor = "a", .no_wait = true};
  for (int i = 0; i < state.range(0); ++i) request.hosts.push_back(absl::StrCat("host", i));
  for (auto _ : state) {
    absl::StatusOr<std::unique_ptr<HeldLocks>> held = locks.Acquire(request);
    if (!held.ok() || !(*held)->ReleaseAll().ok()) state.SkipWithError("locks failed");
  }
}
BENCHMARK(BM_LockHosts)
    ->Arg(1)
    ->Arg(1000)
    ->Arg(10000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void BM_CheckLock(benchmark::State& state) {
  TempStore temp;
  HostLocks locks({.store = temp.store(), .clock = Clock::System(), .planner = "p"});
  HostLocks::Request request{.deployment = "d", .actor = "a", .no_wait = true};
  for (int i = 0; i < 1000; ++i) request.hosts.push_back(absl::StrCat("host", i));
  std::unique_ptr<HeldLocks> held = *locks.Acquire(request);
  for (auto _ : state) {
    if (!held->Check("host500").ok()) state.SkipWithError("check failed");
  }
}
BENCHMARK(BM_CheckLock);

}  // namespace
}  // namespace gitops

BENCHMARK_MAIN();
