#include "common/program_config/setting_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gitops {
namespace {

using testing::HasSubstr;

Settings Read(const std::vector<std::string>& arguments) {
  const std::vector<SettingDefinition> definitions = {
      {.name = "planner"},
      {.name = "advertise"},
      {.name = "tls-dir"},
      {.name = "listen", .default_value = "127.0.0.1:8004"},
      {.name = "insecure", .default_value = "false", .type = SettingDefinition::Type::kBool},
  };
  auto settings =
      ReadFlags(definitions, arguments, [](const std::string&) { return std::nullopt; });
  EXPECT_TRUE(settings.ok()) << settings.status();
  return *settings;
}

TEST(SettingFaultTest, TheSourceOfTheValueComesFirst) {
  Settings settings = Read({"--planner", "x"});
  EXPECT_EQ(SettingFault(settings, "planner", absl::NotFoundError("bad")),
            absl::NotFoundError("--planner: bad"));
  settings.values["planner"].origin = "f.toml:7";
  EXPECT_EQ(SettingFault(settings, "planner", absl::NotFoundError("bad")),
            absl::NotFoundError("f.toml:7: planner: bad"));
  EXPECT_EQ(SettingFault(settings, "planner", absl::OkStatus()), absl::OkStatus());
}

TEST(AgentRulesTest, BadAddressesAreToldWithTheirSetting) {
  struct Case {
    std::vector<std::string> arguments;
    std::string said;
  };
  for (const Case& c : {
           Case{{"--planner", "http://p:8001"}, "--planner: "},
           Case{{"--planner", "127.0.0.1:0"}, "--planner: "},
           Case{{"--planner", ":8001"}, "--planner: "},
           Case{{"--planner", "planner.example:8001"}, "--insecure"},
           Case{{"--advertise", "web1:0"}, "--advertise: "},
           Case{{"--advertise", "web1:nine"}, "--advertise: "},
       }) {
    const absl::Status refused = CheckAgentRules(Read(c.arguments));
    EXPECT_TRUE(absl::IsInvalidArgument(refused) || absl::IsFailedPrecondition(refused))
        << c.arguments[1] << ": " << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(c.said));
  }
}

TEST(AgentRulesTest, GoodOnesAndNonePass) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"--planner", "127.0.0.1:8001"},
           {"--planner", "localhost"},
           {"--planner", "unix:/run/planner.sock"},
           {"--planner", "planner.example", "--insecure", "--advertise", "web1"},
           {"--planner", "planner.example", "--tls-dir", "/etc/tls"},
           {"--advertise", ":9000"},
       }) {
    EXPECT_EQ(CheckAgentRules(Read(arguments)), absl::OkStatus());
  }
}

}  // namespace
}  // namespace gitops
