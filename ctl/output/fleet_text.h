#ifndef GITOPS_CTL_OUTPUT_FLEET_TEXT_H_
#define GITOPS_CTL_OUTPUT_FLEET_TEXT_H_

#include <string>
#include <vector>

#include "ctl/output/table.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Hosts of the fleet and the outcomes of commands, as text for people, escaped.

// "ONLINE", "STALE", "NEVER_SEEN"; in color if requested.
std::string HostStateText(v1::HostState state, bool color);
// "deployment 2026… of alice@laptop"; empty if it is not locked.
std::string LockText(const v1::Host& host);

// #, HOST, STATE, SINCE, LAST SEEN, SERVICES, DEGRADED, LOCKED BY; wide: TAGS, ADDRESS, VERSION.
Row HostHeader(bool wide);
// The column of the state.
inline constexpr size_t kHostStateColumn = 2;
Row HostRow(size_t number, const v1::Host& host, bool wide, bool color);
// All details of one host, in several lines.
std::string HostDetails(const v1::Host& host, bool color);

// #, HOST, DEPLOYMENT, ACTOR, SINCE; wide: PLANNER, FENCING.
Row LockHeader(bool wide);
Row LockRow(size_t number, const v1::HostLock& lock, bool wide, bool color);

// The same as ServiceRow, with the host before the service.
Row FleetServiceHeader(bool wide);
inline constexpr size_t kFleetServiceStateColumn = 4;
Row FleetServiceRow(size_t number, const v1::Service& service, bool wide, bool color);

// Whether the host could not be reached.
bool IsUnreachable(const v1::HostOutcome& outcome);
// "done", or the code: "UNAVAILABLE".
std::string OutcomeText(const v1::HostOutcome& outcome);
// A row for each host: the outcome, and the state of its service now.
std::string OutcomesTable(const std::vector<v1::HostOutcome>& outcomes, bool color);
// The differences of all hosts, one per line, with the host first.
std::string OutcomeDifferences(const std::vector<v1::HostOutcome>& outcomes);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_FLEET_TEXT_H_
