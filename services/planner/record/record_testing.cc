#include "services/planner/record/record_testing.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/actor.h"

namespace gitops {

absl::StatusOr<v1::Deployment> TestRecords::Whole(const std::string& id) {
  absl::StatusOr<DeploymentRecord> record = Load(id);
  if (!record.ok()) return record.status();
  v1::Deployment whole = std::move(record->deployment);
  absl::StatusOr<std::vector<v1::HookCall>> calls = SelectCalls(id);
  if (!calls.ok()) return calls.status();
  whole.mutable_hook_calls()->Assign(calls->begin(), calls->end());
  while (true) {
    absl::StatusOr<v1::HostDeployment> host = WholeHost(id, whole.hosts_size());
    if (absl::IsNotFound(host.status())) return whole;
    if (!host.ok()) return host.status();
    *whole.add_hosts() = *std::move(host);
  }
}

absl::StatusOr<std::vector<v1::Deployment>> TestRecords::List(const std::string& before,
                                                              int limit) {
  std::vector<v1::Deployment> deployments;
  const absl::Status read = ForEachNewestFirst({.before = before}, [&](v1::Deployment& next) {
    if (static_cast<int>(deployments.size()) >= limit) return false;
    deployments.push_back(std::move(next));
    return true;
  });
  if (!read.ok()) return read;
  return deployments;
}

DeploymentRecord EntryOf(const std::string& id, v1::DeploymentState state) {
  DeploymentRecord entry;
  v1::Deployment& deployment = entry.deployment;
  deployment.set_id(id);
  deployment.set_state(state);
  WriteActor(MakePrincipal("mia", "", "unix:"), deployment);
  deployment.mutable_spec()->add_actions("sync");
  deployment.mutable_create_time()->set_seconds(1767225600);
  entry.state.set_traceparent("00-1-2-01");
  return entry;
}

DeploymentRecord EndedEntry(const std::string& id, absl::Time end) {
  DeploymentRecord entry = EntryOf(id, v1::DEPLOYMENT_STATE_SUCCEEDED);
  *entry.deployment.mutable_end_time() = ToTimestamp(end);
  return entry;
}

std::vector<HostRecord> HostsOf(const std::vector<std::string>& names) {
  std::vector<HostRecord> hosts(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    v1::HostDeployment& host = hosts[i].host;
    host.set_host(names[i]);
    host.set_address(absl::StrCat(names[i], ".example:8004"));
    host.set_state(v1::HOST_DEPLOYMENT_STATE_PENDING);
    host.add_actions("sync");
    hosts[i].progress.add_remaining("sync");
  }
  return hosts;
}

std::vector<HostRecord> HostsNamed(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(absl::StrCat("host", i));
  return HostsOf(names);
}

v1::StepRecord StepOf(int number) {
  v1::StepRecord step;
  step.set_number(number);
  step.set_kind(v1::STEP_KIND_DEPLOY);
  v1::ActionRecord& action = *step.add_actions();
  action.set_action("sync");
  action.set_output("nginx: 1111 -> 2222");
  v1::HookCall& call = *step.add_hook_calls();
  call.set_hook("drain");
  call.set_request("{}");
  return step;
}

}  // namespace gitops
