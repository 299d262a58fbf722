// How long it takes to select among 100,000 hosts and to plan over them, with the planner's own
// fleet, as it stands after its configuration was read.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "common/config/fleet.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/plan/fleet_selection.h"
#include "services/planner/plan/plan_maker.h"

namespace gitops {
namespace {

constexpr int kHosts = 100'000;

std::shared_ptr<const FleetConfig> Config() {
  auto config = std::make_shared<FleetConfig>();
  config->hosts.resize(kHosts);
  for (int i = 0; i < kHosts; ++i) {
    HostSpec& host = config->hosts[i];
    host.name = absl::StrCat("web", i, ".rack-", i % 100, ".example");
    host.address = absl::StrCat(host.name, ":8004");
    host.tags = {absl::StrCat("rack-", i % 100), i % 2 == 0 ? "prod" : "test"};
  }
  return config;
}

// One service for the hosts that are tagged prod, by one entry or by one entry for each of them.
std::shared_ptr<const FleetConfig> ServiceConfig(bool tagged) {
  const auto entry = [](const std::string& where) {
    return absl::StrCat("[[services]]\n", where,
                        "\nservice = \"app\"\nupstream = \"file:///srv/ops\"\nbranch = \"main\"\n"
                        "mount = \"/srv/gitops\"\n"
                        "dirs = [{local = \"/srv/app\", link = \"app\"}]\n");
  };
  const auto hosts = Config();
  std::string text = tagged ? entry("tagged = [\"prod\"]") : "";
  for (int i = 0; i < kHosts && !tagged; i += 2) {
    absl::StrAppend(&text, entry(absl::StrCat("machine = \"", hosts->hosts[i].name, "\"")));
  }
  auto config = std::make_shared<FleetConfig>(*ParseFleetConfig(text, "config.toml"));
  config->hosts = hosts->hosts;
  return config;
}

// Every kind of selection at once; half of the hosts are left.
v1::DeploymentSpec Spec() {
  v1::DeploymentSpec spec;
  spec.add_actions("reboot");
  spec.mutable_selection()->add_on("web*.example");
  spec.mutable_selection()->add_tagged("prod");
  spec.mutable_selection()->add_order_by_tags("rack-98");
  spec.mutable_rollout()->set_batch("1%");
  return spec;
}

// All hosts, in the order of the file.
v1::DeploymentSpec Everything() {
  v1::DeploymentSpec spec;
  spec.add_actions("reboot");
  spec.mutable_selection()->set_all(true);
  return spec;
}

struct Planner {
  explicit Planner(std::shared_ptr<const FleetConfig> config = Config()) {
    fleet->Configure(std::move(config));
  }

  const std::unique_ptr<Fleet> fleet = NewFleet({.clock = Clock::System()});
  const std::unique_ptr<HookCaller> hooks = *NewHookCaller({});
  const std::unique_ptr<AgentClient> agents = NewAgentClient({});
  const PlanMaker maker{{.fleet = fleet.get(),
                         .hooks = hooks.get(),
                         .agents = agents.get(),
                         .clock = Clock::System()}};
};

void BM_Select(benchmark::State& state) {
  Planner planner;
  const v1::DeploymentSpec spec = Spec();
  for (auto _ : state) {
    auto hosts = SelectHosts(*planner.fleet, spec.selection(), true, nullptr);
    if (!hosts.ok() || hosts->size() != kHosts / 2) state.SkipWithError("not what was meant");
  }
}
BENCHMARK(BM_Select)->Unit(benchmark::kMillisecond);

void Plan(benchmark::State& state, const v1::DeploymentSpec& spec, int hosts) {
  Planner planner;
  for (auto _ : state) {
    auto plan = planner.maker.Make(spec, true, {});
    if (!plan.ok() || plan->hosts_size() != hosts) state.SkipWithError("not what was meant");
  }
}

// What is measured against the goal: selecting is part of planning.
void BM_SelectAndPlan(benchmark::State& state) { Plan(state, Spec(), kHosts / 2); }
BENCHMARK(BM_SelectAndPlan)->Unit(benchmark::kMillisecond);

void BM_PlanEverything(benchmark::State& state) { Plan(state, Everything(), kHosts); }
BENCHMARK(BM_PlanEverything)->Unit(benchmark::kMillisecond);

// Of the hosts that have a service, by the configuration.
void BM_SelectByServiceAndPlan(benchmark::State& state) {
  Planner planner(ServiceConfig(/*tagged=*/state.range(0) == 1));
  v1::DeploymentSpec spec = Spec();
  spec.set_actions(0, "freeze");  // a reboot takes no service
  spec.set_service("app");
  for (auto _ : state) {
    auto plan = planner.maker.Make(spec, true, {});
    if (!plan.ok() || plan->hosts_size() != kHosts / 2) state.SkipWithError("not what was meant");
  }
}
BENCHMARK(BM_SelectByServiceAndPlan)
    ->ArgName("tagged")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);

// Every host changed since it was looked at last.
void BM_SelectAndPlanAfterAllChanged(benchmark::State& state) {
  Planner planner;
  const v1::DeploymentSpec spec = Spec();
  for (auto _ : state) {
    state.PauseTiming();
    planner.fleet->Configure(Config());
    state.ResumeTiming();
    auto plan = planner.maker.Make(spec, true, {});
    if (!plan.ok()) state.SkipWithError("not what was meant");
  }
}
BENCHMARK(BM_SelectAndPlanAfterAllChanged)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gitops

BENCHMARK_MAIN();
