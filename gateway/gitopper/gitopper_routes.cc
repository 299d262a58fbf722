#include "gateway/gitopper/gitopper_routes.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"
#include "gateway/front/problem.h"
#include "gateway/gitopper/gitopper_json.h"

namespace gitops {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);
// gitopperctl waits for one second.
constexpr absl::Duration kRollbackTimeout = absl::Milliseconds(700);
// gitopper ignores bodies; curl may send one.
constexpr size_t kMostBody = 4 << 10;

using Answer = absl::StatusOr<HttpServerResponse>;
using AgentHandler = Answer (*)(AgentClient& agent, const HttpServerRequest& request);

HttpServerResponse JsonAnswer(std::string json) {
  return {.body = std::move(json), .content_type = "application/json"};
}

// As Go's http.Error.
HttpServerResponse Text(int status, absl::string_view text) {
  return {.status = status, .body = absl::StrCat(text, "\n")};
}

// `text` without bytes that would break the request to the agent.
std::string Parameter(const HttpServerRequest& request, const std::string& name) {
  const std::string& text = request.parameters.at(name);
  return ValidUtf8(text, text.size());
}

Answer ListMachines(AgentClient& agent, const HttpServerRequest&) {
  const auto machines = agent.ListMachines();
  if (!machines.ok()) return machines.status();
  return JsonAnswer(GitopperMachines(*machines));
}

Answer ListServices(AgentClient& agent, const HttpServerRequest&) {
  const auto services = agent.ListServices();
  if (!services.ok()) return services.status();
  return JsonAnswer(GitopperServices(*services));
}

Answer ListService(AgentClient& agent, const HttpServerRequest& request) {
  const auto service = agent.GetService(Parameter(request, "service"));
  if (!service.ok()) return service.status();
  return JsonAnswer(GitopperService(*service));
}

Answer Freeze(AgentClient& agent, const HttpServerRequest& request) {
  const auto service = agent.Freeze(Parameter(request, "service"), "");
  if (!service.ok()) return service.status();
  return Text(200, "OK");
}

Answer Unfreeze(AgentClient& agent, const HttpServerRequest& request) {
  const auto service = agent.Unfreeze(Parameter(request, "service"), "");
  if (!service.ok()) return service.status();
  return Text(200, "OK");
}

Answer Rollback(AgentClient& agent, const HttpServerRequest& request) {
  const auto moved = agent.Rollback(Parameter(request, "service"), Parameter(request, "hash"), "");
  // The agent continues.
  if (!moved.ok() && !absl::IsDeadlineExceeded(moved.status())) return moved.status();
  return Text(200, "OK");
}

// As Go's hex.DecodeString.
bool IsHex(const std::string& text) {
  return text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

// "web1" of "web1:8000"; "::1" of "[::1]:8000".
std::string HostOf(const HttpServerRequest& request) {
  const std::string header = request.Header("Host");
  if (header.starts_with("[")) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

absl::StatusOr<AgentClient> AgentFor(const GitopperAgents& agents, const HttpServerRequest& request,
                                     const Caller& caller) {
  const std::string host = HostOf(request);
  absl::Status unknown = absl::OkStatus();
  if (agents.of_host != nullptr && !host.empty() && IsValidUtf8(host)) {
    absl::StatusOr<AgentClient> agent = agents.of_host(host, caller);
    if (agent.ok() || !absl::IsNotFound(agent.status())) return agent;
    unknown = agent.status();
  }
  if (agents.only != nullptr) return agents.only(caller);
  return MakeError(Reason::kHostUnknown,
                   absl::StrCat("the fleet has no host ", ValidUtf8(host, 255),
                                ", which the Host header names, and the gateway has no --agent"),
                   {{"host", ValidUtf8(host, 255)}});
}

HttpServerResponse ErrorAnswer(const absl::Status& error) {
  if (!absl::IsNotFound(error) || HasReason(error, Reason::kHostUnknown)) return ProblemOf(error);
  if (HasReason(error, Reason::kRevisionUnknown)) {
    return Text(404, absl::StrCat("Not Found, ", error.message()));
  }
  return Text(404, "Not Found");
}

HttpServerResponse Ask(const GitopperAgents& agents, AgentHandler handler, absl::Duration timeout,
                       const GatewayCaller& caller, const HttpServerRequest& request) {
  Caller service = caller.ForService();
  service.deadline = absl::Now() + timeout;
  absl::StatusOr<AgentClient> agent = AgentFor(agents, request, service);
  if (!agent.ok()) return ErrorAnswer(agent.status());
  const Answer answer = handler(*agent, request);
  return answer.ok() ? *answer : ErrorAnswer(answer.status());
}

HttpServerResponse AskForRollback(const GitopperAgents& agents, const GatewayCaller& caller,
                                  const HttpServerRequest& request) {
  // Before the service is looked up, as in gitopper.
  const std::string hash = Parameter(request, "hash");
  if (!IsHex(hash)) return Text(404, "Not Acceptable, not a valid git hash: " + hash);
  return Ask(agents, Rollback, kRollbackTimeout, caller, request);
}

}  // namespace

std::vector<HttpRoute> GitopperRoutes(Front* front, const GitopperAgents& agents) {
  const CallLimit limit;
  const auto route =
      [&](const std::string& method, const std::string& path,
          std::function<HttpServerResponse(const GatewayCaller&, const HttpServerRequest&)>
              respond) {
        const Access access = method == "GET" ? Access::kGitopperRead : Access::kGitopperWrite;
        return HttpRoute{.method = method,
                         .path = path,
                         .handler = front->Guard(
                             access, limit.Limit([respond = std::move(respond)](
                                                     const GatewayCaller& caller,
                                                     std::unique_ptr<HttpExchange> exchange) {
                               exchange->Respond(respond(caller, exchange->request()));
                             })),
                         .in_pool = true,
                         .max_body = method == "GET" ? 0 : kMostBody};
      };
  const auto asks = [&](AgentHandler handler) {
    return [agents, handler](const GatewayCaller& caller, const HttpServerRequest& request) {
      return Ask(agents, handler, kTimeout, caller, request);
    };
  };
  const auto rolls_back = [agents](const GatewayCaller& caller, const HttpServerRequest& request) {
    return AskForRollback(agents, caller, request);
  };
  return {route("GET", "/list/machines", asks(ListMachines)),
          route("GET", "/list/services", asks(ListServices)),
          route("GET", "/list/service/{service}", asks(ListService)),
          route("POST", "/state/freeze/{service}", asks(Freeze)),
          route("POST", "/state/unfreeze/{service}", asks(Unfreeze)),
          route("POST", "/state/rollback/{service}/{hash}", rolls_back)};
}

}  // namespace gitops
