#ifndef GITOPS_SERVICES_PLANNER_PLAN_HOST_SERVICES_H_
#define GITOPS_SERVICES_PLANNER_PLAN_HOST_SERVICES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
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

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_HOST_SERVICES_H_
