#include "services/planner/run/host_rollback.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/planner/plan/rollback_plan.h"

namespace gitops {
namespace {

// What was done on the host besides moving services. False: leaving.
bool FindOtherActions(int steps, DeploymentRun& run, int index, std::set<std::string>& others) {
  for (int number = 1; number <= steps; ++number) {
    v1::StepRecord step;
    if (!run.LoadStep(index, number, step)) return false;
    for (const v1::ActionRecord& action : step.actions()) {
      const bool done = action.result() == v1::STEP_RESULT_OK;
      const bool check = absl::EndsWith(action.action(), "-checks");
      if (done && !check && !TraitsOf(action.action()).takes_revision) {
        others.insert(action.action());
      }
    }
  }
  return true;
}

}  // namespace

std::vector<Return> ReturnsOf(const v1::HostDeployment& host) {
  std::vector<Return> returns;
  for (const v1::ServiceMove& move : NetMoves(host)) {
    returns.push_back(
        {.service = move.service(), .from_hash = move.to_hash(), .to_hash = move.from_hash()});
  }
  return returns;
}

bool TellRollback(const HostProgress& progress, DeploymentRun& run, int index,
                  std::string& message) {
  std::set<std::string> others;
  if (!FindOtherActions(progress.steps, run, index, others)) return false;
  std::vector<std::string> told;
  for (const Return& one : progress.returns) {
    if (one.result != v1::STEP_RESULT_OK) continue;
    told.push_back(absl::StrCat(one.service, " is back at ", one.to_hash));
  }
  if (!progress.error.empty()) told.push_back(progress.error);
  if (told.empty()) told.push_back("no service had moved, so there was nothing to bring back");
  if (!others.empty()) {
    told.push_back(absl::StrCat(absl::StrJoin(others, ", "), " cannot be undone"));
  }
  if (progress.open.has_value()) {
    told.push_back(absl::StrCat("it is not known whether ", progress.open->action, " was done"));
  }
  if (!message.empty()) told.push_back(absl::StrCat("it had failed: ", message));
  message = absl::StrJoin(told, "; ");
  return true;
}

}  // namespace gitops
