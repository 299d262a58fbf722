#include "gateway/api/api_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/eventually.h"
#include "gateway/api/api_fixture.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using ApiRoutesTest = ApiFixture;

TEST_F(ApiRoutesTest, AGetIsTheRpcsJson) {
  StartApi();
  const std::string answer = Answer("GET /v1/hosts/web1");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("Content-Type: application/json"),
                            HasSubstr("ETag: W/\"e1\"")));
  const Json body = BodyOf(answer);
  EXPECT_EQ(body["host"]["host"], "web1");
  EXPECT_EQ(body["host"]["state"], "UNSPECIFIED");
  EXPECT_TRUE(body["host"]["lastSeenTime"].is_null());
  EXPECT_EQ(body["host"]["version"], "operator from ipv4:127.0.0.1") << "the caller is passed on";
}

TEST_F(ApiRoutesTest, AnUnchangedResourceIsNotSentAgain) {
  StartApi();
  EXPECT_THAT(Answer("GET /v1/hosts/web1", "If-None-Match: W/\"e1\"\r\n"),
              HasSubstr("HTTP/1.1 304"));
  EXPECT_THAT(Answer("GET /v1/hosts/web1", "If-None-Match: \"e0\"\r\n"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(Answer("GET /v1/hosts/web1", "If-Match: \"e0\"\r\n"), HasSubstr("HTTP/1.1 412"));
}

TEST_F(ApiRoutesTest, APostWithIfMatchIsDoneOnlyAtThatVersion) {
  StartApi();
  const std::string cancel = "POST /v1/deployments/x:cancel";
  EXPECT_THAT(Answer(cancel, "If-Match: \"d7\"\r\n"), HasSubstr("HTTP/1.1 412"));
  EXPECT_THAT(Answer("POST /v1/deployments/gone:cancel", "If-Match: \"d0\"\r\n"),
              HasSubstr("HTTP/1.1 404"));
  EXPECT_EQ(planner_.cancels, 0);
  EXPECT_THAT(Answer(cancel, "If-Match: \"d7\", W/\"d0\"\r\n"), HasSubstr("HTTP/1.1 200"));
  EXPECT_EQ(planner_.cancels, 1);
  EXPECT_THAT(Answer(cancel, "If-Match: W/\"d0\"\r\n"), HasSubstr("HTTP/1.1 412"));
  EXPECT_EQ(planner_.cancels, 1);
}

TEST_F(ApiRoutesTest, IfMatchCannotHoldForWhatHasNoVersion) {
  StartApi();
  for (const char* target : {"POST /v1/services/nginx:pull", "POST /v1/deployments"}) {
    EXPECT_THAT(Answer(target, "If-Match: *\r\n"), HasSubstr("HTTP/1.1 412")) << target;
  }
}

TEST_F(ApiRoutesTest, HeadHasNoBody) {
  StartApi();
  const std::string answer = Answer("HEAD /v1/hosts/web1");
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200"));
  EXPECT_TRUE(absl::EndsWith(answer, "\r\n\r\n")) << answer;
}

TEST_F(ApiRoutesTest, AnErrorIsAProblemWithReasonMetadataAndFields) {
  StartApi();
  const std::string answer = Answer("GET /v1/hosts/gone");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 404"), HasSubstr("application/problem+json")));
  const Json problem = BodyOf(answer);
  EXPECT_EQ(problem["reason"], "HOST_UNKNOWN");
  EXPECT_EQ(problem["metadata"]["host"], "gone");
  EXPECT_EQ(problem["violations"][0]["field"], "someField[0]");
}

TEST_F(ApiRoutesTest, UnknownPathsMethodsAndParametersAreRefused) {
  StartApi();
  EXPECT_THAT(Answer("GET /v1/nothing"), AllOf(HasSubstr("404"), HasSubstr("\"NOT_FOUND\"")));
  EXPECT_THAT(Answer("PUT /v1/hosts/web1"),
              AllOf(HasSubstr("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD\r\n")));
  EXPECT_THAT(Answer("GET /v1/hosts/web1?x=1"), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(Answer("GET /v1/hosts/a%2fb"), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(Answer("GET /v1/hosts/.."), HasSubstr("HTTP/1.1 400"));
}

TEST_F(ApiRoutesTest, AChangeNeedsTheRoleOfTheRpc) {
  StartApi();
  const std::string answer =
      Ask("POST /v1/services/nginx:pull HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n"
          "Connection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 403"), HasSubstr("PERMISSION_DENIED")));
}

TEST_F(ApiRoutesTest, ContentOfFilesIsForOperators) {
  StartApi();
  const std::string body = "{\"toHash\": \"abcd\", \"content\": true}";
  const std::string diff = "POST /v1/services/nginx:diff";
  EXPECT_THAT(Answer(diff, "", body), HasSubstr("+secret"));
  EXPECT_THAT(Ask(absl::StrCat(diff,
                               " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n"
                               "Connection: close\r\nContent-Length: ",
                               body.size(), "\r\n\r\n", body)),
              AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("/etc/app"), HasSubstr("addedLines"),
                    Not(HasSubstr("+secret"))));
}

TEST_F(ApiRoutesTest, IdempotencyKeyIsTheRequestId) {
  StartApi();
  const Json body =
      BodyOf(Answer("POST /v1/deployments", "Idempotency-Key: k1\r\n", R"({"planToken":"t"})"));
  EXPECT_EQ(body["deployment"]["id"], "k1");
}

TEST_F(ApiRoutesTest, AnAgentIsCalledAtTheAddressOfItsHost) {
  StartApi();
  const std::string answer = Answer("GET /v1/hosts/web1/services/nginx");
  EXPECT_THAT(answer, HasSubstr("ETag: W/\"7\""));
  EXPECT_EQ(BodyOf(answer)["service"]["state"], "OK");
  EXPECT_THAT(Answer("GET /v1/hosts/gone/services/nginx"), HasSubstr("HOST_UNKNOWN"));
}

TEST_F(ApiRoutesTest, TheOnlyAgentIsCalledWithoutAPlanner) {
  api_.planner = nullptr;
  api_.agent = Dial(agent_server_->address(), "agent", Reason::kHostUnreachable);
  StartApi();
  EXPECT_THAT(Answer("GET /v1/hosts/alias/services/nginx"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(Answer("GET /v1/hosts/only/services/nginx"), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(Answer("GET /v1/hosts/other/services/nginx"), HasSubstr("HOST_UNKNOWN"));
  EXPECT_THAT(Answer("GET /v1/hosts"),
              AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("PLANNER_UNREACHABLE")));
}

TEST_F(ApiRoutesTest, AServerThatIsGoneIsNamed) {
  planner_server_.reset();
  StartApi();
  const std::string answer = Answer("GET /v1/hosts");
  EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 503"), HasSubstr("PLANNER_UNREACHABLE"),
                            HasSubstr("cannot reach the planner at 127.0.0.1:")));
  EXPECT_THAT(Answer("GET /v1/pipelines"), HasSubstr("--promotion-receiver"));
}

TEST_F(ApiRoutesTest, AStreamIsALineForEachMessage) {
  StartApi();
  const std::string answer = Answer("POST /v1/services/nginx:pull");
  EXPECT_THAT(answer, AllOf(HasSubstr("Content-Type: application/x-ndjson"),
                            HasSubstr("{\"outcome\":{\"host\":\"web1\""),
                            HasSubstr("{\"outcome\":{\"host\":\"web2\""), HasSubstr("\r\n0\r\n")));
}

TEST_F(ApiRoutesTest, AnErrorAfterTheFirstMessageIsTheLastLine) {
  StartApi();
  EXPECT_THAT(Answer("POST /v1/services/broken:pull"),
              AllOf(HasSubstr("HTTP/1.1 200"), HasSubstr("\"host\":\"web2\""),
                    HasSubstr("{\"error\":{\"type\":\"about:blank\""),
                    HasSubstr("\"reason\":\"TOO_MANY_CALLS\"")));
  EXPECT_THAT(Answer("POST /v1/services/broken:pull", "Accept: text/event-stream\r\n"),
              HasSubstr("event: error\ndata: {\"type\":\"about:blank\""));
}

TEST_F(ApiRoutesTest, ServerSentEventsHaveIdsFromWhichTheyResume) {
  StartApi();
  RawClient client(address());
  client.Send(Request("GET /v1/hosts:watch",
                      "Accept: text/event-stream\r\nLast-Event-ID: -resumed\r\n", ""));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(client.ReadUntil("id: r1\ndata: "), HasSubstr("\"host\":\"web0-resumed\""));
}

TEST_F(ApiRoutesTest, AWatchEndsWhenItsClientIsGone) {
  StartApi();
  {
    RawClient client(address());
    client.Send(Request("GET /v1/hosts:watch", "", ""));
    client.ReadUntil("\"host\":\"web1\"");
  }
  EXPECT_TRUE(Eventually([&] { return planner_.cancelled() == 1; }));
}

TEST_F(ApiRoutesTest, AWatchEndsWhenTheGatewayStops) {
  StartApi();
  RawClient client(address());
  client.Send(Request("GET /v1/hosts:watch", "", ""));
  client.ReadUntil("\"host\":\"web1\"");
  server_->Stop(absl::Seconds(20));
  EXPECT_TRUE(Eventually([&] { return planner_.cancelled() == 1; }));
  EXPECT_THAT(client.ReadAll(), Not(HasSubstr("\r\n0\r\n"))) << "it is seen to be incomplete";
}

TEST_F(ApiRoutesTest, AWatchEndsWhenItsTokenIsRemoved) {
  StartApi();
  RawClient client(address());
  client.Send(Request("GET /v1/hosts:watch", "", ""));
  client.ReadUntil("\"host\":\"web1\"");
  tokens_removed_ = true;
  heartbeats_.BeatAll();
  EXPECT_TRUE(Eventually([&] { return planner_.cancelled() == 1; }));
  EXPECT_THAT(client.ReadAll(), Not(HasSubstr("\r\n0\r\n"))) << "it is seen to be incomplete";
}

TEST_F(ApiRoutesTest, ASlowClientGetsEveryMessageAndHoldsBackTheServer) {
  planner_.watch_count = 400;
  planner_.watch_bytes = 20'000;
  options_.stream_buffer = 64 << 10;
  StartApi();
  RawClient client(address(), /*receive_buffer=*/4096);
  client.Send(Request("GET /v1/hosts:watch", "", ""));
  for (int i = 0; i < planner_.watch_count; ++i) {
    ASSERT_THAT(client.ReadUntil(absl::StrCat("\"resumeToken\":\"r", i, "\"")),
                Not(HasSubstr("<closed>")));
  }
}

TEST_F(ApiRoutesTest, ABodyOverTheLimitIsRefused) {
  api_.max_body = 100;
  StartApi();
  EXPECT_THAT(Answer("POST /v1/deployments", "", std::string(101, ' ')), HasSubstr("HTTP/1.1 413"));
}

}  // namespace
}  // namespace gitops
