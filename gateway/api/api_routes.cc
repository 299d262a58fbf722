#include "gateway/api/api_routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/api/http_routes.h"
#include "common/client/client.h"
#include "common/clock/clock.h"
#include "common/json/json.h"
#include "common/rpc/error.h"
#include "gateway/api/api_table.h"
#include "gateway/api/etag.h"
#include "gateway/api/host_agents.h"
#include "gateway/api/known_agents.h"
#include "gateway/api/precondition.h"
#include "gateway/api/rpc_access.h"
#include "gateway/api/rpc_event.h"
#include "gateway/api/rpc_request.h"
#include "gateway/api/scope_gate.h"
#include "gateway/front/problem.h"
#include "gitops/v1/agent.pb.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {
namespace {

using Message = RpcCaller::Message;
using Reply = absl::StatusOr<std::unique_ptr<Message>>;

// A request on its way to its server.
struct Job {
  ScopeGate::Call call;
  std::unique_ptr<Message> request;
  std::unique_ptr<HttpExchange> exchange;

  const RpcRoute& route() const { return *call.route; }
  bool limited() const { return !call.caller.scope.everything(); }
};

// The host in the path whose agent is called; empty: none.
std::string HostIn(const RpcMatch& match) {
  for (const auto& [name, value] : match.variables) {
    if (name == match.route->host_variable) return value;
  }
  return "";
}

HttpServerResponse NoRoute(const RpcMatch& match) {
  if (match.allowed.empty()) {
    return ProblemOf(MakeError(Reason::kNotFound, "there is no such path"));
  }
  std::vector<std::string> allowed = match.allowed;
  if (std::count(allowed.begin(), allowed.end(), "GET") > 0) allowed.push_back("HEAD");
  const std::string names = absl::StrJoin(allowed, ", ");
  HttpServerResponse response = ProblemFor(405, absl::StrCat("this path supports only ", names));
  response.headers.emplace_back("Allow", names);
  return response;
}

absl::Duration TimeoutOf(const RpcRoute& route) {
  if (route.http_method != "GET") return kMoveTimeout;
  return route.method->server_streaming() ? absl::InfiniteDuration() : kReadTimeout;
}

HttpServerResponse Answer(const HttpServerRequest& http, const Message& message) {
  const absl::StatusOr<Json> json = ToJson(message);
  if (!json.ok()) return ProblemOf(json.status());
  HttpServerResponse response;
  // A query may ask for more than the resource's version covers.
  const std::string etag = http.query.empty() && http.method != "POST" ? EtagOf(message) : "";
  if (!etag.empty()) response.headers.emplace_back("ETag", etag);
  if (const std::string wanted = http.Header("If-Match");
      http.method != "POST" && !wanted.empty() && !EtagMatches(wanted, etag)) {
    return ProblemFor(412, "the resource has another version than If-Match asks for");
  }
  if (EtagMatches(http.Header("If-None-Match"), etag)) {
    response.status = 304;
    response.content_type = "";
    return response;
  }
  response.content_type = "application/json";
  response.body = ToText(*json) + "\n";
  return response;
}

bool NamesItsHost(const RpcRoute& route) {
  return route.method->output_type() == v1::GetServiceResponse::descriptor();
}

// Whether it is the answer of a route that names its host, and of that host.
bool IsOf(const std::string& host, const Reply& reply) {
  return reply.ok() && static_cast<const v1::GetServiceResponse&>(**reply).service().host() == host;
}

// Content of files is for operators; others see which files differ, and by how many lines.
void HideContent(const GatewayCaller& caller, Message& request) {
  if (CheckRole(Access::kOperator, caller).ok()) return;
  if (auto* one = dynamic_cast<v1::DiffServiceRequest*>(&request)) one->clear_content();
  if (auto* many = dynamic_cast<v1::DiffServicesRequest*>(&request)) many->clear_content();
}

class Api : public std::enable_shared_from_this<Api> {
 public:
  explicit Api(ApiOptions options)
      : options_(std::move(options)),
        agents_({.caller = options_.caller,
                 .planner = options_.planner,
                 .agent = options_.agent,
                 .insecure = options_.insecure,
                 .tls_dir = options_.tls_dir}),
        scopes_(options_.caller, options_.planner) {}

  void Handle(const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
    const HttpServerRequest& http = exchange->request();
    const absl::StatusOr<RpcMatch> match =
        ApiTable().Match(http.method == "HEAD" ? "GET" : http.method, http.path);
    if (!match.ok()) return exchange->Respond(ProblemOf(match.status()));
    if (match->route == nullptr) return exchange->Respond(NoRoute(*match));
    absl::Status status = CheckRole(AccessOf(*match->route), caller);
    if (!status.ok()) options_.front->Refused(caller, http, status);
    const auto job = std::make_shared<Job>();
    if (status.ok()) {
      absl::StatusOr<std::unique_ptr<Message>> request = ReadRpcRequest(*match, http);
      status = request.status();
      if (request.ok()) {
        job->request = *std::move(request);
        HideContent(caller, *job->request);
      }
    }
    if (!status.ok()) return exchange->Respond(ProblemOf(status));
    const auto cancellation = std::make_shared<Cancellation>();
    job->call = {.caller = caller,
                 .route = match->route,
                 .host = HostIn(*match),
                 .options = {.timeout = TimeoutOf(*match->route),
                             .metadata = MetadataFor(caller.ForService()),
                             .cancellation = cancellation}};
    job->exchange = std::move(exchange);
    job->exchange->OnCancel([cancellation] { cancellation->Cancel(); });
    if (!job->limited()) return FindBackend(job);
    scopes_.Admit(
        job->call, *job->request, [self = shared_from_this(), job](absl::Status admitted) {
          if (admitted.ok()) return self->FindBackend(job);
          if (absl::IsPermissionDenied(admitted)) {
            self->options_.front->Refused(job->call.caller, job->exchange->request(), admitted);
          }
          job->exchange->Respond(ProblemOf(admitted));
        });
  }

 private:
  void FindBackend(const std::shared_ptr<Job>& job) {
    const std::string& service = job->route().method->service()->name();
    if (job->route().host_variable.empty()) {
      return service == "PromotionService"
                 ? Start(job, options_.promotion_receiver,
                         {Reason::kPromotionReceiverUnreachable, "--promotion-receiver"})
                 : Start(job, options_.planner, {Reason::kPlannerUnreachable, "--planner"});
    }
    const auto known = NamesItsHost(job->route()) ? known_.Find(job->call.host) : nullptr;
    return known == nullptr ? FindAgent(job) : AskKnown(job, known);
  }

  void FindAgent(const std::shared_ptr<Job>& job) {
    RpcCaller::Options call = job->call.options;
    call.timeout = kReadTimeout;
    agents_.Find(job->call.host, call,
                 [self = shared_from_this(), job,
                  found = Clock::System()->SteadyNow()](HostAgents::AgentOr agent) {
                   if (!agent.ok()) return job->exchange->Respond(ProblemOf(agent.status()));
                   if (!NamesItsHost(job->route())) return self->Call(job, *agent);
                   self->CallUnary(job, *agent, std::move(job->request),
                                   [self, job, agent = *agent, found](Reply reply) {
                                     if (IsOf(job->call.host, reply)) {
                                       self->known_.Put(job->call.host, agent, found);
                                     }
                                     self->Finish(job, std::move(reply));
                                   });
                 });
  }

  // Spares the planner's answer. Whatever the agent answers other than the service of this host,
  // the planner is asked where the agent is, unless there is no time left.
  void AskKnown(const std::shared_ptr<Job>& job, std::shared_ptr<const Backend> agent) {
    std::unique_ptr<Message> request(job->request->New());
    request->CopyFrom(*job->request);
    CallUnary(job, std::move(agent), std::move(request),
              [self = shared_from_this(), job](Reply reply) {
                if (IsOf(job->call.host, reply) || absl::IsDeadlineExceeded(reply.status())) {
                  return self->Finish(job, std::move(reply));
                }
                self->known_.Remove(job->call.host);
                self->FindAgent(job);
              });
  }

  // `missing`: the reason and the setting if there is no such server.
  void Start(const std::shared_ptr<Job>& job, const std::shared_ptr<const Backend>& backend,
             std::pair<Reason, const char*> missing) {
    if (backend != nullptr) return Call(job, backend);
    job->exchange->Respond(ProblemOf(
        MakeError(missing.first, absl::StrCat("this gateway runs without ", missing.second))));
  }

  void Call(const std::shared_ptr<Job>& job, std::shared_ptr<const Backend> backend) {
    const HttpServerRequest& http = job->exchange->request();
    const std::string wanted = http.Header("If-Match");
    if (http.method != "POST" || wanted.empty()) return Perform(job, std::move(backend));
    // No RPC takes a version, so a change between this look and the call goes unnoticed.
    const RpcRoute* const resource = ResourceRoute(ApiTable(), job->route());
    if (resource == nullptr) {
      return job->exchange->Respond(ProblemFor(
          412, absl::StrCat(job->route().method->name(),
                            " acts on no resource with a version, so If-Match cannot hold; "
                            "nothing was changed")));
    }
    RpcCaller::Options call = job->call.options;
    call.timeout = kReadTimeout;
    options_.caller->Unary(
        backend, *resource->method, ResourceRequest(*resource, *job->request), call,
        [self = shared_from_this(), job, backend,
         wanted](absl::StatusOr<std::unique_ptr<Message>> answer) {
          if (!answer.ok()) return job->exchange->Respond(ProblemOf(answer.status()));
          if (EtagMatches(wanted, EtagOf(**answer))) return self->Perform(job, backend);
          job->exchange->Respond(ProblemFor(
              412, "the resource has another version than If-Match asks for; nothing was changed"));
        });
  }

  void Perform(const std::shared_ptr<Job>& job, std::shared_ptr<const Backend> backend) {
    if (job->route().method->server_streaming()) return CallStream(job, std::move(backend));
    CallUnary(
        job, std::move(backend), std::move(job->request),
        [self = shared_from_this(), job](Reply reply) { self->Finish(job, std::move(reply)); });
  }

  void CallUnary(const std::shared_ptr<Job>& job, std::shared_ptr<const Backend> backend,
                 std::unique_ptr<Message> request, RpcCaller::Done done) {
    options_.caller->Unary(std::move(backend), *job->route().method, std::move(request),
                           job->call.options, std::move(done));
  }

  // Every answer passes here: it may have more than the caller's token shows.
  void Finish(const std::shared_ptr<Job>& job, Reply reply) {
    if (!reply.ok()) return job->exchange->Respond(ProblemOf(reply.status()));
    if (job->limited()) return CheckAnswer(job, *std::move(reply));
    job->exchange->Respond(Answer(job->exchange->request(), **reply));
  }

  void CheckAnswer(const std::shared_ptr<Job>& job, std::shared_ptr<Message> answer) {
    scopes_.CheckAnswer(
        job->call, *answer, [self = shared_from_this(), job, answer](const absl::Status& checked) {
          job->exchange->Respond(checked.ok() ? Answer(job->exchange->request(), *answer)
                                              : ProblemOf(checked));
        });
  }

  void CallStream(const std::shared_ptr<Job>& job, std::shared_ptr<const Backend> backend) {
    const bool events = WantsEvents(job->exchange->request());
    const auto answer = std::make_shared<StreamAnswer>(std::move(job->exchange), events);
    options_.heartbeats->Add(answer, [cancellation = job->call.options.cancellation,
                                      check = job->call.caller.check_again] {
      if (check && !check().ok()) cancellation->Cancel();
    });
    RpcCaller::Observer observer;
    observer.on_message = [answer](RpcStream& stream, const Message& message) {
      const auto event = EventOf(message);
      const auto next = [self = stream.Self()] { self->Next(); };
      if (!event.ok()) {
        answer->Fail(event.status());
        stream.Cancel();
        return next();
      }
      answer->Send(*event, next);
    };
    observer.on_end = [answer,
                       cancellation = job->call.options.cancellation](const absl::Status& status) {
      if (status.ok()) return answer->End();
      if (cancellation->cancelled()) return answer->Abandon();
      answer->Fail(status);
    };
    options_.caller->Stream(std::move(backend), *job->route().method, std::move(job->request),
                            job->call.options, std::move(observer));
  }

  const ApiOptions options_;
  HostAgents agents_;
  KnownAgents known_{Clock::System()};
  const ScopeGate scopes_;
};

}  // namespace

std::vector<HttpRoute> ApiRoutes(ApiOptions options) {
  Front* const front = options.front;
  const size_t max_body = options.max_body;
  const auto api = std::make_shared<Api>(std::move(options));
  HttpRoute route{.method = "*", .path = "/v1/{path=**}"};  // the table says which are allowed
  route.handler = front->Guard(
      Access::kApi, [api](const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
        api->Handle(caller, std::move(exchange));
      });
  route.max_body = max_body;
  return {route};
}

}  // namespace gitops
