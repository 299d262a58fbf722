#ifndef GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_RECORD_H_
#define GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_RECORD_H_

#include "gitops/record/v1/deployment.pb.h"
#include "gitops/v1/deployment.pb.h"
#include "google/protobuf/repeated_field.h"

// The record of a deployment while it runs, and its stored form.
namespace gitops {

struct DeploymentRecord {
  v1::Deployment deployment;          // without hosts and hook calls
  record::v1::DeploymentEntry state;  // without the deployment
};

// One host of a deployment: its API message, and its progress.
struct HostRecord {
  v1::HostDeployment host;  // without steps
  record::v1::HostProgress progress;
  google::protobuf::RepeatedPtrField<v1::ServiceRevision> revisions;
  bool rolling_back = false;
};

record::v1::DeploymentEntry ToStored(const DeploymentRecord& record);
DeploymentRecord FromStored(record::v1::DeploymentEntry stored);

record::v1::HostEntry ToStored(const HostRecord& record);
HostRecord FromStored(const record::v1::HostEntry& stored);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_RECORD_H_
