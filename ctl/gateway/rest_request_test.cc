#include "ctl/gateway/rest_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/api/api_files.h"
#include "common/rpc/error.h"
#include "gitops/v1/agent.pb.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const RpcRoute& RouteOf(const std::string& method) {
  static const auto& table = *new HttpRoutes(*HttpRoutes::Compile(ApiServices()));
  for (const RpcRoute& route : table.routes()) {
    if (route.method->name() == method) return route;
  }
  ADD_FAILURE() << method;
  return table.routes()[0];
}

RestRequest Rest(const std::string& method, const google::protobuf::Message& request) {
  const auto rest = ToRest(RouteOf(method), request);
  EXPECT_TRUE(rest.ok()) << rest.status();
  return rest.value_or(RestRequest());
}

TEST(RestRequestTest, FieldsOfAReadStandInTheQuery) {
  v1::ListFleetServicesRequest request;
  EXPECT_EQ(Rest("ListFleetServices", request).target, "/v1/services");
  request.set_service("a&b");
  request.mutable_selection()->add_on("web*");
  request.mutable_selection()->add_on("db1");
  request.mutable_selection()->set_limit(3);
  request.mutable_selection()->set_all(true);
  const RestRequest rest = Rest("ListFleetServices", request);
  EXPECT_EQ(rest.method, "GET");
  EXPECT_EQ(rest.body, "");
  for (const char* parameter : {"service=a%26b", "selection.on=web%2A", "selection.on=db1",
                                "selection.limit=3", "selection.all=true"}) {
    EXPECT_THAT(rest.target, HasSubstr(parameter));
  }
}

TEST(RestRequestTest, FieldsOfAChangeStandInPathAndBody) {
  v1::FreezeServicesRequest request;
  request.set_service("ng:inx");
  request.set_reason("maintenance");
  request.mutable_selection()->add_on("web1");
  const RestRequest rest = Rest("FreezeServices", request);
  EXPECT_EQ(rest.method, "POST");
  EXPECT_EQ(rest.target, "/v1/services/ng%3Ainx:freeze");
  const json body = json::parse(rest.body);
  EXPECT_EQ(body["reason"], "maintenance");
  EXPECT_EQ(body["selection"]["on"], json({"web1"}));
  EXPECT_FALSE(body.contains("service"));
}

TEST(RestRequestTest, ANameThatNoPathCanHoldIsRefused) {
  v1::GetHostRequest request;
  for (const char* name : {"", "a/b", ".."}) {
    request.set_host(name);
    EXPECT_EQ(ToRest(RouteOf("GetHost"), request).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
  EXPECT_FALSE(ToRest(RouteOf("GetService"), v1::GetServiceRequest()).ok());
}

TEST(RestRequestTest, ACallOfAnAgentNamesItsHostInThePath) {
  v1::FreezeServiceRequest request;
  request.set_service("nginx");
  request.set_reason("why");
  const auto rest = ToRest(RouteOf("FreezeService"), request, "web 1");
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->target, "/v1/hosts/web%201/services/nginx:freeze");
  EXPECT_EQ(json::parse(rest->body)["reason"], "why");
  EXPECT_FALSE(ToRest(RouteOf("FreezeService"), request, "a/b").ok());
}

HttpResponse Answer(int status, const std::string& body) {
  HttpResponse response;
  response.status = status;
  response.body = body;
  return response;
}

TEST(ErrorOfTest, AProblemIsTheErrorOfTheApi) {
  const absl::Status error = ErrorOf(Answer(
      404, R"({"title":"Not Found","status":404,"detail":"no host web9","reason":"HOST_UNKNOWN",)"
           R"("metadata":{"host":"web9"}})"));
  EXPECT_TRUE(HasReason(error, Reason::kHostUnknown));
  EXPECT_EQ(error.message(), "no host web9");
  EXPECT_EQ(MetadataOf(error)["host"], "web9");
}

TEST(ErrorOfTest, OtherAnswersAreErrorsOfTheirStatus) {
  EXPECT_TRUE(absl::IsUnavailable(ErrorOf(Answer(503, "<html>"))));
  EXPECT_TRUE(absl::IsUnauthenticated(ErrorOf(Answer(401, ""))));
  EXPECT_EQ(ErrorOf(Answer(502, "<html>")).message(), "the gateway answered 502: <html>");
  EXPECT_TRUE(absl::IsNotFound(
      ErrorOf(Answer(404, R"({"detail":"gone","reason":"REASON_OF_A_LATER_VERSION"})"))));
}

}  // namespace
}  // namespace gitops::ctl
