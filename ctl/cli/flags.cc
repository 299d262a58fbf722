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
       "how results are printed (default table)",
       kVariable},
      {"timeout",
       "",
       "DURATION",
       {},
       kGroup,
       "give up after this long (default 30s; what changes hosts 5m; watching and waiting for a "
       "deployment never)",
       kVariable},
      {"planner",
       "",
       "ADDRESS",
       {},
       kGroup,
       "the planner that is asked where no @HOST is given (default 127.0.0.1:8001)",
       kVariable},
      {"insecure", "", "", {}, kGroup, "speak plain text to other machines too", kVariable},
      {"tls-dir",
       "",
       "DIR",
       {},
       kGroup,
       "ca.crt, tls.crt and tls.key (not in this version)",
       kVariable},
      {"context", "", "NAME", {}, kGroup, "a stored set of flags (not in this version)", kVariable},
      {"yes", "y", "", {}, kGroup, "do not ask before destructive commands", kVariable},
      {"color",
       "",
       "WHEN",
       {"auto", "always", "never"},
       kGroup,
       "colour states in tables (default auto: on a terminal, unless NO_COLOR is set)",
       kVariable},
      {"help", "h", "", {}, kGroup, "explain the command"},
  };
}

std::vector<FlagSpec> OwnFlags() {
  constexpr FlagGroup kGroup = FlagGroup::kOwn;
  return {
      {"watch", "w", "", {}, kGroup, "print every change until interrupted", kVariable},
      {"reason", "", "TEXT", {}, kGroup, "why; kept with the change", kVariable},
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
       "deployments in this state; may be given again",
       false,
       kRepeats},
      {"host", "", "HOST", {}, kGroup, "deployments that concern this host"},
      {"actor", "", "NAME", {}, kGroup, "deployments that this person or program began"},
      {"since", "", "TIME", {}, kGroup, "created then or later: RFC 3339, or 2h for two hours ago"},
      {"until", "", "TIME", {}, kGroup, "created before then"},
      {"no-wait", "", "", {}, kGroup, "refuse at once where a host is locked"},
      {"detach", "", "", {}, kGroup, "do not wait for the end"},
      {"result",
       "",
       "RESULT",
       {"ok", "failed", "skipped"},
       kGroup,
       "how the step ended that a post- hook is told of (default ok)"},
      {"hook-dispatcher",
       "",
       "ADDRESS",
       {},
       kGroup,
       "ask this hook dispatcher (port 8002) instead of the planner",
       kVariable},
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
       "hosts whose name matches (*, ?, [...], {a,b}); may be given again",
       false,
       kRepeats},
      {"tagged", "", "A,B", {}, kGroup, "hosts that have all of these tags", false, kRepeats},
      {"order-by-tags",
       "",
       "A,B",
       {},
       kGroup,
       "hosts with the first tag first, and so on",
       false,
       kRepeats},
      {"skip", "", "N", {}, kGroup, "leave out the first N hosts"},
      {"every", "", "N", {}, kGroup, "of what is left the first, and every N-th after it"},
      {"limit", "", "N", {}, kGroup, "at most N hosts"},
      {"all", "", "", {}, kGroup, "the whole fleet is meant"},
  };
}

std::vector<FlagSpec> PlanFlags() {
  constexpr FlagGroup kGroup = FlagGroup::kPlan;
  return {
      {"service", "", "SERVICE", {}, kGroup, "sync, freeze, unfreeze: only this service"},
      {"revision", "", "HASH", {}, kGroup, "sync: to this commit (default the tip of each branch)"},
      {"canary", "", "N", {}, kGroup, "a first wave of N hosts"},
      {"batch", "", "N|P%", {}, kGroup, "so many hosts in each wave after it (default all)"},
      {"max-parallel", "", "N", {}, kGroup, "so many hosts under way at a time (default 1)"},
      {"max-failures", "", "N|P%", {}, kGroup, "stop when more hosts have failed (default 0)"},
      {"pause-between", "", "DURATION", {}, kGroup, "wait this long between waves"},
      {"on-failure",
       "",
       "WHAT",
       {"stop", "continue", "rollback"},
       kGroup,
       "when too many hosts failed (default stop)"},
      {"catch-up",
       "",
       "",
       {},
       kGroup,
       "wait for hosts that cannot be reached, and do them when back"},
      {"catch-up-timeout", "", "DURATION", {}, kGroup, "wait so long for them (default 1h)"},
      {"skip-health-checks", "", "", {}, kGroup, "do not wait until a host is healthy"},
      {"skip-pre-deploy-checks", "", "", {}, kGroup, "do not check hosts before the first change"},
      {"health-timeout",
       "",
       "DURATION",
       {},
       kGroup,
       "a host must be healthy within this (default 5m)"},
      {"reboot-timeout",
       "",
       "DURATION",
       {},
       kGroup,
       "a host must be back within this after a reboot (default 10m)"},
      {"ignore-hook-errors", "", "", {}, kGroup, "go on although a hook failed"},
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
