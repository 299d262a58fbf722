#ifndef GITOPS_SERVICES_PLANNER_PLAN_REVISIONS_H_
#define GITOPS_SERVICES_PLANNER_PLAN_REVISIONS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
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
  std::string hash;       // as last reported
  std::string frozen_by;  // empty: it is not frozen
  std::string why;        // it is frozen; may be empty
  std::string paths;      // what it publishes, in a form that is equal for equal ones

  bool frozen() const { return !frozen_by.empty(); }
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

// SERVICE_UNKNOWN: none of so many hosts has it.
absl::Status NobodyHas(const std::string& service, int64_t asked);

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

// What an agent said about services that follow a branch: whether the plan's commit changes their
// files. It holds on every host for services that publish the same paths of the same commit.
class Touched {
 public:
  // `named`: the services of `host` whose files the commit changes.
  void Learn(const RevisionSource& source, const HostServices& host, const v1::ServiceNames& named);
  // False: it changes files, or that is not known.
  bool ChangesNothing(const CoordinatedService& service) const;
  bool IsKnown(const CoordinatedService& service) const;
  // Some agent could say it of services that follow this branch, so others may, too.
  bool IsTold(const CoordinatedService& service) const;

 private:
  std::map<std::string, bool> changes_;                 // by upstream, branch, commit and paths
  std::set<std::pair<std::string, std::string>> told_;  // upstreams and branches
};

// Resolves all sources concurrently. Asks one agent per source, and the next one if that does not
// answer. With a `revision`, sources that do not have it are left out; NOT_FOUND: none has it.
// UNAVAILABLE: no agent could tell; names upstream and agents. CANCELLED: gave up. Others as
// ResolveRevision. `lenient`: sources that cannot be resolved are left out.
absl::StatusOr<std::vector<v1::UpstreamRevision>> ResolveRevisions(
    const ResolveContext& context, const std::vector<ChosenHost>& hosts,
    const std::vector<RevisionSource>& sources, const std::vector<HostServices>& services,
    bool lenient, Touched& touched);

// Asks further agents, a few at most and for a short time, about services of which no agent has
// said yet whether the commit changes their files. What nobody tells stays unknown.
void LearnTouched(const ResolveContext& context, const std::vector<ChosenHost>& hosts,
                  const std::vector<HostServices>& services,
                  const std::vector<v1::UpstreamRevision>& revisions, Touched& touched);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_REVISIONS_H_
