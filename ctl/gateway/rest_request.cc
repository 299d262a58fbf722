#include "ctl/gateway/rest_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/json/json.h"
#include "common/json/json_guard.h"
#include "common/rpc/error.h"

namespace gitops::ctl {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kShownBytes = 200;

std::string Encoded(absl::string_view text) {
  std::string encoded;
  for (const unsigned char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.') {
      encoded += static_cast<char>(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", c);
    }
  }
  return encoded;
}

// A segment that is a variable, as a URL spells it.
absl::StatusOr<std::string> VariableOf(const std::string& name, const std::string& text) {
  if (text.empty() || text == "." || text == ".." || text.find('/') != std::string::npos) {
    return InvalidField(name,
                        absl::StrCat("'", absl::CHexEscape(text), "' cannot be named in a URL"));
  }
  return Encoded(text);
}

absl::StatusOr<std::string> PathOf(const RpcRoute& route, const Message& request,
                                   const std::string& host) {
  std::string path;
  for (const RpcRoute::Segment& segment : route.segments) {
    std::string text = segment.text;
    if (segment.is_variable) {
      const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(segment.text);
      const absl::StatusOr<std::string> variable =
          field == nullptr
              ? VariableOf(segment.text, host)
              : VariableOf(field->json_name(), request.GetReflection()->GetString(request, field));
      if (!variable.ok()) return variable.status();
      text = *variable;
    }
    absl::StrAppend(&path, "/", text);
  }
  if (!route.verb.empty()) absl::StrAppend(&path, ":", route.verb);
  return path;
}

// The member at the end of a path; null: one on the way is missing.
const Json* Find(const Json& json, const FieldPath& path) {
  const Json* place = &json;
  for (const FieldDescriptor* field : path) {
    if (!place->is_object() || !place->contains(field->json_name())) return nullptr;
    place = &(*place)[field->json_name()];
  }
  return place;
}

bool IsDefault(const Json& value) {
  return value.is_null() || value == "" || value == false || value == 0 || value == "0" ||
         value == "UNSPECIFIED";
}

void AddParameter(const std::string& name, const Json& value, std::string& query) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  absl::StrAppend(&query, query.empty() ? "?" : "&", Encoded(name), "=", Encoded(text));
}

std::string QueryOf(const RpcRoute& route, const Json& json) {
  std::string query;
  for (const FieldPath& path : route.query_fields) {
    const Json* value = Find(json, path);
    if (value == nullptr) continue;
    if (value->is_array()) {
      for (const Json& element : *value) AddParameter(ToString(path), element, query);
    } else if (!IsDefault(*value)) {
      AddParameter(ToString(path), *value, query);
    }
  }
  return query;
}

std::string BodyOf(const RpcRoute& route, Json json) {
  if (route.body == RpcRoute::Body::kField) return json[route.body_field->json_name()].dump();
  for (const FieldDescriptor* field : route.path_fields) json.erase(field->json_name());
  return json.dump();
}

absl::StatusCode CodeOf(int http_status) {
  for (const ReasonInfo& reason : AllReasons()) {
    if (reason.http_status == http_status) return reason.code;
  }
  return http_status >= 500 ? absl::StatusCode::kInternal : absl::StatusCode::kFailedPrecondition;
}

std::string Text(const Json& problem, const char* name) {
  return problem.contains(name) && problem[name].is_string() ? problem[name].get<std::string>()
                                                             : "";
}

}  // namespace

absl::StatusOr<RestRequest> ToRest(const RpcRoute& route, const Message& request,
                                   const std::string& host) {
  const absl::StatusOr<std::string> path = PathOf(route, request, host);
  if (!path.ok()) return path.status();
  const absl::StatusOr<Json> json = ToJson(request);
  if (!json.ok()) return json.status();
  RestRequest rest;
  rest.method = route.http_method;
  rest.target = absl::StrCat(*path, QueryOf(route, *json));
  if (route.body != RpcRoute::Body::kNone) rest.body = BodyOf(route, *json);
  return rest;
}

absl::Status ErrorOfProblem(absl::string_view text, int http_status) {
  const Json problem = CheckJson(text).ok() ? Json::parse(text.begin(), text.end()) : Json();
  if (!problem.is_object() || Text(problem, "detail").empty()) {
    return absl::Status(CodeOf(http_status), absl::StrCat("the gateway answered ", http_status,
                                                          ": ", text.substr(0, kShownBytes)));
  }
  ErrorMetadata metadata;
  if (problem.contains("metadata") && problem["metadata"].is_object()) {
    for (const auto& [key, value] : problem["metadata"].items()) {
      if (value.is_string()) metadata[key] = value.get<std::string>();
    }
  }
  const std::string name = Text(problem, "reason");
  for (const ReasonInfo& reason : AllReasons()) {
    if (reason.name == name) return MakeError(reason.reason, Text(problem, "detail"), metadata);
  }
  return WithMetadata(absl::Status(CodeOf(http_status), Text(problem, "detail")), metadata);
}

absl::Status ErrorOf(const HttpResponse& response) {
  return ErrorOfProblem(response.body, response.status);
}

}  // namespace gitops::ctl
