#include "services/planner/rpc/fleet_commands.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/sync/mutex.h"
#include "common/sync/side_by_side.h"
#include "services/planner/plan/check_spec.h"
#include "services/planner/plan/fleet_selection.h"

namespace gitops {
namespace {

constexpr int kMostAtOnce = 64;

// A host to call.
struct Asked {
  std::shared_ptr<const FleetHost> host;
  int number = 0;     // its place in the selection, from 1 on
  bool known = true;  // to have the service
};

std::vector<Asked> HostsToAsk(const Fleet& fleet, FleetHosts hosts, const std::string& service) {
  std::vector<Asked> asked;
  int number = 0;
  for (auto& host : hosts) {
    ++number;
    const std::vector<v1::Service> services = fleet.Services(host->host.host());
    const bool has = std::any_of(services.begin(), services.end(),
                                 [&](const v1::Service& one) { return one.service() == service; });
    const bool nothing_known = services.empty() && host->host.state() == v1::HOST_STATE_NEVER_SEEN;
    if (has || nothing_known) {
      asked.push_back({.host = std::move(host), .number = number, .known = has});
    }
  }
  return asked;
}

// The indices of `asked` in the order of the calls, online hosts first: a freeze must not wait for
// the timeouts of hosts that are down.
std::vector<int> Order(const std::vector<Asked>& asked) {
  std::vector<int> order(asked.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_partition(order.begin(), order.end(), [&](int i) {
    return asked[i].host->host.state() == v1::HOST_STATE_ONLINE;
  });
  return order;
}

v1::HostOutcome Ask(const FleetCommand& command, const Asked& asked) {
  const v1::Host& host = asked.host->host;
  v1::HostOutcome outcome;
  const absl::Status status = command.ask(AgentOf(host), &outcome);
  outcome.set_host(host.host());
  outcome.set_number(asked.number);
  // Agents have names of their own for their hosts.
  if (outcome.has_service()) {
    outcome.mutable_service()->set_host(host.host());
    if (host.has_failed_health()) {
      *outcome.mutable_service()->mutable_failed_health() = host.failed_health();
    }
  }
  outcome.set_code(static_cast<int>(status.code()));
  outcome.set_message(std::string(status.message()));
  outcome.set_reason(ReasonName(status));
  return outcome;
}

absl::Status NobodyHasIt(const std::string& service, size_t selected) {
  return MakeError(Reason::kServiceUnknown,
                   absl::StrCat("none of the ", selected, " selected hosts has a service \"",
                                service, "\"; gitopsctl list services shows which there are"),
                   {{"service", service}});
}

}  // namespace

absl::Status RunFleetCommand(const Fleet& fleet, const FleetCommand& command) {
  if (absl::Status status = CheckNamedService(command.service); !status.ok()) return status;
  absl::StatusOr<FleetHosts> hosts =
      SelectHosts(fleet, command.selection, command.changes, command.cancelled);
  if (!hosts.ok()) return hosts.status();
  if (hosts->empty()) return NoHostSelected(command.selection, fleet.Hosts());
  const size_t selected = hosts->size();
  const std::vector<Asked> all = HostsToAsk(fleet, *std::move(hosts), command.service);
  for (const Asked& each : all) {
    absl::Status allowed = command.allowed ? command.allowed(*each.host) : absl::OkStatus();
    if (!allowed.ok()) return allowed;
  }
  const std::vector<int> order = Order(all);
  const auto cancelled = [&] { return command.cancelled && command.cancelled(); };
  Mutex telling;
  bool told = false;
  SideBySide(static_cast<int>(all.size()), kMostAtOnce, [&](int turn) {
    if (cancelled()) return;
    const Asked& asked = all[order[turn]];
    v1::HostOutcome outcome = Ask(command, asked);
    if (!asked.known && outcome.reason() == InfoOf(Reason::kServiceUnknown).name) return;
    MutexLock lock(telling);
    told = true;
    command.outcome(std::move(outcome));
  });
  if (cancelled()) return absl::CancelledError("the caller is gone");
  return told ? absl::OkStatus() : NobodyHasIt(command.service, selected);
}

}  // namespace gitops
