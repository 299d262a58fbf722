#ifndef GITOPS_SERVICES_PLANNER_PLAN_REVISIONS_H_
#define GITOPS_SERVICES_PLANNER_PLAN_REVISIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "gitops/v1/operation.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/plan/host_services.h"
#include "services/planner/plan/select_hooks.h"

namespace gitops {

// A branch of an upstream, and the agents that can resolve it: those that follow it, online ones
// first.
struct RevisionSource {
  struct Candidate {
    int host = 0;  // index of the chosen host
    std::string service;
  };
  std::string upstream, branch;
  std::vector<Candidate> candidates;
};

// Every (upstream, branch) of the coordinated services, in order of first appearance.
std::vector<RevisionSource> SourcesOf(const std::vector<ChosenHost>& hosts,
                                      const std::vector<HostServices>& services);

struct ResolveContext {
  RevisionResolver* agents = nullptr;  // not owned
  Clock* clock = nullptr;              // not owned
  std::string revision;                // whole or its first digits; empty: the tips
  std::function<bool()> give_up;
};

// Resolves all sources concurrently. Asks one agent per source, and the next one if that does not
// answer. With a `revision`, sources that do not have it are left out; NOT_FOUND: none has it.
// UNAVAILABLE: no agent could tell; names upstream and agents. CANCELLED: gave up. Others as
// ResolveRevision. `lenient`: sources that cannot be resolved are left out.
absl::StatusOr<std::vector<v1::UpstreamRevision>> ResolveRevisions(
    const ResolveContext& context, const std::vector<ChosenHost>& hosts,
    const std::vector<RevisionSource>& sources, bool lenient);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_REVISIONS_H_
