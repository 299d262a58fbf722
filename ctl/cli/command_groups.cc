#include "ctl/cli/grammar.h"

namespace gitops::ctl {

const std::vector<CommandGroup>& CommandGroups() {
  using C = CommandId;
  static const auto& groups = *new std::vector<CommandGroup>{
      {"Reading",
       {C::kListServices, C::kListHosts, C::kListMachines, C::kGetService, C::kGetHost,
        C::kDescribeService, C::kDescribeHost, C::kHistory, C::kDiff, C::kWatch, C::kWatchHosts,
        C::kWaitService, C::kEvents, C::kCheck}},
      {"Audit", {C::kAudit, C::kAuditVerify, C::kAuditExport}},
      {"Brake", {C::kFreeze, C::kUnfreeze, C::kPull, C::kRollback, C::kAcknowledge}},
      {"Deployments",
       {C::kPlan, C::kDeploy, C::kListDeployments, C::kGetDeployment, C::kDescribeDeployment,
        C::kWatchDeployment, C::kWaitDeployment, C::kCancelDeployment, C::kResumeDeployment,
        C::kRollbackDeployment, C::kListHooks, C::kHooksTest, C::kListLocks, C::kBreakLock}},
      {"Promotions",
       {C::kListPipelines, C::kGetPipeline, C::kListPromotions, C::kGetPromotion,
        C::kApprovePromotion, C::kRejectPromotion, C::kReplayPromotion, C::kHoldEnvironment,
        C::kReleaseEnvironment}},
      {"Certificates",
       {C::kCaInit, C::kCaIssue, C::kCaRenew, C::kCaList, C::kCaRevoke, C::kCaIssuer, C::kCaRetire,
        C::kCaToken}},
      {"Setup and help",
       {C::kConfigCheck, C::kConfigRender, C::kConfigSchema, C::kTokenCreate, C::kRemoveRecord,
        C::kDebugBundle, C::kCompletion, C::kVersion, C::kHelp}},
  };
  return groups;
}

const std::vector<ForeignFlag>& ForeignFlags() {
  static const auto& flags = *new std::vector<ForeignFlag>{
      {"-m", "gitopperctl", "-o json"},
      {"-i", "gitopperctl or ansible",
       "nothing: hosts are those of the planner, or @HOST; a key is not needed"},
      {"--inventory", "ansible", "nothing: the hosts are those of the planner, or @HOST"},
      {"-l", "kubectl or ansible",
       "--tagged A,B for hosts with these tags, --on GLOB for hosts by name"},
      {"--selector", "kubectl", "--tagged A,B"},
      {"-n", "kubectl",
       "--on GLOB or --tagged A,B: a fleet has no namespaces, and a pipeline is NAMESPACE/NAME"},
      {"--namespace", "kubectl",
       "--on GLOB or --tagged A,B: a fleet has no namespaces, and a pipeline is NAMESPACE/NAME"},
      {"-A", "kubectl", "--all to change the whole fleet; reading takes all of it by itself"},
      {"--all-namespaces", "kubectl",
       "--all to change the whole fleet; reading takes all of it by itself"},
      {"--kubeconfig", "kubectl", "--planner ADDRESS or --gateway URL"},
      {"-f", "kubectl", "nothing: desired state is in Git; see deploy sync"},
      {"-address", "nomad", "--planner ADDRESS or --gateway URL"},
      {"--address", "nomad", "--planner ADDRESS or --gateway URL"},
      {"-region", "nomad", "--planner ADDRESS or --gateway URL: each planner has one fleet"},
      {"--region", "nomad", "--planner ADDRESS or --gateway URL: each planner has one fleet"},
      {"-detach", "nomad", "--detach"},
      {"-json", "nomad", "-o json"},
      {"--forks", "ansible", "--max-parallel N"},
      {"--check", "ansible", "gitopsctl plan ACTION…"},
      {"--tags", "ansible", "--tagged A,B for hosts with these tags"},
      {"-b", "ansible", "nothing: the agents have the rights that they need"},
      {"--become", "ansible", "nothing: the agents have the rights that they need"},
      {"--dry-run", "kubectl or morph", "gitopsctl plan ACTION…"},
      {"--reboot", "morph", "the action reboot: gitopsctl deploy sync reboot"},
      {"--upload-secrets", "morph", "the action upload-secrets"},
      {"--force", "kubectl", "-y, which answers every question with yes"},
  };
  return flags;
}

}  // namespace gitops::ctl
