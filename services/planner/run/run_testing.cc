#include "services/planner/run/run_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/testing/eventually.h"
#include "services/planner/wave/waves.h"

namespace gitops {

void CutStore::CutAfter(int writes, std::function<void()> cut) {
  MutexLock lock(mutex_);
  left_ = writes;
  on_cut_ = std::move(cut);
}

void CutStore::Cut() {
  MutexLock lock(mutex_);
  cut_ = true;
  changed_.NotifyAll();
}

void CutStore::Heal() {
  MutexLock lock(mutex_);
  cut_ = false;
  left_ = -1;
}

bool CutStore::AwaitCut() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  MutexLock lock(mutex_);
  while (!cut_) {
    if (!changed_.WaitUntil(mutex_, deadline)) return cut_;
  }
  return true;
}

int CutStore::writes() {
  MutexLock lock(mutex_);
  return writes_;
}

void CutStore::OnWrite(std::function<void(const std::vector<StoreWrite>&)> written) {
  MutexLock lock(mutex_);
  on_write_ = std::move(written);
}

absl::Status CutStore::Check() {
  MutexLock lock(mutex_);
  return cut_ ? absl::UnavailableError("no space left on device") : absl::OkStatus();
}

absl::StatusOr<StoredValue> CutStore::Get(absl::string_view key) {
  if (absl::Status status = Check(); !status.ok()) return status;
  return store_->Get(key);
}

absl::StatusOr<std::vector<StoredValue>> CutStore::List(absl::string_view prefix,
                                                        absl::string_view after, int limit) {
  if (absl::Status status = Check(); !status.ok()) return status;
  return store_->List(prefix, after, limit);
}

absl::StatusOr<int64_t> CutStore::Write(const std::vector<StoreWrite>& writes) {
  std::function<void()> on_cut;
  std::function<void(const std::vector<StoreWrite>&)> on_write;
  {
    MutexLock lock(mutex_);
    if (cut_) return absl::UnavailableError("no space left on device");
    ++writes_;
    on_write = on_write_;
    if (left_ > 0 && --left_ == 0) {
      cut_ = true;
      on_cut = std::move(on_cut_);
    }
  }
  absl::StatusOr<int64_t> written = store_->Write(writes);
  if (on_write && written.ok()) on_write(writes);
  if (on_cut) {
    on_cut();
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  }
  return written;
}

absl::StatusOr<std::unique_ptr<StoreWatch>> CutStore::Watch(
    absl::string_view prefix, int64_t after_revision,
    std::function<void(const StoreEvent&)> on_event) {
  return store_->Watch(prefix, after_revision, std::move(on_event));
}

absl::StatusOr<int64_t> CutStore::GrantLease(absl::Duration ttl) {
  if (absl::Status status = Check(); !status.ok()) return status;
  return store_->GrantLease(ttl);
}

absl::Status CutStore::KeepLeaseAlive(int64_t lease) {
  if (absl::Status status = Check(); !status.ok()) return status;
  return store_->KeepLeaseAlive(lease);
}

absl::Status CutStore::RevokeLease(int64_t lease) {
  if (absl::Status status = Check(); !status.ok()) return status;
  return store_->RevokeLease(lease);
}

RunWorld::RunWorld(Options options)
    : clock(options.clock),
      temp(options.clock),
      faulty(temp.store()),
      store(&faulty),
      records(&store, options.clock),
      hooks(options.hooks),
      options_(options) {
  for (int i = 1; i <= options.hosts; ++i) {
    HostSpec host;
    host.name = Host(i);
    host.address = Address(i);
    config_.hosts.push_back(host);
    agents.Add(Address(i), std::map<std::string, std::string>{{"nginx", kOldHash}});
  }
  fleet = NewFleet({.clock = clock});
  fleet->Configure(std::make_shared<const FleetConfig>(config_));
  Start();
}

RunWorld::~RunWorld() {
  Stop();
  reports_.clear();
}

void RunWorld::Start() {
  LockOptions lock_options;
  lock_options.store = &store;
  lock_options.clock = clock;
  lock_options.planner = planner;
  lock_options.ttl = options_.lock_ttl;
  locks = std::make_unique<HostLocks>(lock_options);
  deployments = NewDeployments(RunOptions());
  const absl::Status recovered = deployments->Recover();
  EXPECT_TRUE(recovered.ok()) << recovered.ToString();
}

DeploymentsOptions RunWorld::RunOptions() {
  DeploymentsOptions run;
  run.clock = clock;
  run.store = &records;
  run.locks = locks.get();
  run.fleet = fleet.get();
  run.agents = &agents;
  run.hooks = &hooks;
  run.checks = &checks;
  run.planner = planner;
  run.sole_planner = options_.sole_planner;
  run.observer = options_.observer;
  run.most_parallel = options_.most_parallel;
  run.return_timeout = options_.return_timeout;
  run.most_deployments = options_.most_deployments;
  return run;
}

void RunWorld::Stop() {
  if (deployments != nullptr) deployments->Stop();
  deployments.reset();
  locks.reset();
}

std::string RunWorld::Host(int number) { return absl::StrCat("web", number); }
std::string RunWorld::Address(int number) { return absl::StrCat(Host(number), ":8004"); }
std::vector<std::string> RunWorld::Hosts(int first, int last) {
  std::vector<std::string> hosts;
  for (int i = first; i <= last; ++i) hosts.push_back(Host(i));
  return hosts;
}

v1::Plan RunWorld::MakePlan(v1::DeploymentSpec spec, int first, int last) {
  if (last == 0) last = options_.hosts;
  const absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf(spec.rollout());
  EXPECT_TRUE(policy.ok()) << policy.status().ToString();
  const std::vector<int> waves = MakeWaves(last - first + 1, *policy);
  v1::Plan plan;
  for (int i = first; i <= last; ++i) {
    v1::PlannedHost* host = plan.add_hosts();
    host->set_host(Host(i));
    host->set_address(Address(i));
    host->set_wave(waves[i - first]);
    *host->mutable_actions() = spec.actions();
    plan.set_wave_count(waves[i - first]);
  }
  plan.add_revisions()->set_hash(kNewHash);
  *plan.mutable_spec() = std::move(spec);
  return plan;
}

Deployments::NewDeployment RunWorld::New(const v1::Plan& plan) {
  Deployments::NewDeployment deployment;
  deployment.actor = "alice";
  deployment.spec = plan.spec();
  deployment.plan = [plan](const std::string&, std::vector<v1::HookCall>*) { return plan; };
  return deployment;
}

std::string RunWorld::Begin(const v1::Plan& plan) {
  const absl::StatusOr<v1::Deployment> begun = deployments->Begin(New(plan));
  EXPECT_TRUE(begun.ok()) << begun.status().ToString();
  return begun.ok() ? begun->id() : "";
}

v1::Deployment RunWorld::Await(const std::string& id,
                               const std::function<bool(const v1::Deployment&)>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Mutex mutex;
  CondVar changed;
  bool seen = true;
  TestRecords direct(temp.store(), clock);  // also while the planner's is cut off
  auto watch = direct.Watch(id, [&](int, int64_t) {
    MutexLock lock(mutex);
    seen = true;
    changed.NotifyAll();
  });
  EXPECT_TRUE(watch.ok()) << watch.status().ToString();
  for (;;) {
    absl::StatusOr<v1::Deployment> whole = direct.Whole(id);
    EXPECT_TRUE(whole.ok()) << whole.status().ToString();
    if (!whole.ok() || is_so(*whole)) return whole.ok() ? *whole : v1::Deployment();
    MutexLock lock(mutex);
    while (!seen) {
      if (changed.WaitUntil(mutex, deadline) || seen) continue;
      ADD_FAILURE() << "not within 20 s; it is\n" << whole->DebugString().substr(0, 20'000);
      return *whole;
    }
    seen = false;
  }
}

v1::Deployment RunWorld::AwaitEnd(const std::string& id) {
  return Await(id, [](const v1::Deployment& deployment) { return HasEnded(deployment.state()); });
}

void RunWorld::Configure(int number, const std::function<void(HostSpec&)>& change) {
  change(config_.hosts[number - 1]);
  fleet->Configure(std::make_shared<const FleetConfig>(config_));
}

void RunWorld::Forget(int number) {
  std::erase_if(config_.hosts, [&](const HostSpec& host) { return host.name == Host(number); });
  fleet->Configure(std::make_shared<const FleetConfig>(config_));
}

void RunWorld::Report(int number) {
  v1::Hello hello;
  hello.add_names(Host(number));
  hello.set_address(Address(number));
  auto report = fleet->Connected(hello, "ipv4:127.0.0.1:40000", Principal());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  reports_.push_back(*std::move(report));
}

v1::DeploymentSpec SpecOf(const std::vector<std::string>& actions, int max_parallel) {
  v1::DeploymentSpec spec;
  for (const std::string& action : actions) spec.add_actions(action);
  spec.mutable_rollout()->set_max_parallel(max_parallel);
  return spec;
}

std::vector<std::string> States(const v1::Deployment& deployment) {
  std::vector<std::string> states;
  for (const v1::HostDeployment& host : deployment.hosts()) {
    const std::string name = v1::HostDeploymentState_Name(host.state());
    states.push_back(
        absl::StrCat(host.host(), " ", absl::StripPrefix(name, "HOST_DEPLOYMENT_STATE_")));
  }
  return states;
}

std::string StateOf(const v1::Deployment& deployment) {
  const std::string name = v1::DeploymentState_Name(deployment.state());
  return std::string(absl::StripPrefix(name, "DEPLOYMENT_STATE_"));
}

bool EndsWithin(absl::Duration time, const std::string& id, RunWorld& world, FakeClock& clock) {
  const absl::Time end = clock.Now() + time;
  const auto ended = [&] { return HasEnded(world.records.Load(id)->deployment.state()); };
  Eventually([&] {
    const absl::Time next =
        clock.AwaitDeadlineBy(clock.Now() + absl::Seconds(1), std::chrono::milliseconds(20));
    if (next == absl::InfiniteFuture()) return ended();
    if (next > end) return true;
    clock.Advance(std::max(next - clock.Now(), absl::ZeroDuration()));
    return ended();
  });
  return ended();
}

std::vector<std::string> OrderOf(const std::vector<FakePerformed>& performed) {
  std::vector<std::string> order;
  for (const FakePerformed& one : performed) {
    const std::string host = one.address.substr(0, one.address.find(':'));
    if (std::find(order.begin(), order.end(), host) == order.end()) order.push_back(host);
  }
  return order;
}

}  // namespace gitops
