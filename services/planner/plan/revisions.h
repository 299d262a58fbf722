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
#include "services/planner/fleet/fleet.h"
#include "services/planner/plan/select_hooks.h"

namespace gitops {

// A service that a sync moves.
struct CoordinatedService {
  std::string service, upstream, branch;
  std::string hash;  // as last reported
  bool frozen = false;
};

// What is known of one chosen host's services.
struct HostServices {
  bool known = false;        // it has reported, or the configuration places some there
  bool reported = false;     // so hashes and freezes are known
  bool has_service = false;  // the one that was asked for
  std::vector<CoordinatedService> coordinated;
};

// In the order of `hosts`; only `service`, if it is not empty.
std::vector<HostServices> ServicesOfHosts(const Fleet& fleet, const std::vector<ChosenHost>& hosts,
                                          const std::string& service);

// NOT_FOUND: some of the hosts are known, and none of those has `service`.
absl::Status CheckServiceThere(const std::vector<HostServices>& hosts, const std::string& service);

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
