#ifndef GITOPS_SERVICES_PLANNER_FLEET_REPORTER_RULE_H_
#define GITOPS_SERVICES_PLANNER_FLEET_REPORTER_RULE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/principal.h"

namespace gitops {

// Who may report for which hosts. Plain functions.

// Returns those of a host's names for which this caller may report: all of them, unless a
// certificate proves who calls. Then it must be the certificate of an agent, and only its own name
// counts. PERMISSION_DENIED: none of them.
absl::StatusOr<std::vector<std::string>> ReportableNames(const Principal& caller,
                                                         const std::vector<std::string>& names);

// Whether `newer` may take over a host from the live stream of `older`. A caller with a certificate
// may take over from itself and from callers without one. A caller without a certificate may never
// take over from one with a certificate. Between two callers without certificates, the address must
// be the same, or both streams must come from the same run of an agent whose address changed.
bool MayTakeOver(const Principal& older, const Principal& newer, bool same_run);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_REPORTER_RULE_H_
