#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/client/dispatcher_client.h"
#include "common/plan/vocabulary.h"
#include "ctl/client_options.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using nlohmann::json;

constexpr size_t kMostPayload = 32 << 20;

absl::Status BadPayload(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the payload on standard input ", why,
                   R"(; it should be {"host": "web1", "actions": ["sync"]}, or a list of those)"));
}

absl::StatusOr<std::string> ReadPayload(const Console& console) {
  if (console.in == nullptr) return BadPayload("is missing");
  if (console.in_is_terminal) console.err << "gitopsctl: type the payload, then Ctrl-D\n";
  std::string text;
  char part[65536];
  while (console.in->read(part, sizeof(part)) || console.in->gcount() > 0) {
    text.append(part, console.in->gcount());
    if (text.size() > kMostPayload) return BadPayload("is over 32 MiB");
  }
  return text;
}

absl::Status ReadHost(const json& value, v1::HostPayload& payload) {
  if (!value.is_object() || !value.contains("host") || !value["host"].is_string()) {
    return BadPayload("has a host without a name");
  }
  payload.set_host(value["host"].get<std::string>());
  if (!value.contains("actions") || !value["actions"].is_array()) {
    return BadPayload(absl::StrCat("has no list of actions for ", payload.host()));
  }
  for (const json& action : value["actions"]) {
    if (!action.is_string()) {
      return BadPayload(absl::StrCat("has an action that is no text for ", payload.host()));
    }
    payload.add_actions(action.get<std::string>());
  }
  for (const auto& [key, ignored] : value.items()) {
    if (key != "host" && key != "actions") return BadPayload(absl::StrCat("has a member ", key));
  }
  const absl::Status known = CheckActions({payload.actions().begin(), payload.actions().end()});
  return known.ok() ? known : BadPayload(absl::StrCat("has an ", known.message()));
}

absl::Status ReadHosts(const std::string& text, v1::TestHooksRequest& request) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return BadPayload("is not JSON");
  if (!value.is_array()) return ReadHost(value, *request.add_hosts());
  for (const json& host : value) {
    if (absl::Status status = ReadHost(host, *request.add_hosts()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<DispatcherClient> Dispatcher(const FleetContext& context) {
  const Flags& flags = context.invocation.flags;
  return DispatcherClient::New(ClientOptionsFor(flags.hook_dispatcher, flags, context.console));
}

absl::StatusOr<v1::TestHooksResponse> Ask(FleetContext& context,
                                          const v1::TestHooksRequest& request) {
  if (context.invocation.flags.hook_dispatcher.empty()) return context.planner.TestHooks(request);
  auto dispatcher = Dispatcher(context);
  if (!dispatcher.ok()) return dispatcher.status();
  return dispatcher->TestHooks(request);
}

}  // namespace

absl::StatusOr<ExitCode> ListHooks(FleetContext& context) {
  absl::StatusOr<std::vector<v1::Hook>> hooks = std::vector<v1::Hook>();
  if (context.invocation.flags.hook_dispatcher.empty()) {
    hooks = context.planner.ListHooks();
  } else {
    auto dispatcher = Dispatcher(context);
    if (!dispatcher.ok()) return dispatcher.status();
    hooks = dispatcher->ListHooks();
  }
  if (!hooks.ok()) return hooks.status();
  if (absl::Status s = context.fleet.Hooks(*hooks); !s.ok()) return s;
  if (hooks->empty() && context.invocation.flags.hook_dispatcher.empty()) {
    context.console.err << "gitopsctl: no hooks: the planner has no hook dispatcher "
                           "(--hook-dispatcher), or that has none\n";
  } else if (hooks->empty()) {
    context.console.err << "gitopsctl: the hook dispatcher has no hooks\n";
  }
  return kDone;
}

absl::StatusOr<ExitCode> TestHooks(FleetContext& context) {
  const absl::StatusOr<std::string> payload = ReadPayload(context.console);
  if (!payload.ok()) return payload.status();
  v1::TestHooksRequest request;
  if (absl::Status s = ReadHosts(*payload, request); !s.ok()) return s;
  request.set_point(context.argument(0));
  request.set_result(context.invocation.flags.hook_result);
  const absl::StatusOr<v1::TestHooksResponse> response = Ask(context, request);
  if (!response.ok()) return response.status();
  if (absl::Status s = context.fleet.HookTest(*response); !s.ok()) return s;
  if (!response->has_failure()) return kDone;
  context.console.err << "gitopsctl: " << EscapeLine(response->failure().message()) << "\n";
  return kFailed;
}

}  // namespace gitops::ctl
