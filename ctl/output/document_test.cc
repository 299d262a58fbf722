#include "ctl/output/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "gitops/v1/agent.pb.h"

namespace gitops::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Service Nginx() {
  v1::Service service;
  service.set_host("web1");
  service.set_service("nginx");
  service.set_state(v1::SERVICE_STATE_OK);
  service.set_hash("0123");
  service.mutable_change_time()->set_seconds(1668762892);
  service.set_tracking(v1::TRACKING_COORDINATED);
  service.set_generation(7);
  return service;
}

TEST(DocumentTest, EveryFieldIsPrintedInItsOrder) {
  const auto json = ToJson(Nginx());
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(JsonLine(*json),
            R"({"host":"web1","service":"nginx","state":"OK","stateInfo":"","hash":"0123",)"
            R"("targetHash":"","changeTime":"2022-11-18T09:14:52Z","pinnedHash":"","frozenBy":"",)"
            R"("lastPollTime":null,"nextAttemptTime":null,"upstream":"","branch":"","user":"",)"
            R"("action":"","tracking":"coordinated","directories":[],"revisions":[],"changes":[],)"
            R"("generation":"7"})"
            "\n");
}

TEST(DocumentTest, NestedMessagesAreCompletedToo) {
  v1::Service service = Nginx();
  service.add_directories()->set_local("/etc/nginx");
  v1::Change* change = service.add_changes();
  change->set_from_state(v1::SERVICE_STATE_DIFF);
  change->mutable_duration()->set_nanos(12'000'000);
  const auto json = ToJson(service);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["directories"].dump(), R"([{"local":"/etc/nginx","link":"","file":false}])");
  EXPECT_EQ((*json)["changes"].dump(),
            R"([{"time":null,"fromHash":"","toHash":"","fromState":"DIFF","toState":"UNSPECIFIED",)"
            R"("reason":"","actor":"","duration":"0.012s"}])");
}

TEST(DocumentTest, NestedEnumsLoseTheirPrefix) {
  v1::DiffServiceResponse response;
  response.add_differences()->set_kind(v1::Difference::KIND_NOT_PUBLISHED);
  const auto json = ToJson(response);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["differences"][0]["kind"], "NOT_PUBLISHED");
}

TEST(DocumentTest, StateOfANewerAgentIsItsNumber) {
  v1::Service service;
  service.set_state(static_cast<v1::ServiceState>(42));
  const auto json = ToJson(service);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["state"], 42);
}

TEST(DocumentTest, ATimeThatJsonCannotSayIsAnError) {
  v1::Service service;
  service.mutable_change_time()->set_seconds(INT64_MAX);
  EXPECT_EQ(ToJson(service).status().code(), absl::StatusCode::kInternal);
}

TEST(DocumentTest, ControlCharactersStayEscaped) {
  v1::Service service = Nginx();
  service.set_state_info("\x1b[2J \x7f \xc2\x9b \xe2\x80\xae größe\n");
  const auto json = ToJson(service);
  ASSERT_TRUE(json.ok()) << json.status();
  for (const std::string& text : {JsonText(*json), JsonLine(*json), YamlText(*json)}) {
    for (const char* harmful : {"\x1b", "\x7f", "\xc2\x9b", "\xe2\x80\xae"}) {
      EXPECT_THAT(text, Not(HasSubstr(harmful)));
    }
    EXPECT_THAT(text, HasSubstr("größe"));
  }
  EXPECT_EQ(Json::parse(JsonText(*json))["stateInfo"], service.state_info());
  EXPECT_EQ(YAML::Load(YamlText(*json))["stateInfo"].as<std::string>(), service.state_info());
}

TEST(DocumentTest, YamlKeepsStringsStrings) {
  Json value = Json::object();
  value["plain"] = "nginx.service";
  value["digits"] = "0123";
  value["yes"] = "Yes";
  value["empty"] = "";
  value["colon"] = "ROLLBACK: abc";
  value["dash"] = "- x";
  value["number"] = 3;
  value["flag"] = false;
  value["none"] = nullptr;
  value["list"] = Json::array();
  value["items"] = Json::array({"a", Json{{"b", "c"}}});
  EXPECT_EQ(YamlText(value),
            "plain: nginx.service\n"
            "digits: \"0123\"\n"
            "yes: \"Yes\"\n"
            "empty: \"\"\n"
            "colon: \"ROLLBACK: abc\"\n"
            "dash: \"- x\"\n"
            "number: 3\n"
            "flag: false\n"
            "none: null\n"
            "list: []\n"
            "items:\n"
            "  - a\n"
            "  - b: c\n");
}

}  // namespace
}  // namespace gitops::ctl
