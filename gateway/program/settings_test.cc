#include "gateway/program/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<GatewayConfig> Load(std::vector<std::string> arguments,
                                   const std::string& text = "") {
  if (!text.empty()) {
    const std::string file = ::testing::TempDir() + "config.toml";
    std::ofstream(file) << text;
    arguments.push_back("--config=" + file);
  }
  const auto none = [](const std::string&) { return std::nullopt; };
  auto flags = ReadFlags(GatewaySettings(), arguments, none);
  if (!flags.ok()) return flags.status();
  return LoadGatewayConfig(*flags);
}

TEST(GatewaySettingsTest, DefaultsAreThoseOfTheContracts) {
  const auto config = Load({});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings.Get("listen"), "127.0.0.1:8000");
  EXPECT_EQ(config->settings.Get("planner"), "127.0.0.1:8001");
  EXPECT_EQ(config->settings.Get("promotion-receiver"), "127.0.0.1:8003");
  EXPECT_EQ(config->gitopper_access, GitopperAccess::kNone);
  EXPECT_EQ(config->rate_limit.per_second, 50);
  EXPECT_EQ(config->rate_limit.burst, 500);
  EXPECT_EQ(config->max_body, 1 << 20);
}

TEST(GatewaySettingsTest, ItsTableIsReadAndAFlagIsStronger) {
  const auto config = Load({"--rate-limit=7/s"},
                           "[gateway]\nrate-limit = \"5/s\"\nmax-body = \"2MiB\"\n"
                           "trusted-proxies = [\"10.0.0.0/8\", \"::1\"]\n"
                           "gitopper-access = \"read\"\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rate_limit.per_second, 7);
  EXPECT_EQ(config->max_body, 2 << 20);
  EXPECT_EQ(config->gitopper_access, GitopperAccess::kRead);
  EXPECT_THAT(config->settings.GetList("trusted-proxies"), ElementsAre("10.0.0.0/8", "::1"));
}

TEST(GatewaySettingsTest, ABadValueIsNamedWithItsSource) {
  for (const char* flag :
       {"--planner=x:y", "--agent=:::", "--rate-limit=fast", "--trusted-proxies=nobody",
        "--max-body=much", "--gitopper-access=all"}) {
    const auto config = Load({flag});
    ASSERT_FALSE(config.ok()) << flag;
    const std::string name(flag, std::string(flag).find('='));
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(name));
  }
}

TEST(GatewaySettingsTest, WhereOthersKeepTheirStateIsAccepted) {
  const auto config = Load({"--store=etcd://127.0.0.1:2379/gitops", "--state-dir=/no/such"});
  ASSERT_TRUE(config.ok()) << config.status();
}

TEST(GatewaySettingsTest, TheReferenceHasEverySetting) {
  std::ifstream file("docs/reference/settings.md");
  std::stringstream reference;
  reference << file.rdbuf();
  const std::string text = reference.str();
  const std::string own = text.substr(text.find("## Settings of the gateway"));
  for (const SettingDefinition& definition : GatewaySettings()) {
    const std::string row = absl::StrCat("| `--", definition.name, "`");
    EXPECT_THAT(text, HasSubstr(row));
  }
  for (const char* name : {"planner", "promotion-receiver", "hook-dispatcher", "agent", "tokens",
                           "trusted-proxies", "gitopper-access", "rate-limit", "max-body"}) {
    EXPECT_THAT(own, HasSubstr(absl::StrCat("| `--", name, "` |")));
  }
}

}  // namespace
}  // namespace gitops
