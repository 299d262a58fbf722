#ifndef GITOPS_CTL_OUTPUT_FLEET_TEXT_H_
#define GITOPS_CTL_OUTPUT_FLEET_TEXT_H_

#include <string>
#include <vector>

#include "ctl/output/columns.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Hosts of the fleet and the outcomes of commands, as text for people, escaped.

// "ONLINE", "STALE", "NEVER_SEEN"; in color if requested.
std::string HostStateText(v1::HostState state, bool color);
// "deployment 2026… of alice@laptop"; empty if it is not locked.
std::string LockText(const v1::Host& host);

// Whether it needs somebody's attention: it does not report, has degraded services, failed the
// health checks of its last deployment, or does not use its config file as it is.
bool IsDegraded(const v1::Host& host);
// Why, without states and counts; empty if it is not.
std::string TroubleText(const v1::Host& host);

// HOST, STATE, AGE, SEEN, SERVICES, DEGRADED, BEHIND, INFO; wide: also HEALTH, CONFIG, CONFIG AGE,
// CONFIG FAULT, LOCKED BY, TAGS, ADDRESS, VERSION, SINCE, LAST SEEN.
const Columns<v1::Host>& HostColumns();
// All details of one host, in several lines.
std::string HostDetails(const v1::Host& host, const TableStyle& style);
// The same, and its services.
std::string HostDescription(const v1::Host& host, const std::vector<v1::Service>& services,
                            const TableStyle& style);

// HOST, DEPLOYMENT, AGE, ACTOR; wide: also SINCE, PLANNER, FENCING.
const Columns<v1::HostLock>& LockColumns();

// Whether the host could not be reached.
bool IsUnreachable(const v1::HostOutcome& outcome);
// "done", or the code: "UNAVAILABLE".
std::string OutcomeText(const v1::HostOutcome& outcome);
// HOST, OUTCOME, HASH, STATE, MESSAGE: the outcome, and the state of its service now.
const Columns<v1::HostOutcome>& OutcomeColumns();
// The differences of all hosts; equal ones once, with the hosts that have them.
std::string OutcomeDifferences(const std::vector<v1::HostOutcome>& outcomes, bool color);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_FLEET_TEXT_H_
