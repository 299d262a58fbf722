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

std::vector<EventSource> SourcesOf(const ApiOptions& options) {
  std::vector<EventSource> sources;
  if (options.planner != nullptr) {
    sources.push_back({"fleet", options.planner, &ApiMethod("WatchFleet")});
    sources.push_back({"deployments", options.planner, &ApiMethod("WatchDeployments")});
  }
  if (options.promotion_receiver != nullptr) {
    sources.push_back({"promotions", options.promotion_receiver, &ApiMethod("WatchPromotions")});
  }
  return sources;
}

// The shared watches are the gateway's own; what a caller may see is decided before it reads them.
SharedWatch::Options WatchOptions(const ApiOptions& options) {
  SharedWatch::Options watch = options.events;
  watch.caller = options.caller;
  watch.call.metadata = MetadataFor({.user = "the gateway"});
  return watch;
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
  // Ends the hub's watches with the route; streams that end later still hold the hub.
  const std::shared_ptr<EventHub> hub(new EventHub(SourcesOf(options), WatchOptions(options)));
  const std::shared_ptr<void> closes(nullptr, [hub](void*) { hub->Close(); });
  HttpRoute route{.method = "GET", .path = "/v1/events"};
  route.handler = options.front->Guard(
      Access::kViewer,
      [options, hub, closes](const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
        const absl::StatusOr<EventCursor> cursor = CursorOf(exchange->request());
        absl::Status status = cursor.status();
        if (status.ok() && hub->watches().empty()) {
          status = MakeError(Reason::kPlannerUnreachable, "this gateway runs without --planner");
        }
        if (!status.ok()) return exchange->Respond(ProblemOf(status));
        RpcCaller::Options call;
        call.metadata = MetadataFor(caller.ForService());
        HttpExchange& client = *exchange;
        const auto answer = std::make_shared<StreamAnswer>(std::move(exchange), /*events=*/true);
        // The first event may take as long as a connection to a server that does not answer.
        answer->Start();
        const auto stream = std::make_shared<EventStream>(hub, std::move(call), *cursor, answer);
        options.heartbeats->Add(answer, [weak = std::weak_ptr(stream), check = caller.check_again] {
          const absl::Status admitted = check ? check() : absl::OkStatus();
          const auto living = admitted.ok() ? nullptr : weak.lock();
          if (living != nullptr) living->Fail(admitted);
        });
        client.OnCancel([weak = std::weak_ptr(stream)] {
          if (const auto living = weak.lock()) living->Cancel();
        });
        stream->Open();
      });
  return route;
}

}  // namespace gitops
