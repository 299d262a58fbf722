#include "services/planner/rpc/host_grants.h"

#include "absl/status/statusor.h"

namespace gitops {

absl::Status HostGrants::Check(const FleetHost& host, const std::string& action) const {
  if (!grants_.limited()) return absl::OkStatus();
  return grants_.Check(Role::kOperator,
                       {.host = host.host.host(), .tags = host.spec.tags, .actions = {action}});
}

absl::Status HostGrants::Check(const std::string& host,
                               const std::vector<std::string>& actions) const {
  if (!grants_.limited()) return absl::OkStatus();
  const absl::StatusOr<FleetHost> known = fleet_->Find(host);
  std::vector<std::string> tags;
  if (known.ok()) tags = known->spec.tags;
  return grants_.Check(
      Role::kOperator,
      {.host = known.ok() ? known->host.host() : host, .tags = tags, .actions = actions});
}

absl::Status HostGrants::CheckPlan(const v1::Plan& plan) const {
  if (!grants_.limited()) return absl::OkStatus();
  for (const v1::PlannedHost& host : plan.hosts()) {
    absl::Status allowed = Check(host.host(), {host.actions().begin(), host.actions().end()});
    if (!allowed.ok()) return allowed;
  }
  return absl::OkStatus();
}

absl::Status HostGrants::CheckDeployment(DeploymentStore& store, const std::string& id,
                                         const std::string& action) const {
  if (!grants_.limited()) return absl::OkStatus();
  absl::Status allowed;
  const absl::Status read = store.ForEachHost(id, [&](const record::v1::HostDeployment& host) {
    allowed = Check(host.host(), {action});
    return allowed.ok();
  });
  return read.ok() ? allowed : read;
}

}  // namespace gitops
