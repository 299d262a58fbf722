#include "gateway/api/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gateway/api/api_table.h"

namespace gitops {
namespace {

const Json& Document() {
  static const Json& document = *new Json(OpenApi(ApiTable()));
  return document;
}

const Json& SchemaOf(const std::string& name) { return Document()["components"]["schemas"][name]; }

// Calls `seen` with each $ref in `json`.
template <typename Seen>
void EachReference(const Json& json, const Seen& seen) {
  if (json.is_object() && json.contains("$ref")) seen(json["$ref"].get<std::string>());
  for (const auto& each : json) {
    if (each.is_structured()) EachReference(each, seen);
  }
}

TEST(OpenApiTest, EveryRpcOfTheTableIsAnOperation) {
  std::set<std::string> ids;
  for (const RpcRoute& route : ApiTable().routes()) {
    const Json& operation =
        Document()["paths"][route.path][absl::AsciiStrToLower(route.http_method)];
    EXPECT_EQ(operation["operationId"], route.method->name()) << route.path;
    ids.insert(operation["operationId"].get<std::string>());
  }
  EXPECT_EQ(ids.size(), ApiTable().routes().size()) << "ids are unique";
}

TEST(OpenApiTest, EveryReferenceLeadsToASchema) {
  int references = 0;
  EachReference(Document(), [&](const std::string& reference) {
    ++references;
    const Json::json_pointer pointer(std::string(absl::StripPrefix(reference, "#")));
    EXPECT_TRUE(Document().contains(pointer) && Document()[pointer].is_object()) << reference;
  });
  EXPECT_GT(references, 100);
}

TEST(OpenApiTest, WhatIsSentHasEveryField) {
  const Json& host = SchemaOf("Host");
  EXPECT_EQ(host["required"].size(), host["properties"].size());
  EXPECT_EQ(host["properties"]["lastSeenTime"],
            Json::parse(R"({"type": ["string", "null"], "format": "date-time"})"));
  EXPECT_EQ(host["properties"]["lock"],
            Json::parse(R"({"anyOf": [{"$ref": "#/components/schemas/HostLock"},
                                      {"type": "null"}]})"));
  EXPECT_EQ(host["properties"]["state"]["enum"][1], "ONLINE");
  EXPECT_EQ(SchemaOf("Service")["properties"]["generation"]["type"], "string");
}

TEST(OpenApiTest, MembersOfAOneofMayBeLeftOut) {
  const Json& response = SchemaOf("WatchFleetResponse");
  EXPECT_TRUE(response["properties"].contains("host"));
  for (const Json& required : response["required"]) EXPECT_NE(required, "host");
}

TEST(OpenApiTest, WhatIsAcceptedHasLimitsAndNotTheFieldsOfThePath) {
  const Json& request = SchemaOf("FreezeServicesRequest");
  EXPECT_FALSE(request["properties"].contains("service"));
  EXPECT_FALSE(request.contains("required"));
  EXPECT_EQ(request["additionalProperties"], false);
  EXPECT_EQ(request["properties"]["reason"]["maxLength"], 1000);
  EXPECT_EQ(request["properties"]["selection"]["anyOf"][0]["$ref"],
            "#/components/schemas/SelectionInput");
  EXPECT_EQ(SchemaOf("SelectionInput")["properties"]["on"]["maxItems"], 1000);
}

TEST(OpenApiTest, WhatIsAcceptedMayBeNullAndIsNotNegative) {
  const Json& selection = SchemaOf("SelectionInput")["properties"];
  EXPECT_EQ(selection["all"]["type"], Json::array({"boolean", "null"}));
  EXPECT_EQ(selection["limit"]["type"], Json::array({"integer", "null"}));
  EXPECT_EQ(selection["limit"]["minimum"], 0);
  EXPECT_EQ(SchemaOf("HostOutcome")["properties"]["number"]["type"], "integer");
}

TEST(OpenApiTest, VariablesOfAPathAreOneSegment) {
  const Json& id = Document()["paths"]["/v1/deployments/{id}"]["get"]["parameters"][0];
  EXPECT_EQ(id["name"], "id");
  EXPECT_EQ(id["schema"], Json::parse(R"({"type": "string", "maxLength": 500, "minLength": 1,
                                          "pattern": "^[^/\\x00-\\x1f\\x7f]+$"})"));
}

TEST(OpenApiTest, AVersionedResourceCanBeAskedForConditionally) {
  const Json& get = Document()["paths"]["/v1/hosts/{host}"]["get"];
  EXPECT_EQ(get["parameters"].back()["name"], "If-None-Match");
  EXPECT_TRUE(get["responses"]["200"]["headers"].contains("ETag"));
  EXPECT_FALSE(get["responses"]["304"].contains("content"));
  EXPECT_FALSE(Document()["paths"]["/v1/hosts"]["get"]["responses"].contains("304"));
}

TEST(OpenApiTest, ALineOfAStreamIsAMessageOrAnError) {
  const Json& answer = Document()["paths"]["/v1/hosts:watch"]["get"]["responses"]["200"];
  const Json& line = answer["content"]["application/x-ndjson"]["schema"]["anyOf"];
  EXPECT_EQ(line[0]["$ref"], "#/components/schemas/WatchFleetResponse");
  EXPECT_EQ(SchemaOf("StreamError")["properties"]["error"]["$ref"], "#/components/schemas/Problem");
}

TEST(OpenApiTest, QueryParametersAreThoseOfTheRpc) {
  std::set<std::string> names;
  for (const Json& parameter : Document()["paths"]["/v1/hosts"]["get"]["parameters"]) {
    EXPECT_EQ(parameter["in"], "query");
    names.insert(parameter["name"].get<std::string>());
  }
  EXPECT_THAT(names, ::testing::IsSupersetOf({"selection.on", "selection.all", "pageSize"}));
}

TEST(OpenApiTest, ATokenIsNeededAndErrorsAreProblems) {
  EXPECT_EQ(Document()["openapi"], "3.1.0");
  EXPECT_TRUE(Document()["security"][0].contains("bearer"));
  EXPECT_EQ(Document()["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
  EXPECT_EQ(Document()["paths"]["/v1/hosts"]["get"]["responses"]["default"]["$ref"],
            "#/components/responses/Problem");
}

}  // namespace
}  // namespace gitops
