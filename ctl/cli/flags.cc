#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "ctl/cli/grammar.h"

namespace gitops::ctl {
namespace {

// For `variable` and `repeats` of FlagSpec.
constexpr bool kVariable = true;
constexpr bool kRepeats = true;

std::vector<FlagSpec> GlobalFlags() {
  constexpr FlagGroup kGroup = FlagGroup::kGlobal;
  return {
      {"output",
       "o",
       "FORM",
       {"table", "wide", "json", "yaml", "name"},
       kGroup,
       "output format (default table)",
       kVariable},
      {"timeout",
       "",
       "DURATION",
       {},
       kGroup,
       "time limit of the command (default 30s; 5m for changes and plans; none for watches and for "
       "waiting on a deployment)",
       kVariable},
      {"planner",
       "",
       "ADDRESS",
       {},
       kGroup,
       absl::StrCat("address of the planner, used without @HOST (default ", Loopback(kPlannerPort),
                    ")"),
       kVariable},
      {"promotion-receiver",
       "",
       "ADDRESS",
       {},
       kGroup,
       absl::StrCat("address of the promotion receiver (default ", Loopback(kPromotionReceiverPort),
                    "); with check: also check its pipelines"),
       kVariable},
      {"gateway",
       "",
       "URL",
       {},
       kGroup,
       "call the planner and the promotion receiver through this gateway, with the token in "
       "GITOPS_TOKEN",
       kVariable},
      {"insecure", "", "", {}, kGroup, "allow plain text to other machines", kVariable},
      {"tls-dir",
       "",
       "DIR",
       {},
       kGroup,
       "directory of the gateway's ca.crt; also tls.crt and tls.key of this client, if it has them",
       kVariable},
      {"context", "", "NAME", {}, kGroup, "a stored set of flags (not in this version)", kVariable},
      {"yes", "y", "", {}, kGroup, "answer yes to every question", kVariable},
      {"color",
       "",
       "WHEN",
       {"auto", "always", "never"},
       kGroup,
       "color states in tables (default auto: on a terminal, unless NO_COLOR is set)",
       kVariable},
      {"help", "h", "", {}, kGroup, "show help for the command"},
  };
}

std::vector<FlagSpec> OwnFlags() {
  constexpr FlagGroup kGroup = FlagGroup::kOwn;
  return {
      {"watch", "w", "", {}, kGroup, "print every change until interrupted", kVariable},
      {"reason", "", "TEXT", {}, kGroup, "the reason, stored with the change", kVariable},
      {"plan",
       "",
       "TOKEN",
       {},
       kGroup,
       "deploy exactly what `gitopsctl plan` showed with this token"},
      {"state",
       "",
       "STATE",
       {"pending", "running", "succeeded", "failed", "cancelled", "interrupted"},
       kGroup,
       "only deployments in this state; repeatable",
       false,
       kRepeats},
      {"host", "", "HOST", {}, kGroup, "only deployments with this host"},
      {"actor", "", "NAME", {}, kGroup, "only deployments that this person or program started"},
      {"since",
       "",
       "TIME",
       {},
       kGroup,
       "only those created at this time or later: RFC 3339, or an age (2h)"},
      {"until", "", "TIME", {}, kGroup, "only those created before this time"},
      {"no-wait", "", "", {}, kGroup, "fail at once if a host is locked"},
      {"detach", "", "", {}, kGroup, "do not wait for the deployment to end"},
      {"result",
       "",
       "RESULT",
       {"ok", "failed", "skipped"},
       kGroup,
       "the result of the step that a post- hook receives (default ok)"},
      {"hook-dispatcher",
       "",
       "ADDRESS",
       {},
       kGroup,
       absl::StrCat("call this hook dispatcher (port ", kHookDispatcherPort,
                    ") directly, without the planner"),
       kVariable},
      {"promotion-state",
       "",
       "STATE",
       {"ignored", "observing", "soaking", "waiting-approval", "waiting-window", "held", "running",
        "succeeded", "failed", "rejected", "superseded"},
       kGroup,
       "only promotions in this state; repeatable",
       false,
       kRepeats},
      {"force", "", "", {}, kGroup, "approve before the soak is over; needs --reason"},
      {"flux-manifests",
       "",
       "",
       {},
       kGroup,
       "print Flux's Provider and Alert for each environment but the last; needs --address"},
      {"address", "", "URL", {}, kGroup, "the gateway's URL, as the clusters reach it"},
      {"flux-api",
       "",
       "VERSION",
       {"v1beta3", "v1beta1"},
       kGroup,
       "the version of notification.toolkit.fluxcd.io (default v1beta3)"},
      {"name", "", "NAME", {}, kGroup, "the token's name, which records and logs show"},
      {"role",
       "",
       "ROLE",
       {"viewer", "operator", "approver", "admin"},
       kGroup,
       "what the token may do"},
      {"expires",
       "",
       "DURATION",
       {},
       kGroup,
       "how long the token is valid: 90d, 12h (default: for ever)"},
  };
}

std::vector<FlagSpec> SelectionFlags() {
  constexpr FlagGroup kGroup = FlagGroup::kSelection;
  return {
      {"on",
       "",
       "GLOB",
       {},
       kGroup,
       "hosts whose name matches (*, ?, [...], {a,b}); repeatable",
       false,
       kRepeats},
      {"tagged", "", "A,B", {}, kGroup, "hosts that have all of these tags", false, kRepeats},
      {"order-by-tags",
       "",
       "A,B",
       {},
       kGroup,
       "hosts with the first tag come first, and so on",
       false,
       kRepeats},
      {"skip", "", "N", {}, kGroup, "omit the first N hosts"},
      {"every",
       "",
       "N",
       {},
       kGroup,
       "keep the first of the remaining hosts, and every N-th after it"},
      {"limit", "", "N", {}, kGroup, "at most N hosts"},
      {"all", "", "", {}, kGroup, "select the whole fleet"},
  };
}

std::vector<FlagSpec> PlanFlags() {
  constexpr FlagGroup kGroup = FlagGroup::kPlan;
  return {
      {"service", "", "SERVICE", {}, kGroup, "sync, freeze, unfreeze: only this service"},
      {"revision", "", "HASH", {}, kGroup, "sync: the commit (default the tip of each branch)"},
      {"canary", "", "N", {}, kGroup, "a first wave of N hosts"},
      {"batch", "", "N|P%", {}, kGroup, "hosts in each later wave (default all remaining)"},
      {"max-parallel", "", "N", {}, kGroup, "maximum hosts in progress (default 1)"},
      {"max-failures",
       "",
       "N|P%",
       {},
       kGroup,
       "stop when more hosts than this have failed (default 0)"},
      {"pause-between", "", "DURATION", {}, kGroup, "wait this long between waves"},
      {"on-failure",
       "",
       "WHAT",
       {"stop", "continue", "rollback"},
       kGroup,
       "what to do when too many hosts have failed (default stop)"},
      {"catch-up",
       "",
       "",
       {},
       kGroup,
       "wait for unreachable hosts, and deploy to them when they are back"},
      {"catch-up-timeout",
       "",
       "DURATION",
       {},
       kGroup,
       "how long to wait for unreachable hosts (default 1h)"},
      {"skip-health-checks", "", "", {}, kGroup, "do not wait until a host is healthy"},
      {"skip-pre-deploy-checks",
       "",
       "",
       {},
       kGroup,
       "do not run the checks before a host's first change"},
      {"health-timeout",
       "",
       "DURATION",
       {},
       kGroup,
       "time for a host to become healthy (default 5m)"},
      {"reboot-timeout",
       "",
       "DURATION",
       {},
       kGroup,
       "time for a host to be back after a reboot (default 10m)"},
      {"ignore-hook-errors", "", "", {}, kGroup, "continue when a hook fails"},
  };
}

}  // namespace

const std::vector<FlagSpec>& FlagSpecs() {
  static const auto& flags = *[] {
    auto* all = new std::vector<FlagSpec>;
    for (const auto& group : {OwnFlags(), SelectionFlags(), PlanFlags(), GlobalFlags()}) {
      all->insert(all->end(), group.begin(), group.end());
    }
    return all;
  }();
  return flags;
}

}  // namespace gitops::ctl
