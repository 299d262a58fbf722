#ifndef GITOPS_CTL_OUTPUT_DEPLOYMENT_TEXT_H_
#define GITOPS_CTL_OUTPUT_DEPLOYMENT_TEXT_H_

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "ctl/output/columns.h"
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

// "nginx 606eb576 -> 8df1b3db, 5 services -> 0e080e5a (no file changes)"; all one by one, with
// their commits, if the style is wide.
std::string MovesText(const google::protobuf::RepeatedPtrField<v1::ServiceMove>& moves,
                      const TableStyle& style);
// "sync, reboot".
std::string ActionsText(const google::protobuf::RepeatedPtrField<std::string>& actions);
// Why an action failed, or another note about it, without the name of the action in front.
std::string ActionMessage(const v1::ActionRecord& action);
// "pre-deploy: drain answered in 12 ms", "pre-deploy: drain failed: status 500 (ignored)".
std::string HookCallText(const v1::HookCall& call);

// ID, STATE, HOSTS (done of all), ACTIONS, AGE, TOOK, MESSAGE; wide: also CREATED, BY, REASON,
// PLANNER.
const Columns<v1::Deployment>& DeploymentColumns();
// Whether it needs somebody's attention.
bool IsDegraded(const v1::Deployment& deployment);

// "deployment ID: SUCCEEDED, 4 of 4 hosts done: message".
std::string DeploymentSentence(const v1::Deployment& deployment, const TableStyle& style);
// HOST, WAVE, STATE, INFO; wide: STEPS, MOVES, MESSAGE in place of INFO.
std::string DeploymentHosts(const v1::Deployment& deployment, const TableStyle& style);
// All details of a deployment, in several lines; wide: also the output of actions, and the requests
// and responses of hooks.
std::string DeploymentDetails(const v1::Deployment& deployment, const TableStyle& style);

// The commits of upstreams and branches, below a heading; empty if there are none.
std::string RevisionsText(const google::protobuf::RepeatedPtrField<v1::UpstreamRevision>& revisions,
                          const TableStyle& style);
// HOOK, POINTS, MODE, TIMEOUT, URL; wide: also ON ERROR, RETRIES, SIGNED.
const Columns<v1::Hook>& HookColumns();
// Hosts with wave, state, actions and moves, equal neighbors once (unless wide); why it will fail;
// revisions with their commits; hooks; the token and the command that deploys it.
std::string PlanText(const v1::Plan& plan, const TableStyle& style);
// The calls of the hooks, and the resulting payload.
std::string HookTestText(const v1::TestHooksResponse& response);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DEPLOYMENT_TEXT_H_
