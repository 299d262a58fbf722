#include "agent/program/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kFleet[] = R"(
[global]
upstream = "file:///nowhere"
mount = "/srv/gitops"

[[services]]
machine = "web1"
service = "web"
dirs = [{ local = "/etc/web", link = "web" }]

[[services]]
machine = "canary"
service = "db"
dirs = [{ local = "/etc/db", link = "db" }]

[[services]]
machine = "build1"
service = "nix"
profile = "web"
job_uri = "https://hydra.example/job/proj/jobset/web"
)";

class AgentSettingsTest : public testing::Test {
 protected:
  absl::StatusOr<AgentConfig> Load(const std::string& text,
                                   const std::vector<std::string>& arguments = {},
                                   const std::string& host = "web1") {
    auto flags =
        ReadFlags(AgentSettings(), arguments, [](const std::string&) { return std::nullopt; });
    if (!flags.ok()) return flags.status();
    return ParseAgentConfig(*flags, text, file_, host);
  }
  static std::vector<std::string> Names(const AgentConfig& config) {
    std::vector<std::string> names;
    for (const ServiceSpec& spec : config.services) names.push_back(spec.service);
    return names;
  }

  const std::string file_ = "/etc/gitops/config.toml";
};

TEST_F(AgentSettingsTest, GitoppersShortFlagsMeanWhatTheyMeanThere) {
  auto flags =
      ReadFlags(AgentSettings(),
                {"-c", "c.toml", "-h", "a,b", "-t", "90s", "-m", "127.0.0.1:1", "-o=false", "-r",
                 "-d", "-U",     "u",  "-D",  "d",  "-B",  "b",  "-M",          "/m",       "-P"},
                [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->Get("config"), "c.toml");
  EXPECT_THAT(flags->GetList("hosts"), ElementsAre("a", "b"));
  EXPECT_EQ(flags->GetDuration("poll"), absl::Seconds(90));
  EXPECT_EQ(flags->Get("metrics-listen"), "127.0.0.1:1");
  EXPECT_FALSE(flags->GetBool("root"));
  for (const char* set : {"restart", "debug", "pull"}) EXPECT_TRUE(flags->GetBool(set)) << set;
  EXPECT_EQ(flags->Get("upstream"), "u");
  EXPECT_EQ(flags->Get("directory"), "d");
  EXPECT_EQ(flags->Get("branch"), "b");
  EXPECT_EQ(flags->Get("mount"), "/m");
}

TEST_F(AgentSettingsTest, TheServicesOfThisHostAndItsAliasesArePicked) {
  auto config = Load(kFleet, {"--hosts", "canary,web1"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->machines, ElementsAre("canary", "web1"));
  EXPECT_THAT(Names(*config), ElementsAre("web", "db"));
  EXPECT_THAT(Names(*Load(kFleet)), ElementsAre("web"));
  EXPECT_THAT(Names(*Load(kFleet, {}, "elsewhere")), ElementsAre());
}

constexpr char kListed[] = R"([[services]]
tagged = ["web"]
service = "nginx"
upstream = "file:///x"
branch = "${machine}"
[[services]]
machine = "localhost"
service = "base"
upstream = "file:///x"
[[hosts]]
name = "Web1"
tags = ["web", "prod"]
[[hosts]]
name = "db1"
)";

TEST_F(AgentSettingsTest, TheTagsAreThoseOfTheEntryWithTheHostsName) {
  EXPECT_THAT(Names(*Load(kListed)), ElementsAre("nginx"));
  EXPECT_EQ(Load(kListed)->services[0].branch, "Web1");
  EXPECT_THAT(Names(*Load(kListed, {"--name", "web1"}, "elsewhere")), ElementsAre("nginx"));
  EXPECT_THAT(Names(*Load(kListed, {"--hosts", "web1"}, "elsewhere")), ElementsAre("nginx"));
  EXPECT_THAT(Names(*Load(kListed, {"--name", "db1", "--hosts", "web1"})), ElementsAre());
  EXPECT_THAT(Names(*Load(kListed, {}, "elsewhere")), ElementsAre());
}

TEST_F(AgentSettingsTest, AHostHasOneNameForItsServicesAndAliasesOnlySelectThem) {
  const auto config = Load(kListed, {"--name", "n1", "--hosts", "localhost,web"}, "machine");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->host.name, "n1");
  EXPECT_TRUE(config->host.certain);
  ASSERT_THAT(Names(*config), ElementsAre("base"));
  EXPECT_EQ(config->services[0].machine, "n1");
  EXPECT_THAT(config->machines, ElementsAre("localhost", "n1", "web"));
  EXPECT_THAT(config->hosts, IsEmpty());
  EXPECT_THAT(std::string(Load("", {"--name", "a/b"}).status().message()),
              HasSubstr("--name: name: "));
}

TEST_F(AgentSettingsTest,
       WithoutANameItIsTheAliasInTheFleetElseTheMachinesOwnElseLeftToThePlanner) {
  struct Case {
    const char* hosts;
    const char* machine;
    const char* name;
    bool certain;
  };
  for (const Case& c : {
           Case{"web1", "vm", "Web1", true},
           Case{"web1,web", "vm", "Web1", true},
           Case{"web1", "db1", "Web1", true},
           Case{"web", "db1", "db1", true},
           Case{"", "vm", "vm", true},
           Case{"localhost", "vm", "vm", true},
           Case{"web,web9", "vm", "web", false},
           Case{"web1,db1", "vm", "Web1", false},
       }) {
    const auto config = Load(kListed, {"--hosts", c.hosts}, c.machine);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->host.name, c.name) << c.hosts;
    EXPECT_EQ(config->host.certain, c.certain) << c.hosts;
  }
  // Of several, the one that services name.
  EXPECT_EQ(Load(kFleet, {"--hosts", "web,canary"}, "vm")->services[0].machine, "canary");
}

TEST_F(AgentSettingsTest, OtherNamesAreTheAliasesAsTheyWereGivenAndThenTheMachinesOwn) {
  EXPECT_THAT(Load(kFleet, {"--hosts", "zulu,web1,alpha,zulu"})->host.aliases,
              ElementsAre("zulu", "alpha", "web1"));
  EXPECT_THAT(Load(kFleet)->host.aliases, ElementsAre("web1"));
  EXPECT_THAT(Load(kFleet, {"--name", "n1", "--hosts", "a,n1"})->host.aliases, ElementsAre("a"));
}

TEST_F(AgentSettingsTest, ThePlannerIsNamedByFlagOrFileAndByNoneOtherwise) {
  EXPECT_EQ(Load(kFleet)->settings.Get("planner"), "");
  EXPECT_EQ(Load(kFleet, {"--planner", "a:1"})->settings.Get("planner"), "a:1");
  const std::string file = "[agent]\nplanner = \"b:1\"\nadvertise = \":9\"\n";
  EXPECT_EQ(Load(file)->settings.Get("planner"), "b:1");
  EXPECT_EQ(Load(file)->settings.Get("advertise"), ":9");
}

TEST_F(AgentSettingsTest, AHydraServiceIsRefusedWhereItIsThisHosts) {
  const absl::Status refused = Load(kFleet, {}, "build1").status();
  EXPECT_TRUE(absl::IsUnimplemented(refused));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr(absl::StrCat(file_, ":16: [[services]] \"nix\": profile: ")),
                    HasSubstr("job_uri")));
}

TEST_F(AgentSettingsTest, APollWithoutAPauseIsRefusedWhereverItIsGiven) {
  const auto read = [](const std::vector<std::string>& arguments, const std::string& variable) {
    return ReadFlags(AgentSettings(), arguments,
                     [&](const std::string& name) {
                       return name == "GITOPS_POLL" ? std::optional(variable) : std::nullopt;
                     })
        .status();
  };
  EXPECT_EQ(read({"--poll", "0s"}, "").message(), "--poll: \"0s\" is less than 10ms");
  EXPECT_EQ(read({}, "9ms").message(), "GITOPS_POLL: \"9ms\" is less than 10ms");
  EXPECT_TRUE(read({"-t", "10ms"}, "").ok());
  EXPECT_THAT(std::string(Load("[agent]\npoll = 0\n").status().message()),
              HasSubstr(absl::StrCat(file_, ":2: [agent]: poll: \"0\" is less than 10ms")));
}

TEST_F(AgentSettingsTest, FaultsOfSettingsAndServicesAreToldTogether) {
  const absl::Status bad =
      Load("[global]\nmuont = \"/srv\"\n\n[agent]\nlog-fromat = \"json\"\n").status();
  EXPECT_TRUE(absl::IsInvalidArgument(bad));
  EXPECT_THAT(std::string(bad.message()),
              AllOf(HasSubstr(absl::StrCat(file_, ":2")), HasSubstr("muont"),
                    HasSubstr(absl::StrCat(file_, ":5")), HasSubstr("log-fromat")));
}

TEST_F(AgentSettingsTest, WhatIsNoTomlIsToldOnce) {
  const std::string told(Load("[global\n").status().message());
  EXPECT_THAT(told, HasSubstr(absl::StrCat(file_, ":1")));
  EXPECT_THAT(told, Not(HasSubstr("\n"))) << told;
}

TEST_F(AgentSettingsTest, BootstrapIsToldByFlagsOnly) {
  for (const char* key : {"upstream", "directory", "branch", "mount", "pull"}) {
    const absl::Status refused =
        Load(absl::StrCat(kFleet, "\n[agent]\n", key, " = \"x\"\n")).status();
    EXPECT_THAT(std::string(refused.message()), HasSubstr(key));
  }
}

TEST_F(AgentSettingsTest, DebugIsALogLevel) {
  EXPECT_EQ(Load(kFleet)->settings.Get("log-level"), "info");
  EXPECT_EQ(Load(kFleet, {"-d"})->settings.Get("log-level"), "debug");
}

TEST_F(AgentSettingsTest, AnEmptyFileIsAHostWithoutServices) {
  const absl::StatusOr<AgentConfig> loaded = Load("");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(Names(*loaded), IsEmpty());
}

}  // namespace
}  // namespace gitops
