#include "services/planner/plan/select_hooks.h"

#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

v1::DispatchHookRequest Request(const SelectHookContext& context, absl::string_view point,
                                const FleetView& fleet, const std::vector<ChosenHost>& hosts) {
  v1::DispatchHookRequest request;
  request.set_point(std::string(point));
  request.mutable_hosts()->Reserve(static_cast<int>(hosts.size()));
  for (const ChosenHost& host : hosts) {
    v1::HostPayload* payload = request.add_hosts();
    payload->set_host(host.host->host.host());
    payload->mutable_actions()->Assign(host.actions->begin(), host.actions->end());
  }
  request.mutable_known_hosts()->Reserve(static_cast<int>(fleet.size()));
  for (const auto& host : fleet) request.add_known_hosts(host->host.host());
  request.set_deployment(context.deployment);
  if (IsPostPoint(point)) request.set_result(v1::STEP_RESULT_OK);
  request.set_idempotency_key(absl::StrCat(context.key, "//0/", point));
  request.set_traceparent(context.traceparent);
  request.set_ignore_errors(context.ignore_errors);
  return request;
}

absl::Status BadAnswer(absl::string_view point, absl::string_view host, absl::string_view what) {
  return MakeError(Reason::kHookStopped,
                   absl::StrCat("the hooks at ", point, " answered with \"",
                                absl::CHexEscape(host.substr(0, 100)), "\", ", what),
                   {{"point", std::string(point)}});
}

// Finds the payload's hosts in the fleet. The dispatcher has checked the answer of each hook; this
// ensures that nothing is deployed that the planner does not know.
absl::StatusOr<std::vector<ChosenHost>> Read(absl::string_view point, const FleetView& fleet,
                                             v1::DispatchHookResponse& response,
                                             ActionLists& lists) {
  std::unordered_map<std::string_view, const FleetHost*> known;
  known.reserve(fleet.size());
  for (const auto& host : fleet) known.emplace(host->host.host(), host.get());
  std::vector<ChosenHost> chosen;
  chosen.reserve(response.hosts_size());
  for (v1::HostPayload& payload : *response.mutable_hosts()) {
    const auto found = known.find(payload.host());
    if (found == known.end()) return BadAnswer(point, payload.host(), "which is not in the fleet");
    if (found->second == nullptr) return BadAnswer(point, payload.host(), "which is there twice");
    std::vector<std::string> actions(payload.actions().begin(), payload.actions().end());
    if (const absl::Status status = CheckActions(actions); !status.ok()) {
      return BadAnswer(point, payload.host(), status.message());
    }
    chosen.push_back({.host = std::exchange(found->second, nullptr),
                      .actions = &lists.emplace_back(std::move(actions))});
  }
  return chosen;
}

}  // namespace

absl::StatusOr<std::vector<ChosenHost>> AskSelectHooks(const SelectHookContext& context,
                                                       absl::string_view point,
                                                       const FleetView& fleet,
                                                       std::vector<ChosenHost> hosts,
                                                       ActionLists& lists) {
  if (!context.hooks->configured()) return hosts;
  absl::StatusOr<v1::DispatchHookResponse> response =
      context.hooks->Dispatch(Request(context, point, fleet, hosts), context.give_up);
  if (!response.ok()) return response.status();
  for (v1::HookCall& call : *response->mutable_calls()) context.calls->push_back(std::move(call));
  if (!response->has_failure()) return Read(point, fleet, *response, lists);
  const v1::HookFailure& failure = response->failure();
  return MakeError(Reason::kHookStopped,
                   failure.message().empty()
                       ? absl::StrCat("hook \"", failure.hook(), "\" at ", point,
                                      " stopped it with status ", failure.http_status())
                       : failure.message(),
                   {{"hook", failure.hook()},
                    {"point", std::string(point)},
                    {"http_status", absl::StrCat(failure.http_status())}});
}

}  // namespace gitops
