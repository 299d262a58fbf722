#include "gateway/api/openapi.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/server/version.h"
#include "gateway/api/api_table.h"
#include "gateway/api/etag.h"
#include "gateway/api/openapi_schema.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;

Json Reference(const char* name) { return Json{{"$ref", absl::StrCat("#/components/", name)}}; }

Json Content(const char* type, Json schema) {
  return Json{{type, Json{{"schema", std::move(schema)}}}};
}

Json Header(const char* name, const char* description, Json schema = {{"type", "string"}}) {
  return Json{{"name", name},
              {"in", "header"},
              {"description", description},
              {"schema", std::move(schema)}};
}

Json PathParameter(const std::string& name, Json schema) {
  return Json{{"name", name}, {"in", "path"}, {"required", true}, {"schema", std::move(schema)}};
}

Json ProblemSchema() {
  const Json text = Json{{"type", "string"}};
  Json violation = Json{{"type", "object"},
                        {"properties", Json{{"field", text}, {"description", text}}},
                        {"required", Json::array({"field", "description"})}};
  return Json{
      {"type", "object"},
      {"description", "An error (RFC 9457)."},
      {"properties",
       Json{{"type", text},
            {"title", text},
            {"status", Json{{"type", "integer"}}},
            {"detail", text},
            {"reason",
             Json{{"type", "string"}, {"description", "Programs tell errors apart by it."}}},
            {"metadata", Json{{"type", "object"}, {"additionalProperties", text}}},
            {"violations", Json{{"type", "array"}, {"items", std::move(violation)}}}}},
      {"required",
       Json::array({"type", "title", "status", "detail", "reason", "metadata", "violations"})}};
}

// Whether an answer to the request may have an ETag.
bool HasEtag(const RpcRoute& route) {
  return route.http_method == "GET" && !route.method->server_streaming() &&
         VersionedResource(*route.method->output_type()) != nullptr;
}

class Document {
 public:
  explicit Document(const HttpRoutes& table) {
    schemas_.Add("Problem", ProblemSchema());
    schemas_.Add("StreamError", Json{{"type", "object"},
                                     {"description", "The last line of a stream that failed."},
                                     {"properties", Json{{"error", Reference("schemas/Problem")}}},
                                     {"required", Json::array({"error"})}});
    for (const RpcRoute& route : table.routes()) {
      const std::string method = absl::AsciiStrToLower(route.http_method);
      paths_[route.path][method] = Operation(route);
    }
    paths_["/v1/events"]["get"] = Events();
  }

  Json Finish() {
    Json document = Json::object();
    document["openapi"] = "3.1.0";
    document["info"] = Json{{"title", "GitOps control suite"},
                            {"version", std::string(Version())},
                            {"description", "The JSON form of the gRPC API."}};
    document["servers"] = Json::array({Json{{"url", "/"}}});
    document["security"] = Json::array({Json{{"bearer", Json::array()}}});
    document["paths"] = std::move(paths_);
    document["components"] = Json{
        {"schemas", schemas_.schemas()},
        {"responses", Json{{"Problem", Json{{"description", "The request failed."},
                                            {"content", Content("application/problem+json",
                                                                Reference("schemas/Problem"))}}}}},
        {"securitySchemes", Json{{"bearer", Json{{"type", "http"}, {"scheme", "bearer"}}}}}};
    return document;
  }

 private:
  Json Operation(const RpcRoute& route) {
    const auto& method = *route.method;
    Json operation = Json::object();
    operation["operationId"] = method.name();
    operation["tags"] = Json::array({method.service()->name()});
    if (Json parameters = Parameters(route); !parameters.empty()) {
      operation["parameters"] = std::move(parameters);
    }
    if (route.body != RpcRoute::Body::kNone) {
      const auto& type = route.body == RpcRoute::Body::kField ? *route.body_field->message_type()
                                                              : *method.input_type();
      operation["requestBody"] = Json{
          {"content", Content("application/json", schemas_.Accepted(type, route.path_fields))}};
    }
    operation["responses"] = Responses(route);
    return operation;
  }

  Json Parameters(const RpcRoute& route) {
    Json parameters = Json::array();
    const google::protobuf::Descriptor& request = *route.method->input_type();
    for (const RpcRoute::Segment& segment : route.segments) {
      if (!segment.is_variable) continue;
      parameters.push_back(
          PathParameter(segment.text, schemas_.PathSegment(request.FindFieldByName(segment.text))));
    }
    for (const FieldPath& path : route.query_fields) {
      parameters.push_back(Json{
          {"name", ToString(path)}, {"in", "query"}, {"schema", schemas_.Parameter(*path.back())}});
    }
    if (const auto* id = request.FindFieldByName("request_id")) {
      parameters.push_back(
          Header("Idempotency-Key", "The call's requestId.", schemas_.Parameter(*id)));
    }
    if (const auto* token = request.FindFieldByName("resume_token")) {
      parameters.push_back(
          Header("Last-Event-ID", "The call's resumeToken.", schemas_.Parameter(*token)));
    }
    if (HasEtag(route)) {
      parameters.push_back(Header("If-None-Match",
                                  "The ETag that the client has: 304 if the "
                                  "resource still has it."));
    }
    return parameters;
  }

  Json Responses(const RpcRoute& route) {
    Json schema = schemas_.Sent(*route.method->output_type());
    Json responses = Json::object();
    Json& answer = responses["200"];
    if (route.method->server_streaming()) {
      answer["description"] = "A stream: an object a line, or a server-sent event each.";
      Json line = Json{{"anyOf", Json::array({schema, Reference("schemas/StreamError")})}};
      answer["content"] = Content("application/x-ndjson", std::move(line));
      answer["content"]["text/event-stream"] = Json{{"schema", Json{{"type", "string"}}}};
    } else {
      answer["description"] = "The answer.";
      answer["content"] = Content("application/json", std::move(schema));
    }
    if (HasEtag(route)) {
      const Json etag = Json{{"description", "The version of the resource, without a query."},
                             {"schema", Json{{"type", "string"}}}};
      answer["headers"]["ETag"] = etag;
      responses["304"] = Json{{"description", "The client has this version of the resource."},
                              {"headers", Json{{"ETag", etag}}}};
    }
    responses["default"] = Reference("responses/Problem");
    return responses;
  }

  static Json Events() {
    return Json{
        {"operationId", "WatchEvents"},
        {"tags", Json::array({"Gateway"})},
        {"parameters", Json::array({Header("Last-Event-ID",
                                           "The id of the last event that the "
                                           "client has.")})},
        {"responses",
         Json{{"200",
               Json{{"description", "Changes of hosts, services, deployments and promotions."},
                    {"content", Content("text/event-stream", Json{{"type", "string"}})}}},
              {"default", Reference("responses/Problem")}}}};
  }

  OpenApiSchemas schemas_;
  Json paths_ = Json::object();
};

}  // namespace

Json OpenApi(const HttpRoutes& table) { return Document(table).Finish(); }

HttpRoute OpenApiRoute(Front* front) {
  HttpRoute route{.method = "GET", .path = "/openapi.json"};
  route.handler = front->Guard(
      Access::kOpen, [text = OpenApi(ApiTable()).dump(1)](const GatewayCaller&,
                                                          std::unique_ptr<HttpExchange> exchange) {
        exchange->Respond({.status = 200, .body = text, .content_type = "application/json"});
      });
  return route;
}

}  // namespace gitops
