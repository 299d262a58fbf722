#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "gateway/api/api_routes.h"
#include "gateway/api/api_table.h"
#include "gateway/api/event_stream.h"
#include "gateway/front/problem.h"

namespace gitops {
namespace {

const google::protobuf::MethodDescriptor* WatchNamed(const std::string& name) {
  for (const RpcRoute& route : ApiTable().routes()) {
    if (route.method->name() == name) return route.method;
  }
  return nullptr;
}

std::vector<EventSource> SourcesOf(const ApiOptions& options) {
  std::vector<EventSource> sources;
  if (options.planner != nullptr) {
    sources.push_back({"fleet", options.planner, WatchNamed("WatchFleet")});
    sources.push_back({"deployments", options.planner, WatchNamed("WatchDeployments")});
  }
  if (options.promotion_receiver != nullptr) {
    sources.push_back({"promotions", options.promotion_receiver, WatchNamed("WatchPromotions")});
  }
  return sources;
}

absl::StatusOr<EventCursor> CursorOf(const HttpServerRequest& request) {
  if (!request.query.empty()) {
    return MakeError(Reason::kInvalidArgument, "/v1/events has no query parameters");
  }
  const std::string id = request.Header("Last-Event-ID");
  return id.empty() ? EventCursor() : DecodeCursor(id);
}

}  // namespace

HttpRoute EventsRoute(ApiOptions options) {
  HttpRoute route{.method = "GET", .path = "/v1/events"};
  route.handler = options.front->Guard(
      Access::kViewer,
      [options](const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
        const absl::StatusOr<EventCursor> cursor = CursorOf(exchange->request());
        std::vector<EventSource> sources = SourcesOf(options);
        absl::Status status = cursor.status();
        if (status.ok() && sources.empty()) {
          status = MakeError(Reason::kPlannerUnreachable, "this gateway runs without --planner");
        }
        if (!status.ok()) return exchange->Respond(ProblemOf(status));
        RpcCaller::Options call;
        call.metadata = MetadataFor(caller.ForService());
        HttpExchange& client = *exchange;
        const auto answer = std::make_shared<StreamAnswer>(std::move(exchange), /*events=*/true);
        options.heartbeats->Add(answer);
        const auto stream = std::make_shared<EventStream>(options.caller, std::move(call),
                                                          std::move(sources), *cursor, answer);
        client.OnCancel([weak = std::weak_ptr(stream)] {
          if (const auto living = weak.lock()) living->Cancel();
        });
        stream->Open();
      });
  return route;
}

}  // namespace gitops
