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

// Who can say where a branch of an upstream stands: agents that follow it, those that are online
// first.
struct RevisionSource {
  struct Candidate {
    int host = 0;  // index of the chosen host
    std::string service;
  };
  std::string upstream, branch;
  std::vector<Candidate> candidates;
};

// Every (upstream, branch) of the coordinated services, in the order in which they are met.
std::vector<RevisionSource> SourcesOf(const std::vector<ChosenHost>& hosts,
                                      const std::vector<HostServices>& services);

struct ResolveContext {
  RevisionResolver* agents = nullptr;  // not owned
  Clock* clock = nullptr;              // not owned
  std::string revision;                // whole or its first digits; empty: the tips
  std::function<bool()> give_up;
};

// The revision of each source, asked side by side, each of one agent; where that does not answer,
// of the next. With a `revision`, sources that do not have it are left out, unless none has it:
// NOT_FOUND. UNAVAILABLE: nobody could tell; names upstream and agents. CANCELLED: gave up. Others
// as ResolveRevision. `lenient`: whatever cannot be told is left out.
absl::StatusOr<std::vector<v1::UpstreamRevision>> ResolveRevisions(
    const ResolveContext& context, const std::vector<ChosenHost>& hosts,
    const std::vector<RevisionSource>& sources, bool lenient);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_REVISIONS_H_
