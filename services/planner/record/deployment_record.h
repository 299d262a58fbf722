#ifndef GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_RECORD_H_
#define GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_RECORD_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/v1/deployment.pb.h"
#include "google/protobuf/repeated_field.h"

// The record of a deployment while it runs, and its stored form.
namespace gitops {

struct DeploymentRecord {
  v1::Deployment deployment;  // without hosts and hook calls
  bool cancel_requested = false;
  std::string halt_reason;  // why no more hosts begin; empty: they do
  std::string traceparent;

  // The end of the pause before the next wave, and the wave it follows; 0: none yet.
  std::optional<absl::Time> pause_until;
  int paused_after = 0;
  // The time limit for unreachable hosts; none: the wait has not begun.
  std::optional<absl::Time> catch_up_until;
  // Hosts of this wave are being rolled back, and why; 0: none.
  int rollback_wave = 0;
  std::string rollback_reason;
};

// One host of a deployment: its API message, and its progress.
struct HostRecord {
  v1::HostDeployment host;  // without steps
  record::v1::HostProgress progress;
  google::protobuf::RepeatedPtrField<v1::ServiceRevision> revisions;
  bool rolling_back = false;
};

record::v1::DeploymentEntry ToStored(const DeploymentRecord& record);
DeploymentRecord FromStored(const record::v1::DeploymentEntry& stored);

record::v1::HostEntry ToStored(const HostRecord& record);
HostRecord FromStored(const record::v1::HostEntry& stored);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_RECORD_H_
