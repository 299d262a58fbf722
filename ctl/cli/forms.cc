#include "ctl/cli/grammar.h"

namespace gitops::ctl {

const std::vector<Form>& Forms() {
  static const auto& forms = *new std::vector<Form>{
      {{"list", "services"}, Action::kListServices},
      {{"list", "machines"}, Action::kListMachines},
      {{"list", "hosts"}, Action::kListHosts},
      {{"list", "deployments"}, Action::kListDeployments},
      {{"list", "hooks"}, Action::kListHooks},
      {{"list", "locks"}, Action::kListLocks},
      {{"get", "service"}, Action::kGetService},
      {{"get", "host"}, Action::kGetHost},
      {{"get", "deployment"}, Action::kGetDeployment},
      {{"freeze"}, Action::kFreeze},
      {{"unfreeze"}, Action::kUnfreeze},
      {{"pull"}, Action::kPull},
      {{"rollback"}, Action::kRollback},
      {{"diff"}, Action::kDiff},
      {{"watch"}, Action::kWatch},
      {{"watch", "hosts"}, Action::kWatchHosts},
      {{"check"}, Action::kCheck},
      {{"plan"}, Action::kPlan},
      {{"deploy"}, Action::kDeploy},
      {{"watch", "deployment"}, Action::kWatchDeployment},
      {{"cancel", "deployment"}, Action::kCancelDeployment},
      {{"resume", "deployment"}, Action::kResumeDeployment},
      {{"rollback", "deployment"}, Action::kRollbackDeployment},
      {{"hooks", "test"}, Action::kHooksTest},
      {{"break", "lock"}, Action::kBreakLock},
      {{"remove-record"}, Action::kRemoveRecord},
      {{"completion"}, Action::kCompletion},
      {{"version"}, Action::kVersion},
      {{"help"}, Action::kHelp},
      // Forms with an optional noun.
      {{"freeze", "service"}, Action::kFreeze, true},
      {{"unfreeze", "service"}, Action::kUnfreeze, true},
      {{"pull", "service"}, Action::kPull, true},
      {{"rollback", "service"}, Action::kRollback, true},
      {{"diff", "service"}, Action::kDiff, true},
      {{"watch", "service"}, Action::kWatch, true},
      {{"watch", "services"}, Action::kWatch, true},
      {{"check", "services"}, Action::kCheck, true},
      {{"list", "host"}, Action::kListHosts, true},
      {{"watch", "host"}, Action::kWatchHosts, true},
      {{"list", "deployment"}, Action::kListDeployments, true},
      {{"list", "hook"}, Action::kListHooks, true},
      {{"list", "lock"}, Action::kListLocks, true},
      // The forms of gitopperctl: `state` in its first releases, `do` in later ones.
      {{"list", "service"}, Action::kListServices, true},
      {{"list", "machine"}, Action::kListMachines, true},
      {{"state", "freeze"}, Action::kFreeze, true},
      {{"state", "unfreeze"}, Action::kUnfreeze, true},
      {{"state", "rollback"}, Action::kRollback, true},
      {{"do", "freeze"}, Action::kFreeze, true},
      {{"do", "unfreeze"}, Action::kUnfreeze, true},
      {{"do", "rollback"}, Action::kRollback, true},
      {{"do", "pull"}, Action::kPull, true},
  };
  return forms;
}

const std::vector<Abbreviation>& Abbreviations() {
  static const auto& abbreviations = *new std::vector<Abbreviation>{
      {"", "ls", "list"},       {"", "l", "list"},          {"", "st", "state"},
      {"", "d", "do"},          {"list", "m", "machines"},  {"list", "s", "service"},
      {"state", "f", "freeze"}, {"state", "u", "unfreeze"}, {"state", "r", "rollback"},
      {"do", "f", "freeze"},    {"do", "u", "unfreeze"},    {"do", "r", "rollback"},
      {"do", "p", "pull"},
  };
  return abbreviations;
}

const std::vector<UnavailableForm>& UnavailableForms() {
  constexpr char kPromotions[] = "the promotion receiver";
  constexpr char kMerge[] = "merge to the branch that the hosts follow";
  static const auto& forms = *new std::vector<UnavailableForm>{
      {"list", "pipelines", kPromotions, kMerge, true},
      {"list", "promotions", kPromotions, kMerge, true},
      {"get", "promotion", kPromotions, kMerge, true},
      {"get", "pipeline", kPromotions, kMerge, true},
      {"promotions", "", kPromotions, kMerge, true},
      {"ca", "", "TLS", "connect to other hosts through SSH, or in plain text with --insecure",
       true},
      {"context", "", "stored contexts",
       "set flags by variables, for example GITOPS_OUTPUT=json and GITOPS_PLANNER=ops1:8001", true},
      {"audit", "", "the audit log",
       "`gitopsctl list deployments` lists deployments, and `gitopsctl get service SERVICE @HOST` "
       "the last changes of a service",
       true},
  };
  return forms;
}

}  // namespace gitops::ctl
