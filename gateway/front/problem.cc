#include "gateway/front/problem.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/json/json.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

Reason ReasonFor(int status) {
  switch (status) {
    case 404:
      return Reason::kNotFound;
    case 405:
    case 501:
      return Reason::kUnimplemented;
    case 408:
      return Reason::kDeadlineExceeded;
    case 413:
    case 431:
      return Reason::kResourceExhausted;
    case 500:
      return Reason::kInternal;
    case 503:
      return Reason::kUnavailable;
    default:
      return Reason::kInvalidArgument;
  }
}

std::string TitleOf(int status) {
  if (status == 499) return "Client Closed Request";  // not in the standards
  return std::string(
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status)));
}

// "selection.order_by_tags[2]" as the JSON form has it: "selection.orderByTags[2]". Keys of maps,
// in quotes, stay as they are.
std::string JsonPath(absl::string_view path) {
  std::string json;
  bool quoted = false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '"') quoted = !quoted;
    const bool joins = !quoted && path[i] == '_' && i + 1 < path.size() &&
                       absl::ascii_isalnum(static_cast<unsigned char>(path[i + 1]));
    json += joins ? absl::ascii_toupper(static_cast<unsigned char>(path[++i])) : path[i];
  }
  return json;
}

HttpServerResponse AsResponse(int status, const Json& problem) {
  HttpServerResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = ToText(problem) + "\n";
  return response;
}

Json NewProblem(int status, absl::string_view detail) {
  Json problem = Json::object();
  problem["type"] = "about:blank";
  problem["title"] = TitleOf(status);
  problem["status"] = status;
  problem["detail"] = std::string(detail);
  return problem;
}

Json Violations(const google::rpc::BadRequest& bad_request) {
  Json violations = Json::array();
  for (const auto& violation : bad_request.field_violations()) {
    Json each = Json::object();
    each["field"] = JsonPath(violation.field());
    each["description"] = violation.description();
    violations.push_back(std::move(each));
  }
  return violations;
}

}  // namespace

Json ProblemJson(const absl::Status& error) {
  Json problem = NewProblem(InfoOf(ReasonOf(error)).http_status, error.message());
  problem["reason"] = ReasonName(error);
  problem["metadata"] = Json::object();
  for (const auto& [key, value] : MetadataOf(error)) problem["metadata"][key] = value;
  problem["violations"] = Violations(BadRequestOf(error));
  return problem;
}

HttpServerResponse ProblemOf(const absl::Status& error) {
  HttpServerResponse response = AsResponse(InfoOf(ReasonOf(error)).http_status, ProblemJson(error));
  if (const auto delay = RetryDelayOf(error)) {
    const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(*delay, absl::Seconds(1)));
    response.headers.emplace_back("Retry-After", absl::StrCat(std::max<int64_t>(1, seconds)));
  }
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

HttpServerResponse ProblemFor(int status, absl::string_view detail) {
  Json problem = NewProblem(status, detail);
  problem["reason"] = std::string(InfoOf(ReasonFor(status)).name);
  problem["metadata"] = Json::object();
  problem["violations"] = Json::array();
  return AsResponse(status, problem);
}

}  // namespace gitops
