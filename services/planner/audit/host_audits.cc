#include "services/planner/audit/host_audits.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock/timestamp.h"

namespace gitops {
namespace {

CallFor For(const Principal& caller, const std::function<bool()>& cancelled) {
  return {.on_behalf_of = OnBehalfOfText(caller), .give_up = cancelled};
}

}  // namespace

HostAudits HostAuditsOf(const Fleet* fleet, AuditCaller* agents, const ReportedAudits* reported) {
  HostAudits audits;
  audits.list =
      [=](const v1::ListAuditRequest& request, const Principal& caller,
          const std::function<bool()>& cancelled) -> absl::StatusOr<v1::ListAuditResponse> {
    const absl::StatusOr<FleetHost> host = fleet->Find(request.host());
    if (!host.ok()) return host.status();
    v1::ListAuditRequest own = request;
    own.clear_host();
    return agents->ListAudit(AgentOf(host->host), For(caller, cancelled), own);
  };
  audits.verify =
      [=](const v1::VerifyAuditRequest& request, const Principal& caller,
          const std::function<bool()>& cancelled) -> absl::StatusOr<v1::VerifyAuditResponse> {
    const absl::StatusOr<FleetHost> host = fleet->Find(request.host());
    if (!host.ok()) return host.status();
    const record::v1::ReportedAudit known = reported->Of(host->host.host());
    v1::VerifyAuditRequest own = request;
    own.clear_host();
    if (!own.has_expected() && known.count() > 0) {
      own.mutable_expected()->set_chain(known.chain());
      own.mutable_expected()->set_count(known.count());
      own.mutable_expected()->set_hash(known.hash());
    }
    absl::StatusOr<v1::VerifyAuditResponse> answer =
        agents->VerifyAudit(AgentOf(host->host), For(caller, cancelled), own);
    if (answer.ok() && !known.fault().empty()) {
      answer->add_problems()->set_message(absl::StrCat(
          "as the planner noticed at ",
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromTimestamp(known.fault_time()),
                           absl::UTCTimeZone()),
          ", ", known.fault(), "; 'gitopsctl acknowledge ", host->host.host(), "' settles it"));
    }
    return answer;
  };
  return audits;
}

}  // namespace gitops
