#ifndef GITOPS_CTL_OUTPUT_DEPLOYMENT_TEXT_H_
#define GITOPS_CTL_OUTPUT_DEPLOYMENT_TEXT_H_

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "ctl/output/table.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Plans and deployments as text for people, escaped.

// "RUNNING", "ROLLED_BACK", "OK"…; in color if requested.
std::string DeploymentStateText(v1::DeploymentState state, bool color = false);
std::string HostStateText(v1::HostDeploymentState state, bool color = false);
std::string ResultText(v1::StepResult result, bool color = false);
// As in configs and on the command line: "healthchecks", "read-only", "ignore".
std::string KindText(v1::StepKind kind);
std::string ModeText(v1::HookMode mode);
std::string OnErrorText(v1::HookOnError on_error);

// Whether the state is final unless somebody resumes the deployment.
bool HasEnded(v1::DeploymentState state);
bool HasEnded(v1::HostDeploymentState state);

// "nginx 606eb576 -> 8df1b3db, caddy nothing -> 8df1b3db".
std::string MovesText(const google::protobuf::RepeatedPtrField<v1::ServiceMove>& moves);
// "sync, reboot".
std::string ActionsText(const google::protobuf::RepeatedPtrField<std::string>& actions);
// Why an action failed, or another note about it, without the name of the action in front.
std::string ActionMessage(const v1::ActionRecord& action);
// "pre-deploy: drain answered in 12 ms", "pre-deploy: drain failed: status 500 (ignored)".
std::string HookCallText(const v1::HookCall& call);

// #, ID, STATE, HOSTS (done of all), ACTIONS, CREATED, TOOK, BY, MESSAGE; wide: REASON, PLANNER.
Row DeploymentHeader(bool wide);
inline constexpr size_t kDeploymentStateColumn = 2;
Row DeploymentRow(size_t number, const v1::Deployment& deployment, bool wide, bool color);

// "deployment ID: SUCCEEDED, 4 of 4 hosts done: message".
std::string DeploymentSentence(const v1::Deployment& deployment, bool color);
// #, HOST, WAVE, STATE, STEPS, MOVES, MESSAGE.
std::string DeploymentHosts(const v1::Deployment& deployment, bool color);
// All details of a deployment, in several lines; wide: also the output of actions, and the requests
// and responses of hooks.
std::string DeploymentDetails(const v1::Deployment& deployment, bool wide, bool color);

// The hooks, one per line.
std::string HooksTable(const google::protobuf::RepeatedPtrField<v1::Hook>& hooks);
// Hosts with wave, actions and moves; revisions; hooks; the token and the command that deploys it.
std::string PlanText(const v1::Plan& plan);
// The calls of the hooks, and the resulting payload.
std::string HookTestText(const v1::TestHooksResponse& response);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DEPLOYMENT_TEXT_H_
