#include "services/planner/record/deployment_record.h"

#include <utility>

#include "common/store/convert.h"

namespace gitops {

record::v1::DeploymentEntry ToStored(const DeploymentRecord& record) {
  record::v1::DeploymentEntry stored = record.state;
  Convert(record.deployment, *stored.mutable_deployment());
  return stored;
}

DeploymentRecord FromStored(record::v1::DeploymentEntry stored) {
  DeploymentRecord record;
  Convert(stored.deployment(), record.deployment);
  stored.clear_deployment();
  record.state = std::move(stored);
  return record;
}

record::v1::HostEntry ToStored(const HostRecord& record) {
  // Names every field of HostRecord, so that one more does not compile until it is stored.
  const auto& [host, progress, revisions, rolling_back] = record;
  record::v1::HostEntry stored;
  Convert(host, *stored.mutable_host());
  *stored.mutable_progress() = progress;
  ConvertAll(revisions, *stored.mutable_revisions());
  stored.set_rolling_back(rolling_back);
  return stored;
}

HostRecord FromStored(const record::v1::HostEntry& stored) {
  HostRecord record;
  Convert(stored.host(), record.host);
  record.progress = stored.progress();
  ConvertAll(stored.revisions(), record.revisions);
  record.rolling_back = stored.rolling_back();
  return record;
}

}  // namespace gitops
