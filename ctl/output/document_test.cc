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

TEST(DocumentTest, ControlCharactersStayEscaped) {
  v1::Service service;
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
