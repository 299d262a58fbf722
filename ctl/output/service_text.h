#ifndef GITOPS_CTL_OUTPUT_SERVICE_TEXT_H_
#define GITOPS_CTL_OUTPUT_SERVICE_TEXT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ctl/output/columns.h"
#include "ctl/output/time_text.h"
#include "gitops/v1/types.pb.h"

namespace gitops::ctl {

// The parts of a service as text for people, escaped.

// Whether it needs somebody's attention: it is in BROKEN or DIFF, or its host's last deployment
// failed its health checks, or its host is STALE.
bool IsDegraded(const v1::Service& service);
// "OK", "FREEZE"…; in color if requested.
std::string StateText(v1::ServiceState state, bool color = false);
// The state as tables show it: with "?" behind it where it is only what a STALE host last reported.
std::string TableStateText(const v1::Service& service, bool color);
// "BEHIND"; empty from agents that do not report it.
std::string SyncText(v1::SyncStatus sync, bool color = false);
// "upstream unreachable"; empty if there is none.
std::string ReasonText(v1::StateReason reason);
// The first 8 digits; "nothing" if there is no hash.
std::string ShortHash(absl::string_view hash);
// "Fix the port (alice, 3d)"; empty if the commit is unset.
std::string CommitText(bool is_set, const v1::Commit& commit, absl::Time now);
// "health checks failed: http port 80: connection refused"; empty if unset.
std::string FailedHealthText(bool is_set, const v1::FailedHealth& failed);
// Of a list: 8 digits, or in the form `wide` the whole hash.
std::string HashText(absl::string_view hash, const TableStyle& style);
// The texts that are not empty, with "; " between them.
std::string Joined(const std::vector<std::string>& texts);
// "NAME  VALUE" lines of those rows that have a value.
std::string FactsText(const std::vector<Row>& facts);

// SERVICE, HASH, STATE, SYNC, AGE, INFO; wide: also the commit, the target, its commit, BRANCH,
// UPSTREAM, BY, REASON, CHANGED.
const Columns<v1::Service>& ServiceColumns();
// The same, with HOST in front.
const Columns<v1::Service>& FleetServiceColumns();
// AGE, REVISION, STATE, BY, TOOK, WHY; wide: also WHEN and the commit.
const Columns<v1::Change>& ChangeColumns();

// All details of one service, in several lines.
std::string ServiceDetails(const v1::Service& service, const TableStyle& style);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_SERVICE_TEXT_H_
