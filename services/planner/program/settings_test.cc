#include "services/planner/program/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kFleet[] = R"(
[global]
upstream = "file:///nowhere"
mount = "/srv/gitops"

[[services]]
machine = "web1"
service = "web"
dirs = [{ local = "/etc/web", link = "web" }]

[[services]]
machine = "build1"
service = "nix"
profile = "web"
job_uri = "https://hydra.example/job/proj/jobset/web"

[[hosts]]
name = "web1"
address = "127.0.0.1:8004"
)";

class PlannerSettingsTest : public testing::Test {
 protected:
  PlannerSettingsTest() {
    std::string name = absl::StrCat(testing::TempDir(), "/settings-XXXXXX");
    directory_ = ::mkdtemp(name.data());
    file_ = absl::StrCat(directory_, "/config.toml");
  }
  ~PlannerSettingsTest() override { std::filesystem::remove_all(directory_); }

  static absl::StatusOr<PlannerConfig> Load(const std::vector<std::string>& arguments) {
    auto flags =
        ReadFlags(PlannerSettings(), arguments, [](const std::string&) { return std::nullopt; });
    if (!flags.ok()) return flags.status();
    return LoadPlannerConfig(*flags);
  }
  absl::StatusOr<PlannerConfig> LoadText(const std::string& text,
                                         std::vector<std::string> arguments = {}) {
    std::ofstream(file_) << text;
    arguments.insert(arguments.end(), {"--config", file_});
    return Load(arguments);
  }

  std::string directory_, file_;
};

TEST_F(PlannerSettingsTest, WithoutAConfigTheFleetIsWhatReports) {
  const auto config = Load({});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->fleet->hosts, IsEmpty());
  EXPECT_EQ(config->settings.Get("listen"), "127.0.0.1:8001");
  EXPECT_EQ(config->settings.Get("metrics-listen"), "127.0.0.1:9221");
  EXPECT_EQ(config->settings.Get("state-dir"), "/var/lib/gitops-planner");
  EXPECT_EQ(config->settings.GetDuration("keep-for"), absl::ZeroDuration());
}

TEST_F(PlannerSettingsTest, TheFleetAndTheTableOfThePlannerStandInOneFile) {
  const auto config =
      LoadText(absl::StrCat(kFleet, "[planner]\nlock-ttl = \"10s\"\n[agent]\nroot = false\n"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->fleet->hosts, SizeIs(1));
  EXPECT_THAT(config->fleet->services, SizeIs(2))
      << "also what this planner's agents do not follow";
  EXPECT_EQ(config->settings.GetDuration("lock-ttl"), absl::Seconds(10));
  EXPECT_EQ(config->text.substr(0, 9), "\n[global]");
}

TEST_F(PlannerSettingsTest, FaultsOfSettingsAndFleetAreToldTogether) {
  const absl::Status bad =
      LoadText("[global]\nmuont = \"/srv\"\n\n[planner]\nlock-tll = \"1s\"\n").status();
  EXPECT_TRUE(absl::IsInvalidArgument(bad));
  EXPECT_THAT(std::string(bad.message()),
              AllOf(HasSubstr(absl::StrCat(file_, ":2")), HasSubstr("muont"),
                    HasSubstr(absl::StrCat(file_, ":5")), HasSubstr("\"lock-ttl\"")));
}

TEST_F(PlannerSettingsTest, WhatIsNoTomlIsToldOnce) {
  const std::string told(LoadText("[global\n").status().message());
  EXPECT_THAT(told, HasSubstr(absl::StrCat(file_, ":1")));
  EXPECT_THAT(told, Not(HasSubstr("\n"))) << told;
}

TEST_F(PlannerSettingsTest, ValuesThatCannotBeAreRefused) {
  const struct {
    std::vector<std::string> arguments;
    const char* told;
  } cases[] = {
      {{"--lock-ttl", "999ms"}, "less than 1s"},
      {{"--heartbeat", "0"}, "less than 10ms"},
      {{"--heartbeat", "90s"}, "must be longer than heartbeat"},
      {{"--stale-after", "30s"}, "must be longer than heartbeat"},
      {{"--keep-deployments", "0"}, "--keep-deployments: is 0"},
      {{"--max-parallel-hosts", "-1"}, "--max-parallel-hosts: is -1"},
      {{"--keep-deployments", "many"}, "many"},
      {{"--hook-dispatcher", "localhost:port"}, "--hook-dispatcher: bad address"},
      {{"--action-timeout", "soon"}, "soon"},
  };
  for (const auto& c : cases) {
    const absl::Status refused = Load(c.arguments).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << c.arguments[0];
    EXPECT_THAT(std::string(refused.message()), HasSubstr(c.told));
  }
}

TEST_F(PlannerSettingsTest, TheReferenceHasEverySetting) {
  std::ifstream file("docs/reference/settings.md");
  const std::string reference((std::istreambuf_iterator<char>(file)), {});
  for (const SettingDefinition& definition : PlannerSettings()) {
    EXPECT_THAT(reference, HasSubstr(absl::StrCat("`--", definition.name, "`")));
  }
}

TEST_F(PlannerSettingsTest, AnEmptyFileIsAFleetOfThoseThatReport) {
  const auto config = LoadText("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->fleet->hosts, IsEmpty());
}

TEST_F(PlannerSettingsTest, AFileThatCannotBeReadIsNamed) {
  const absl::Status missing = Load({"--config", file_}).status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()), AllOf(HasSubstr(file_), HasSubstr("No such file")));
}

TEST_F(PlannerSettingsTest, ThePlannerIsNamedAfterItsHostUnlessToldOtherwise) {
  EXPECT_EQ(PlannerName(Load({"--name", "east"})->settings), "east");
  EXPECT_NE(PlannerName(Load({})->settings), "");
}

}  // namespace
}  // namespace gitops
