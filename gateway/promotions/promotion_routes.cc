#include "gateway/promotions/promotion_routes.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/http/hmac.h"
#include "common/http/router.h"
#include "common/json/json.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"
#include "gateway/front/problem.h"

namespace gitops {
namespace {

using google::protobuf::util::TimeUtil;

// Flux gives up after 15 s, and one answer that hangs must not use all of it.
constexpr absl::Duration kEventTimeout = absl::Seconds(5);
constexpr absl::Duration kApprovalTimeout = absl::Seconds(10);
// At a time: each holds a thread of the pool, and those of signed ones need no token.
constexpr int kMostApprovals = 6;
constexpr size_t kMostApprovalBytes = 64 << 10;
// Longer names are those of no pipeline.
constexpr size_t kLongestName = 253;
constexpr size_t kLongestRevision = 1000;
// Longer headers are malformed; what is left of them is too.
constexpr size_t kLongestHeader = 200;

struct Place {
  std::string space, pipeline, environment;
};

bool IsName(const std::string& text, size_t longest = kLongestName) {
  return !text.empty() && text.size() <= longest && IsValidUtf8(text) &&
         text.find('\0') == std::string::npos;
}

// NOT_FOUND: a name that no pipeline can have, and that the receiver would not read.
absl::StatusOr<Place> PlaceOf(const HttpServerRequest& request) {
  const Place place = {request.parameters.at("namespace"), request.parameters.at("name"),
                       request.parameters.at("environment")};
  if (!IsName(place.space) || !IsName(place.pipeline) || !IsName(place.environment)) {
    return MakeError(Reason::kPipelineUnknown,
                     "the path names no pipeline: its names must be UTF-8 of at most 253 bytes");
  }
  return place;
}

template <typename Message>
void SetPlace(const Place& place, Message& message) {
  message.set_namespace_(place.space);
  message.set_pipeline(place.pipeline);
  message.set_environment(place.environment);
}

std::string HeaderText(const HttpServerRequest& request, absl::string_view name) {
  return ValidUtf8(request.Header(name), kLongestHeader);
}

// A time after which Flux is still there, with every error that a later attempt may not meet.
HttpServerResponse Refusal(absl::Status error) {
  if (absl::IsUnavailable(error) || absl::IsResourceExhausted(error)) {
    const absl::Duration delay = std::clamp(RetryDelayOf(error).value_or(absl::Seconds(2)),
                                            absl::Seconds(1), absl::Seconds(4));
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() = TimeUtil::SecondsToDuration(absl::ToInt64Seconds(delay));
    SetDetail(retry, error);
  }
  return ProblemOf(error);
}

HttpServerResponse Accepted(const std::string& id, std::string json) {
  return {.status = 202,
          .body = std::move(json),
          .content_type = "application/json",
          .headers = {{"Location", absl::StrCat("/v1/promotions/", id)}}};
}

HttpServerResponse AnswerTo(const absl::StatusOr<std::string>& promotion) {
  if (!promotion.ok()) return Refusal(promotion.status());
  return Accepted(*promotion, ToText({{"id", *promotion}}));
}

HttpServerResponse ApprovalAnswer(const absl::StatusOr<v1::Promotion>& promotion) {
  if (!promotion.ok()) return Refusal(promotion.status());
  const absl::StatusOr<Json> json = ToJson(*promotion);
  if (!json.ok()) return Refusal(json.status());
  return Accepted(promotion->id(), ToText({{"promotion", *json}}));
}

void TakeEvent(EventForwarder& forwarder, const GatewayCaller& caller,
               std::shared_ptr<HttpExchange> exchange) {
  const HttpServerRequest& request = exchange->request();
  const absl::StatusOr<Place> place = PlaceOf(request);
  if (!place.ok()) return exchange->Respond(Refusal(place.status()));
  v1::ReceivedEvent event;
  SetPlace(*place, event);
  event.set_body(request.body);
  event.set_signature(HeaderText(request, kSignatureHeader));
  event.set_address(caller.address);
  *event.mutable_receive_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
  forwarder.Forward(std::move(event),
                    [exchange = std::move(exchange)](absl::StatusOr<std::string> promotion) {
                      exchange->Respond(AnswerTo(promotion));
                    });
}

// The revision of the path, which may contain slashes. NOT_FOUND: there is none. NOTHING_WAITS: no
// promotion can have it.
absl::StatusOr<std::string> RevisionOf(const HttpServerRequest& request) {
  absl::StatusOr<std::string> revision = PercentDecode(request.parameters.at("revision"));
  if (revision.ok() && revision->empty()) {
    return MakeError(Reason::kNotFound, "the path must end with the revision to approve");
  }
  if (revision.ok() && !IsName(*revision, kLongestRevision)) {
    return MakeError(Reason::kNothingWaits,
                     "the path names no revision: it must be UTF-8 of at most 1,000 bytes");
  }
  return revision;
}

HttpServerResponse TakeSignedApproval(const PromotionClient& receiver, const GatewayCaller& caller,
                                      const HttpServerRequest& request) {
  const absl::StatusOr<Place> place = PlaceOf(request);
  if (!place.ok()) return Refusal(place.status());
  absl::StatusOr<std::string> revision = RevisionOf(request);
  if (!revision.ok()) return Refusal(revision.status());
  v1::ReceiveApprovalRequest approval;
  SetPlace(*place, approval);
  approval.set_revision(*std::move(revision));
  approval.set_method(request.method);
  approval.set_path(request.path);
  approval.set_timestamp(HeaderText(request, "X-Timestamp"));
  approval.set_body(request.body);
  approval.set_signature(HeaderText(request, kSignatureHeader));
  approval.set_address(caller.address);
  Caller service = caller.ForService();
  service.deadline = absl::Now() + kApprovalTimeout;
  return ApprovalAnswer(receiver.For(std::move(service)).ReceiveApproval(approval));
}

// The body of a person's approval: nothing, or {"reason": "…", "force": true}.
absl::StatusOr<v1::ApprovePromotionRequest> ReadApproval(const HttpServerRequest& request) {
  v1::ApprovePromotionRequest approval;
  if (request.body.empty()) return approval;
  if (absl::Status status = FromJson(request.body, &approval); !status.ok()) return status;
  if (!approval.namespace_().empty() || !approval.pipeline().empty() ||
      !approval.environment().empty() || !approval.revision().empty()) {
    return absl::InvalidArgumentError(
        "the body may have a reason and force; the path says what is approved");
  }
  return approval;
}

HttpServerResponse TakeApproval(const PromotionClient& receiver, const GatewayCaller& caller,
                                const HttpServerRequest& request) {
  const absl::StatusOr<Place> place = PlaceOf(request);
  if (!place.ok()) return Refusal(place.status());
  absl::StatusOr<std::string> revision = RevisionOf(request);
  if (!revision.ok()) return Refusal(revision.status());
  absl::StatusOr<v1::ApprovePromotionRequest> approval = ReadApproval(request);
  if (!approval.ok()) return Refusal(approval.status());
  SetPlace(*place, *approval);
  approval->set_revision(*std::move(revision));
  Caller service = caller.ForService();
  service.deadline = absl::Now() + kApprovalTimeout;
  return ApprovalAnswer(receiver.For(std::move(service)).Approve(*approval));
}

using ApprovalHandler = HttpServerResponse (*)(const PromotionClient&, const GatewayCaller&,
                                               const HttpServerRequest&);

CallerHandler RespondWith(ApprovalHandler handler, const PromotionClient& receiver) {
  return [handler, receiver](const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
    exchange->Respond(handler(receiver, caller, exchange->request()));
  };
}

HttpRoute EventRoute(Front* front, const std::string& prefix,
                     std::shared_ptr<EventForwarder> forwarder, size_t max_body) {
  return {.method = "POST",
          .path = absl::StrCat(prefix, "/{namespace}/{name}/{environment}"),
          .handler = front->Guard(
              Access::kOpen,
              [forwarder = std::move(forwarder)](const GatewayCaller& caller,
                                                 std::unique_ptr<HttpExchange> exchange) {
                TakeEvent(*forwarder, caller, std::move(exchange));
              }),
          .max_body = max_body};
}

HttpRoute ApprovalRoute(Front* front, const PromotionClient& receiver) {
  const CallLimit limit(kMostApprovals);
  const HttpHandler by_key =
      front->Guard(Access::kOpen, limit.Limit(RespondWith(TakeSignedApproval, receiver)));
  const HttpHandler by_person =
      front->Guard(Access::kApprover, limit.Limit(RespondWith(TakeApproval, receiver)));
  return {.method = "POST",
          .path = "/approval/{namespace}/{name}/{environment}/{revision=**}",
          .handler =
              [by_key, by_person](std::unique_ptr<HttpExchange> exchange) {
                const HttpServerRequest& request = exchange->request();
                const bool is_signed = request.Header("Authorization").empty() &&
                                       !request.Header(kSignatureHeader).empty();
                (is_signed ? by_key : by_person)(std::move(exchange));
              },
          .in_pool = true,
          .max_body = kMostApprovalBytes};
}

}  // namespace

std::vector<HttpRoute> PromotionRoutes(Front* front, const PromotionClient& receiver,
                                       const PromotionRoutesOptions& options) {
  const auto forwarder = std::make_shared<EventForwarder>(
      [receiver](const v1::ReceiveEventsRequest& request) {
        return receiver.For({.user = "the gateway", .deadline = absl::Now() + kEventTimeout})
            .ReceiveEvents(request);
      },
      options.forwarder);
  const size_t max_body = std::min(options.max_body, kMostEventBytes);
  return {EventRoute(front, "/pipelines/promotions", forwarder, max_body),
          EventRoute(front, "/promotion", forwarder, max_body), ApprovalRoute(front, receiver)};
}

}  // namespace gitops
