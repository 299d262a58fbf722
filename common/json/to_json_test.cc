#include <gtest/gtest.h>

#include <climits>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "common/json/json.h"
#include "gitops/testing/v1/everything.pb.h"
#include "gitops/v1/agent.pb.h"
#include "gitops/v1/report.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace gitops {
namespace {

std::string Text(const google::protobuf::Message& message) {
  const auto json = ToJson(message);
  EXPECT_TRUE(json.ok()) << json.status();
  return json.ok() ? json->dump() : "";
}

TEST(ToJson, PrintsEveryFieldInItsOrder) {
  v1::Service service;
  service.set_host("web1");
  service.set_service("nginx");
  service.set_state(v1::SERVICE_STATE_OK);
  service.mutable_change_time()->set_seconds(1668762892);
  service.set_tracking(v1::TRACKING_COORDINATED);
  service.set_generation(7);
  EXPECT_EQ(Text(service),
            R"({"host":"web1","service":"nginx","state":"OK","stateInfo":"","hash":"",)"
            R"("targetHash":"","changeTime":"2022-11-18T09:14:52Z","pinnedHash":"","frozenBy":"",)"
            R"("lastPollTime":null,"nextAttemptTime":null,"upstream":"","branch":"","user":"",)"
            R"("action":"","tracking":"COORDINATED","directories":[],"revisions":[],"changes":[],)"
            R"("generation":"7","frozenByPrincipal":null,"sync":"UNSPECIFIED",)"
            R"("stateReason":"UNSPECIFIED","commit":null,"targetCommit":null,"revisionCommits":[],)"
            R"("failedHealth":null,"freezeReason":""})");
}

TEST(ToJson, CompletesTheMessagesInAMessage) {
  v1::Service service;
  service.add_directories()->set_local("/etc/nginx");
  v1::Change* change = service.add_changes();
  change->set_from_state(v1::SERVICE_STATE_DIFF);
  change->mutable_duration()->set_nanos(12'000'000);
  const auto json = ToJson(service);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["directories"].dump(), R"([{"local":"/etc/nginx","link":"","file":false}])");
  EXPECT_EQ((*json)["changes"].dump(),
            R"([{"time":null,"fromHash":"","toHash":"","fromState":"DIFF","toState":"UNSPECIFIED",)"
            R"("reason":"","actor":"","duration":"0.012s","principal":null,"commit":null}])");
}

TEST(ToJson, PrintsThePrincipalBesideItsText) {
  v1::Change change;
  change.set_actor("alice (unix, not authenticated)");
  change.mutable_principal()->set_kind(v1::Principal::KIND_USER);
  change.mutable_principal()->set_name("alice");
  change.mutable_principal()->set_authentication(v1::Principal::AUTHENTICATION_UNIX_SOCKET);
  change.mutable_principal()->set_address("unix");
  const auto json = ToJson(change);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["principal"].dump(),
            R"({"kind":"USER","name":"alice","authentication":"UNIX_SOCKET","address":"unix",)"
            R"("onBehalfOf":"","uid":null,"onBehalfOfRole":""})");
}

TEST(ToJson, TakesThePrefixOfAnEnumInAMessage) {
  v1::Difference difference;
  difference.set_kind(v1::Difference::KIND_NOT_PUBLISHED);
  EXPECT_EQ(
      Text(difference),
      R"({"kind":"NOT_PUBLISHED","path":"","detail":"","addedLines":"0","removedLines":"0"})");
}

TEST(ToJson, PrintsAnUnknownEnumValueAsItsNumber) {
  v1::Difference difference;
  difference.set_kind(static_cast<v1::Difference::Kind>(42));
  EXPECT_EQ(Text(difference),
            R"({"kind":42,"path":"","detail":"","addedLines":"0","removedLines":"0"})");
}

TEST(ToJson, LeavesOutWhatIsNotSetOfAOneof) {
  v1::ReportRequest request;
  EXPECT_EQ(Text(request), R"({"audit":null})");
  request.mutable_heartbeat();
  EXPECT_EQ(Text(request), R"({"heartbeat":{},"audit":null})");
}

TEST(ToJson, PrintsEachKindOfField) {
  testing::v1::Everything everything;
  everything.mutable_second()->set_name("größe \"\n");
  (*everything.mutable_parts())["a"].set_name("b");
  (*everything.mutable_colours())[-7] = testing::v1::COLOUR_GREEN;
  everything.set_content(std::string("\xff\xfe\0z", 4));
  everything.add_contents("\xff");
  everything.set_ratio(0.1);
  everything.set_count(UINT32_MAX);
  everything.set_limit(0);
  everything.set_colour(testing::v1::COLOUR_UNSPECIFIED);
  EXPECT_EQ(Text(everything),
            R"({"filter":null,"second":{"name":"größe \"\n"},"parts":{"a":{"name":"b"}},)"
            R"("colours":{"-7":"GREEN"},"content":"//4Aeg==","contents":["/w=="],"ratio":0.1,)"
            R"("count":4294967295,"limit":0,"inner":null,"list":[],"colour":"UNSPECIFIED"})");
  everything.set_ratio(std::numeric_limits<double>::infinity());
  EXPECT_EQ((*ToJson(everything))["ratio"], "Infinity");
}

TEST(ToJson, PrintsTimesWithTheDigitsTheyHave) {
  v1::Change change;
  change.mutable_time()->set_seconds(1668762892);
  change.mutable_time()->set_nanos(7);
  change.mutable_duration()->set_seconds(-5);
  change.mutable_duration()->set_nanos(-500'000'000);
  const auto json = ToJson(change);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["time"], "2022-11-18T09:14:52.000000007Z");
  EXPECT_EQ((*json)["duration"], "-5.500s");
}

TEST(ToJson, PrintsATypeThatHasAFormOfItsOwnInThatForm) {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason("HOST_UNKNOWN");
  status.add_details()->PackFrom(info);
  const auto json = ToJson(status);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["details"][0]["reason"], "HOST_UNKNOWN");
  EXPECT_EQ((*json)["details"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
}

TEST(ToJson, ATimeThatJsonCannotSayIsAnError) {
  v1::Service service;
  service.mutable_change_time()->set_seconds(LLONG_MAX);
  EXPECT_EQ(ToJson(service).status().code(), absl::StatusCode::kInternal);
  v1::Change change;
  change.mutable_time()->set_nanos(1'000'000'000);
  EXPECT_EQ(ToJson(change).status().code(), absl::StatusCode::kInternal);
  change.clear_time();
  change.mutable_duration()->set_seconds(1);
  change.mutable_duration()->set_nanos(-1);
  EXPECT_EQ(ToJson(change).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace gitops
