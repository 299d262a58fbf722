#ifndef GITOPS_SERVICES_PLANNER_PLAN_CHECK_SPEC_H_
#define GITOPS_SERVICES_PLANNER_PLAN_CHECK_SPEC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gitops/v1/deployment.pb.h"
#include "google/protobuf/duration.pb.h"

namespace gitops {

// INVALID_ARGUMENT: what is wrong with a spec in itself: actions, selection, amounts, a revision
// that is not a commit, `service` or `revision` without an action that takes them, negative
// durations. `changes`: as CheckFleetSelection().
absl::Status CheckSpec(const v1::DeploymentSpec& spec, bool changes);

// Checks of other requests too. INVALID_ARGUMENT, with the field.
absl::Status CheckNamedService(const std::string& name);  // not empty, printable, at most 255 bytes
absl::Status CheckDuration(absl::string_view field, const google::protobuf::Duration& duration);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_CHECK_SPEC_H_
