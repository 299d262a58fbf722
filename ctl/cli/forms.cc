#include "ctl/cli/grammar.h"

namespace gitops::ctl {

const std::vector<Form>& Forms() {
  static const auto& forms = *new std::vector<Form>{
      {{"list", "services"}, CommandId::kListServices},
      {{"list", "machines"}, CommandId::kListMachines},
      {{"list", "hosts"}, CommandId::kListHosts},
      {{"list", "deployments"}, CommandId::kListDeployments},
      {{"list", "hooks"}, CommandId::kListHooks},
      {{"list", "locks"}, CommandId::kListLocks},
      {{"get", "service"}, CommandId::kGetService},
      {{"get", "host"}, CommandId::kGetHost},
      {{"get", "deployment"}, CommandId::kGetDeployment},
      {{"freeze"}, CommandId::kFreeze},
      {{"unfreeze"}, CommandId::kUnfreeze},
      {{"pull"}, CommandId::kPull},
      {{"rollback"}, CommandId::kRollback},
      {{"diff"}, CommandId::kDiff},
      {{"watch"}, CommandId::kWatch},
      {{"watch", "hosts"}, CommandId::kWatchHosts},
      {{"check"}, CommandId::kCheck},
      {{"plan"}, CommandId::kPlan},
      {{"deploy"}, CommandId::kDeploy},
      {{"watch", "deployment"}, CommandId::kWatchDeployment},
      {{"cancel", "deployment"}, CommandId::kCancelDeployment},
      {{"resume", "deployment"}, CommandId::kResumeDeployment},
      {{"rollback", "deployment"}, CommandId::kRollbackDeployment},
      {{"hooks", "test"}, CommandId::kHooksTest},
      {{"break", "lock"}, CommandId::kBreakLock},
      {{"remove-record"}, CommandId::kRemoveRecord},
      {{"list", "pipelines"}, CommandId::kListPipelines},
      {{"list", "promotions"}, CommandId::kListPromotions},
      {{"get", "pipeline"}, CommandId::kGetPipeline},
      {{"get", "promotion"}, CommandId::kGetPromotion},
      {{"promotions", "approve"}, CommandId::kApprovePromotion},
      {{"promotions", "reject"}, CommandId::kRejectPromotion},
      {{"promotions", "replay"}, CommandId::kReplayPromotion},
      {{"promotions", "hold"}, CommandId::kHoldEnvironment},
      {{"promotions", "release"}, CommandId::kReleaseEnvironment},
      {{"token", "create"}, CommandId::kTokenCreate},
      {{"ca", "init"}, CommandId::kCaInit},
      {{"ca", "issue"}, CommandId::kCaIssue},
      {{"ca", "renew"}, CommandId::kCaRenew},
      {{"ca", "list"}, CommandId::kCaList},
      {{"ca", "revoke"}, CommandId::kCaRevoke},
      {{"ca", "issuer"}, CommandId::kCaIssuer},
      {{"ca", "retire"}, CommandId::kCaRetire},
      {{"ca", "token"}, CommandId::kCaToken},
      {{"config", "check"}, CommandId::kConfigCheck},
      {{"config", "render"}, CommandId::kConfigRender},
      {{"config", "schema"}, CommandId::kConfigSchema},
      {{"wait", "service"}, CommandId::kWaitService},
      {{"wait", "deployment"}, CommandId::kWaitDeployment},
      {{"history"}, CommandId::kHistory},
      {{"describe", "service"}, CommandId::kDescribeService},
      {{"describe", "host"}, CommandId::kDescribeHost},
      {{"describe", "deployment"}, CommandId::kDescribeDeployment},
      {{"events"}, CommandId::kEvents},
      {{"acknowledge"}, CommandId::kAcknowledge},
      {{"debug", "bundle"}, CommandId::kDebugBundle},
      {{"completion"}, CommandId::kCompletion},
      {{"version"}, CommandId::kVersion},
      {{"help"}, CommandId::kHelp},
      // Forms with an optional noun.
      {{"freeze", "service"}, CommandId::kFreeze, true},
      {{"unfreeze", "service"}, CommandId::kUnfreeze, true},
      {{"pull", "service"}, CommandId::kPull, true},
      {{"rollback", "service"}, CommandId::kRollback, true},
      {{"diff", "service"}, CommandId::kDiff, true},
      {{"watch", "service"}, CommandId::kWatch, true},
      {{"watch", "services"}, CommandId::kWatch, true},
      {{"check", "services"}, CommandId::kCheck, true},
      {{"list", "host"}, CommandId::kListHosts, true},
      {{"watch", "host"}, CommandId::kWatchHosts, true},
      {{"list", "deployment"}, CommandId::kListDeployments, true},
      {{"list", "hook"}, CommandId::kListHooks, true},
      {{"list", "lock"}, CommandId::kListLocks, true},
      {{"list", "pipeline"}, CommandId::kListPipelines, true},
      {{"list", "promotion"}, CommandId::kListPromotions, true},
      {{"history", "service"}, CommandId::kHistory, true},
      {{"acknowledge", "host"}, CommandId::kAcknowledge, true},
      // kubectl's plurals and singulars.
      {{"get", "services"}, CommandId::kListServices, true},
      {{"get", "service"}, CommandId::kListServices, true},
      {{"get", "machines"}, CommandId::kListMachines, true},
      {{"get", "hosts"}, CommandId::kListHosts, true},
      {{"get", "host"}, CommandId::kListHosts, true},
      {{"get", "deployments"}, CommandId::kListDeployments, true},
      {{"get", "deployment"}, CommandId::kListDeployments, true},
      {{"get", "hooks"}, CommandId::kListHooks, true},
      {{"get", "locks"}, CommandId::kListLocks, true},
      {{"get", "pipelines"}, CommandId::kListPipelines, true},
      {{"get", "pipeline"}, CommandId::kListPipelines, true},
      {{"get", "promotions"}, CommandId::kListPromotions, true},
      {{"get", "events"}, CommandId::kEvents, true},
      {{"list", "events"}, CommandId::kEvents, true},
      {{"describe", "services"}, CommandId::kDescribeService, true},
      {{"describe", "hosts"}, CommandId::kDescribeHost, true},
      {{"describe", "deployments"}, CommandId::kDescribeDeployment, true},
      // The forms of gitopperctl: `state` in its first releases, `do` in later ones.
      {{"list", "service"}, CommandId::kListServices, true},
      {{"list", "machine"}, CommandId::kListMachines, true},
      {{"state", "freeze"}, CommandId::kFreeze, true},
      {{"state", "unfreeze"}, CommandId::kUnfreeze, true},
      {{"state", "rollback"}, CommandId::kRollback, true},
      {{"do", "freeze"}, CommandId::kFreeze, true},
      {{"do", "unfreeze"}, CommandId::kUnfreeze, true},
      {{"do", "rollback"}, CommandId::kRollback, true},
      {{"do", "pull"}, CommandId::kPull, true},
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
  static const auto& forms = *new std::vector<UnavailableForm>{
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
