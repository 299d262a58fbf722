#include "gateway/api/rpc_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/json/json.h"
#include "common/rpc/error.h"
#include "common/text/nearest.h"
#include "common/text/utf8.h"
#include "gateway/api/query.h"
#include "gateway/api/rpc_caller.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string ProtoName(const FieldPath& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const FieldDescriptor* field) {
    out->append(field->name());
  });
}

const FieldPath* FindParameter(const RpcRoute& route, const std::string& name) {
  for (const FieldPath& path : route.query_fields) {
    if (name == ToString(path) || name == ProtoName(path)) return &path;
  }
  return nullptr;
}

absl::Status UnknownParameter(const RpcRoute& route, const std::string& name) {
  std::vector<std::string> known;
  for (const FieldPath& path : route.query_fields) known.push_back(ToString(path));
  return InvalidField(name, absl::StrCat("\"", name, "\" is not a query parameter of ",
                                         route.method->name(), Suggestion(name, known)));
}

// In a query everything is text.
Json ValueOf(const FieldDescriptor& field, const std::string& text) {
  if (field.type() == FieldDescriptor::TYPE_BOOL && (text == "true" || text == "false")) {
    return text == "true";
  }
  return text;
}

// Puts a parameter into the JSON form of the request.
absl::Status Put(const FieldPath& path, const std::string& text, Json& json) {
  Json* place = &json;
  for (const FieldDescriptor* field : path) place = &(*place)[field->json_name()];
  const FieldDescriptor& field = *path.back();
  if (field.is_repeated()) {
    place->push_back(ValueOf(field, text));
    return absl::OkStatus();
  }
  if (!place->is_null()) {
    return InvalidField(ToString(path), absl::StrCat(ToString(path), " is given twice"));
  }
  *place = ValueOf(field, text);
  return absl::OkStatus();
}

absl::Status ReadQuery(const RpcRoute& route, absl::string_view query, Message& message) {
  const absl::StatusOr<QueryParameters> parameters = ParseQuery(query);
  if (!parameters.ok()) return parameters.status();
  if (parameters->empty()) return absl::OkStatus();
  Json json = Json::object();
  for (const auto& [name, value] : *parameters) {
    const FieldPath* path = FindParameter(route, name);
    if (path == nullptr) return UnknownParameter(route, name);
    if (absl::Status status = Put(*path, value, json); !status.ok()) return status;
  }
  return FromJson(json.dump(), &message);
}

absl::Status ReadBody(const RpcRoute& route, const std::string& body, Message& message) {
  if (body.empty()) return absl::OkStatus();
  Message* const target = route.body == RpcRoute::Body::kField
                              ? message.GetReflection()->MutableMessage(&message, route.body_field)
                              : &message;
  JsonLimits limits;
  limits.bytes = body.size();  // the server has its own limit
  return FromJson(body, target, limits);
}

absl::Status SetPath(const RpcMatch& match, Message& message) {
  for (const auto& [name, value] : match.variables) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) continue;  // the host of an agent
    if (!message.GetReflection()->GetString(message, field).empty()) {
      return InvalidField(field->json_name(), absl::StrCat(field->json_name(),
                                                           " is in the path already; leave it out"
                                                           " of the body"));
    }
    message.GetReflection()->SetString(&message, field, value);
  }
  return absl::OkStatus();
}

// Sets a string field of the request from a header, if it has that field.
absl::Status SetFromHeader(const HttpServerRequest& http, absl::string_view header,
                           const std::string& name, Message& message) {
  const std::string value = http.Header(header);
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (value.empty() || field == nullptr) return absl::OkStatus();
  const auto times = std::count_if(http.headers.begin(), http.headers.end(), [&](const auto& each) {
    return absl::EqualsIgnoreCase(each.first, header);
  });
  if (times > 1) {
    return InvalidField(field->json_name(),
                        absl::StrCat("the header ", header, " is given ", times, " times"));
  }
  if (!IsValidUtf8(value)) {
    return InvalidField(field->json_name(), absl::StrCat("the header ", header, " is not UTF-8"));
  }
  const std::string given = message.GetReflection()->GetString(message, field);
  if (!given.empty() && given != value) {
    return InvalidField(field->json_name(), absl::StrCat("the header ", header, " and ",
                                                         field->json_name(), " differ"));
  }
  message.GetReflection()->SetString(&message, field, value);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Message>> ReadRpcRequest(const RpcMatch& match,
                                                        const HttpServerRequest& http) {
  const RpcRoute& route = *match.route;
  std::unique_ptr<Message> message = NewMessage(*route.method->input_type());
  absl::Status status = ReadQuery(route, http.query, *message);
  if (status.ok() && route.body != RpcRoute::Body::kNone) {
    status = ReadBody(route, http.body, *message);
  }
  if (status.ok()) status = SetPath(match, *message);
  if (status.ok()) status = SetFromHeader(http, "Idempotency-Key", "request_id", *message);
  if (status.ok()) status = SetFromHeader(http, "Last-Event-ID", "resume_token", *message);
  if (!status.ok()) return status;
  return message;
}

}  // namespace gitops
