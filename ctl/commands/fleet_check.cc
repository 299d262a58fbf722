#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/client/promotion_client.h"
#include "common/text/plural.h"
#include "ctl/client_options.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/selected.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_text.h"

namespace gitops::ctl {
namespace {

// The last report of a silent host proves nothing.
bool IsUnknown(const v1::Service& service) { return service.sync() == v1::SYNC_STATUS_UNKNOWN; }

bool IsWell(const v1::Service& service) {
  if (IsUnknown(service)) return false;
  return service.state() == v1::SERVICE_STATE_OK || service.state() == v1::SERVICE_STATE_FREEZE;
}

void TellDamage(FleetContext& context, const v1::DamagedRecord& record) {
  context.console.err << "gitopsctl: the planner's record " << record.key() << " is damaged; ";
  const absl::string_view host = absl::StripPrefix(record.key(), "planner/v1/lock/");
  if (record.kind() == "lock") {
    context.console.err << "its host stays locked until its lease ends, or `gitopsctl break lock "
                        << host << "`\n";
  } else {
    context.console.err << "`gitopsctl remove-record " << record.key() << " -y` removes it\n";
  }
}

// The number of pipelines whose file cannot be used, and of damaged records of the receiver. Only
// with --promotion-receiver: many fleets have none.
absl::StatusOr<size_t> CheckReceiver(FleetContext& context) {
  const Flags& flags = context.invocation.flags;
  if (flags.promotion_receiver.empty()) return size_t{0};
  auto receiver =
      PromotionClient::New(ClientOptionsFor(flags.promotion_receiver, flags, context.console));
  if (!receiver.ok()) return receiver.status();
  const absl::StatusOr<std::vector<v1::Pipeline>> pipelines = receiver->ListPipelines();
  if (!pipelines.ok()) return pipelines.status();
  size_t bad = 0;
  for (const v1::Pipeline& pipeline : *pipelines) {
    if (pipeline.error().empty()) continue;
    ++bad;
    context.console.err << "gitopsctl: the file of pipeline "
                        << EscapeLine(absl::StrCat(pipeline.namespace_(), "/", pipeline.pipeline(),
                                                   " cannot be used: ", pipeline.error()))
                        << "\n";
  }
  const auto damaged = receiver->ListDamagedRecords();
  if (!damaged.ok()) return damaged.status();
  for (const v1::DamagedPromotionRecord& record : *damaged) {
    const std::string key = EscapeLine(record.key());
    context.console.err << "gitopsctl: the promotion receiver's record " << key
                        << " is damaged; `gitopsctl remove-record " << key << " -y` removes it\n";
  }
  return bad + damaged->size();
}

}  // namespace

absl::StatusOr<ExitCode> CheckFleet(FleetContext& context) {
  const std::vector<std::string>& wanted = context.invocation.arguments;
  const absl::StatusOr<std::vector<v1::Host>> hosts =
      context.planner.ListHosts(context.selection());
  if (!hosts.ok()) return hosts.status();
  if (hosts->empty()) {
    if (absl::Status s = RequireHosts(context); !s.ok()) return s;
  }
  const absl::StatusOr<std::vector<v1::Service>> services =
      context.planner.ListServices(context.selection(), wanted.size() == 1 ? wanted[0] : "");
  if (!services.ok()) return services.status();

  std::vector<v1::Service> unwell;
  std::set<std::string> looked_at_hosts;
  std::set<std::string> found;
  size_t looked_at = 0, unknown = 0;
  for (const v1::Service& service : *services) {
    const std::string& name = service.service();
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    ++looked_at;
    found.insert(name);
    looked_at_hosts.insert(service.host());
    if (IsUnknown(service)) ++unknown;
    if (!IsWell(service)) unwell.push_back(service);
  }
  for (const std::string& name : wanted) {
    if (found.contains(name)) continue;
    if (absl::Status s = ExplainNothing(context, name); !s.ok()) return s;
  }
  std::vector<v1::Host> silent;
  std::vector<v1::Host> unwell_hosts;
  size_t failed = 0;  // hosts that report and are unwell
  for (const v1::Host& host : *hosts) {
    const bool concerned = wanted.empty() || looked_at_hosts.contains(host.host());
    if (!concerned) continue;
    const bool reports = host.state() == v1::HOST_STATE_ONLINE;
    if (!reports) silent.push_back(host);
    if (reports && (host.has_failed_health() || !host.config().fault().empty())) ++failed;
    if (!reports || !TroubleText(host).empty()) unwell_hosts.push_back(host);
  }
  size_t damaged = 0;
  if (wanted.empty()) {
    const absl::StatusOr<std::vector<v1::DamagedRecord>> records =
        context.planner.ListDamagedRecords();
    if (!records.ok()) return records.status();
    for (const v1::DamagedRecord& record : *records) TellDamage(context, record);
    damaged = records->size();
  }
  const absl::StatusOr<size_t> of_receiver =
      wanted.empty() ? CheckReceiver(context) : absl::StatusOr<size_t>(0);
  if (!of_receiver.ok()) return of_receiver.status();
  if (absl::Status status = context.fleet.Unwell(unwell_hosts, unwell); !status.ok()) return status;
  std::ostream& err = context.console.err;
  err << "gitopsctl: " << CountedOf(looked_at - unwell.size(), looked_at, "service")
      << " OK or FREEZE, ";
  if (unknown > 0) err << Counted(unknown, "service") << " unknown, ";
  err << CountedOf(silent.size(), hosts->size(), "host") << " not reporting";
  if (failed > 0) {
    err << ", " << Counted(failed, "host") << " with failed health checks or a rejected config";
  }
  err << "\n";
  return unwell.empty() && silent.empty() && failed == 0 && damaged == 0 && *of_receiver == 0
             ? kDone
             : kFailed;
}

absl::StatusOr<ExitCode> RemoveRecord(FleetContext& context) {
  const std::string& key = context.argument(0);
  const absl::Status confirmed =
      Confirm(context, absl::StrCat("Remove the damaged record ", key, " of the planner?"));
  if (!confirmed.ok()) return confirmed;
  if (absl::Status s = context.planner.RemoveDamagedRecord(key); !s.ok()) return s;
  context.console.err << "gitopsctl: the record " << key << " is removed\n";
  return kDone;
}

}  // namespace gitops::ctl
