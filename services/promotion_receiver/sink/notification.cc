#include "services/promotion_receiver/sink/notification.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock/timestamp.h"
#include "common/http/hmac.h"
#include "common/json/json.h"
#include "common/server/version.h"
#include "common/store/convert.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops {
namespace {

constexpr char kProgram[] = "gitops-promotion-receiver";
constexpr char kGroup[] = "pipelines.weave.works";

// The start of the promotion: the same in each attempt.
std::string TimeOf(const record::v1::Promotion& promotion) {
  const auto& time = promotion.has_start_time() ? promotion.start_time() : promotion.create_time();
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromTimestamp(time), absl::UTCTimeZone());
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<std::string> CloudEventOf(const record::v1::Promotion& promotion) {
  absl::StatusOr<Json> data = ToJson(Converted<v1::Promotion>(promotion));
  if (!data.ok()) return data.status();
  Json event;
  event["specversion"] = "1.0";
  event["id"] = promotion.id();
  event["type"] = "io.gitops.promotion.v1";
  event["source"] =
      absl::StrCat("/v1/pipelines/", promotion.namespace_(), "/", promotion.pipeline());
  event["subject"] = promotion.environment();
  event["time"] = TimeOf(promotion);
  event["datacontenttype"] = "application/json";
  event["data"] = *std::move(data);
  return Text(event);
}

absl::StatusOr<std::string> FluxEventOf(const record::v1::Promotion& promotion) {
  Json event;
  Json& object = event["involvedObject"];
  object["kind"] = "Pipeline";
  object["namespace"] = promotion.namespace_();
  object["name"] = promotion.pipeline();
  object["apiVersion"] = absl::StrCat(kGroup, "/v1alpha1");
  event["severity"] = "info";
  event["timestamp"] = TimeOf(promotion);
  event["message"] =
      absl::StrCat("Promote pipeline ", promotion.namespace_(), "/", promotion.pipeline(), " to ",
                   promotion.environment(), " with version ", promotion.version());
  event["reason"] = "Promote";
  Json& metadata = event["metadata"];
  const auto add = [&](const char* key, const std::string& value) {
    metadata[absl::StrCat(kGroup, "/", key)] = value;
  };
  // What the source's event said, and then ours.
  for (const auto& [key, value] : promotion.event().metadata()) add(key.c_str(), value);
  add("revision", promotion.revision());
  add("version", promotion.version());
  add("environment", promotion.environment());
  add("source-environment", promotion.source_environment());
  add("promotion", promotion.id());
  event["reportingController"] = kProgram;
  return Text(event);
}

absl::StatusOr<HttpRequest> NotificationTo(const SinkSpec& sink,
                                           const record::v1::Promotion& promotion,
                                           const std::string& key) {
  const bool flux = sink.type == SinkSpec::Type::kFlux;
  absl::StatusOr<std::string> body = flux ? FluxEventOf(promotion) : CloudEventOf(promotion);
  if (!body.ok()) return body.status();
  HttpRequest request;
  request.method = "POST";
  request.url = sink.url;
  request.body = *std::move(body);
  request.ca_file = sink.ca_file;
  request.headers = {
      {"Content-Type", flux ? "application/json" : "application/cloudevents+json; charset=UTF-8"},
      {"User-Agent", absl::StrCat(kProgram, "/", Version())},
      {"Idempotency-Key", key},
  };
  if (flux) request.headers.emplace_back("gotk-component", kProgram);
  if (sink.secret.empty()) return request;
  absl::StatusOr<std::string> signature = Sign("sha256", sink.secret, request.body);
  if (!signature.ok()) return signature.status();
  request.headers.emplace_back(kSignatureHeader, *std::move(signature));
  return request;
}

}  // namespace gitops
