#include "gateway/api/rpc_request.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "common/rpc/error.h"
#include "gateway/api/api_table.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

struct Http {
  std::string method;
  std::string path;
  std::string query = "";
  std::string body = "";
  HttpHeaders headers = {};
};

absl::StatusOr<std::string> Read(const Http& http) {
  HttpServerRequest request;
  request.method = http.method;
  request.path = http.path;
  request.query = http.query;
  request.body = http.body;
  request.headers = http.headers;
  const auto match = ApiTable().Match(http.method, http.path);
  if (!match.ok()) return match.status();
  EXPECT_NE(match->route, nullptr) << http.path;
  const auto message = ReadRpcRequest(*match, request);
  if (!message.ok()) return message.status();
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.PrintToString(**message, &text);
  return text;
}

TEST(RpcRequestTest, QueryParametersSetFieldsOfEveryKind) {
  EXPECT_EQ(*Read({.method = "GET",
                   .path = "/v1/hosts",
                   .query = "selection.on=web*&selection.on=db%2F1&selection.tagged=prod"
                            "&pageSize=7&selection.all=true&page_token=x"}),
            "selection { on: \"web*\" on: \"db/1\" tagged: \"prod\" all: true } page_size: 7 "
            "page_token: \"x\" ");
  EXPECT_EQ(*Read({.method = "GET",
                   .path = "/v1/deployments",
                   .query = "filter.states=RUNNING&filter.states=DEPLOYMENT_STATE_FAILED"
                            "&filter.since=2026-11-22T22:15:30Z&view=FULL&filter.host=web1"}),
            "filter { states: DEPLOYMENT_STATE_RUNNING states: DEPLOYMENT_STATE_FAILED host: "
            "\"web1\" since { seconds: 1795385730 } } view: VIEW_FULL ");
}

TEST(RpcRequestTest, PathVariablesAreFieldsExceptTheHostOfAnAgent) {
  EXPECT_EQ(*Read({.method = "GET", .path = "/v1/hosts/web%201"}), "host: \"web 1\" ");
  EXPECT_EQ(*Read({.method = "GET", .path = "/v1/hosts/web1/services/nginx"}),
            "service: \"nginx\" ");
}

TEST(RpcRequestTest, ABodyIsTheRequestWithoutThePath) {
  EXPECT_EQ(*Read({.method = "POST",
                   .path = "/v1/services/nginx:rollback",
                   .body = R"({"selection": {"on": ["web1"]}, "hash": "abcd"})"}),
            "selection { on: \"web1\" } service: \"nginx\" hash: \"abcd\" ");
  EXPECT_EQ(*Read({.method = "POST", .path = "/v1/services/nginx:pull"}), "service: \"nginx\" ");
}

TEST(RpcRequestTest, HeadersSetRequestIdAndResumeToken) {
  EXPECT_EQ(*Read({.method = "POST",
                   .path = "/v1/deployments",
                   .body = R"({"planToken": "t"})",
                   .headers = {{"Idempotency-Key", "k1"}}}),
            "plan_token: \"t\" request_id: \"k1\" ");
  EXPECT_EQ(
      *Read({.method = "GET", .path = "/v1/hosts:watch", .headers = {{"Last-Event-ID", "r1"}}}),
      "resume_token: \"r1\" ");
  EXPECT_EQ(*Read({.method = "POST",
                   .path = "/v1/services/nginx:pull",
                   .headers = {{"Idempotency-Key", "k1"}}}),
            "service: \"nginx\" ")
      << "an RPC that may be repeated anyway";
}

struct BadCase {
  Http http;
  const char* field;
  const char* message;
};

class BadRequestTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadRequestTest, NamesTheFieldAsJsonSpellsIt) {
  const absl::Status status = Read(GetParam().http).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  const google::rpc::BadRequest bad = BadRequestOf(status);
  ASSERT_EQ(bad.field_violations_size(), *GetParam().field == '\0' ? 0 : 1);
  if (bad.field_violations_size() == 1) {
    EXPECT_EQ(bad.field_violations(0).field(), GetParam().field);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRequestTest,
    ::testing::Values(
        BadCase{{"GET", "/v1/hosts", "selection.taged=x"}, "selection.taged", "selection.tagged"},
        BadCase{{"GET", "/v1/hosts", "selection=x"}, "selection", "not a query parameter"},
        BadCase{{"GET", "/v1/hosts", "pageSize=1&page_size=2"}, "pageSize", "given twice"},
        BadCase{{"GET", "/v1/hosts", "pageSize=many"}, "pageSize", "32-bit integer"},
        BadCase{{"GET", "/v1/hosts", "selection.all=yes"}, "selection.all", "true or false"},
        BadCase{{"GET", "/v1/deployments", "filter.states=OK&filter.states=RUNING"},
                "filter.states[0]",
                "is not a value of DeploymentState"},
        BadCase{{"GET", "/v1/services", "service="}, "service", "is empty"},
        BadCase{{"GET", "/v1/hosts/web1", "host=web2"}, "host", "not a query parameter"},
        BadCase{{"GET", "/v1/hosts", "pageSize=%f"}, "", "two hex digits"},
        BadCase{{"POST", "/v1/services/nginx:pull", "selection.on=x"},
                "selection.on",
                "not a query parameter"},
        BadCase{{"POST", "/v1/services/nginx:pull", "", R"({"service": "nginx"})"},
                "service",
                "in the path already"},
        BadCase{{"POST", "/v1/services/nginx:pull", "", R"({"selection": {"on": "x"}})"},
                "selection.on",
                "an array"},
        BadCase{{"POST", "/v1/services/nginx:pull", "", "[]"}, "", "not an object"},
        BadCase{{"POST",
                 "/v1/deployments",
                 "",
                 R"({"planToken": "t", "requestId": "a"})",
                 {{"Idempotency-Key", "b"}}},
                "requestId",
                "differ"},
        BadCase{{"POST",
                 "/v1/deployments",
                 "",
                 "{}",
                 {{"Idempotency-Key", "a"}, {"idempotency-key", "a"}}},
                "requestId",
                "the header Idempotency-Key is given 2 times"},
        BadCase{{"POST", "/v1/deployments", "", "{}", {{"Idempotency-Key", "\xff"}}},
                "requestId",
                "not UTF-8"}));

}  // namespace
}  // namespace gitops
