// [[services]] for many hosts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/config/fleet.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kHosts[] = R"([global]
upstream = "https://git.example/ops.git"
[[hosts]]
name = "web1"
tags = ["web", "prod"]
[[hosts]]
name = "web2"
tags = ["web"]
[[hosts]]
name = "db1"
tags = ["db", "prod"]
)";  // 11 lines; what follows begins in line 12

FleetConfig Parse(const std::string& text) {
  auto config = ParseFleetConfig(text, "f.toml");
  if (!config.ok()) ADD_FAILURE() << config.status().message();
  return config.ok() ? *config : FleetConfig();
}

std::string FaultsOf(const std::string& text) {
  const auto config = ParseFleetConfig(text, "f.toml");
  return config.ok() ? "" : std::string(config.status().message());
}

// "nginx haproxy", the services of a host.
std::vector<std::string> Names(const FleetConfig& config, const std::string& host,
                               const std::vector<std::string>& aliases = {}) {
  const auto services = ServicesOf(config, host, aliases);
  if (!services.ok()) ADD_FAILURE() << services.status().message();
  std::vector<std::string> names;
  for (const ServiceSpec& service : services.value_or(std::vector<ServiceSpec>())) {
    names.push_back(service.service);
  }
  return names;
}

ServiceSpec Only(const FleetConfig& config, const std::string& host,
                 const std::vector<std::string>& aliases = {}) {
  const auto services = ServicesOf(config, host, aliases);
  if (!services.ok() || services->size() != 1) {
    ADD_FAILURE() << services.status().message() << " "
                  << (services.ok() ? static_cast<int>(services->size()) : -1);
    return ServiceSpec();
  }
  return services->front();
}

TEST(ServicesForMany, TaggedAreOnEachHostWithAllOfTheTags) {
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"(
[[services]]
tagged = ["web"]
service = "nginx"
[[services]]
tagged = ["prod", "web"]
service = "waf"
[[services]]
tagged = ["Web"]
service = "other-case"
)"));
  EXPECT_THAT(Names(config, "web1"), ElementsAre("nginx", "waf"));
  EXPECT_THAT(Names(config, "WEB2"), ElementsAre("nginx"));
  EXPECT_THAT(Names(config, "db1"), IsEmpty());
  EXPECT_EQ(Only(config, "WEB2").machine, "web2");
}

TEST(ServicesForMany, MachinesAreNamesGlobsAndRangesInAnyCase) {
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"(
[[services]]
machines = ["Web1", "db*"]
service = "a"
[[services]]
machines = ["web{1..6}"]
service = "b"
[[services]]
machines = ["*"]
service = "c"
[[services]]
machines = ["{db,lb}[0-9]", "x?"]
service = "d"
)"));
  EXPECT_THAT(Names(config, "web1"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Names(config, "web2"), ElementsAre("b", "c"));
  EXPECT_THAT(Names(config, "db1"), ElementsAre("a", "c", "d"));
  // A host need not be in [[hosts]].
  EXPECT_THAT(Names(config, "LB7"), ElementsAre("c", "d"));
}

TEST(ServicesForMany, BothKeysMustHold) {
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"(
[[services]]
machines = ["*1"]
tagged = ["prod"]
service = "a"
)"));
  EXPECT_THAT(Names(config, "web1"), ElementsAre("a"));
  EXPECT_THAT(Names(config, "web2"), IsEmpty());
  EXPECT_THAT(Names(config, "db1"), ElementsAre("a"));
  EXPECT_THAT(Names(config, "lb1"), IsEmpty()) << "it has no tags";
}

TEST(ServicesForMany, AliasesSelectOnlyEntriesForAMachine) {
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"(
[[services]]
machines = ["web2"]
service = "a"
[[services]]
tagged = ["web"]
service = "b"
[[services]]
machine = "localhost"
service = "c"
)"));
  EXPECT_THAT(Names(config, "db1", {"web2", "localhost"}), ElementsAre("c"));
}

TEST(ServicesForMany, AnEntryForAMachineOverridesOnlyTheKeysItHas) {
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"(
[[services]]
machine = "web1"
service = "nginx"
branch = "canary"
dirs = [ { local = "/etc/other", link = "o" } ]
[[services]]
tagged = ["web"]
service = "nginx"
branch = "stable"
user = "www-data"
action = "reload"
writable = false
dirs = [ { local = "/etc/nginx", link = "n" }, { local = "/etc/more", link = "m" } ]
)"));
  const ServiceSpec web1 = Only(config, "web1");
  EXPECT_EQ(web1.branch, "canary");
  EXPECT_THAT(web1.directories, ElementsAre(DirectorySpec{"/etc/other", "o", false}));
  EXPECT_EQ(web1.user, "www-data");
  EXPECT_EQ(web1.action, "reload");
  EXPECT_FALSE(web1.writable);
  EXPECT_EQ(web1.machine, "web1");
  const ServiceSpec web2 = Only(config, "web2");
  EXPECT_EQ(web2.branch, "stable");
  EXPECT_EQ(web2.directories.size(), 2);
}

TEST(ServicesForMany, TheValuesOfGlobalDoNotOverride) {
  const FleetConfig config = Parse(R"(
[global]
upstream = "https://git.example/global.git"
branch = "main"
machine = "nobody"
[[services]]
machines = ["web*"]
service = "nginx"
upstream = "https://git.example/own.git"
branch = "stable"
[[services]]
machine = "web1"
service = "nginx"
branch = ""
poll = "5s"
)");
  const ServiceSpec web1 = Only(config, "web1");
  EXPECT_EQ(web1.upstream.url, "https://git.example/own.git");
  EXPECT_EQ(web1.branch, "stable");
  EXPECT_EQ(web1.poll, absl::Seconds(5));
}

TEST(ServicesForMany, AnAliasMayOverrideToo) {
  const FleetConfig config = Parse(R"(
[[services]]
machines = ["web*"]
service = "nginx"
upstream = "https://git.example/own.git"
mount = "/srv/${machine}"
[[services]]
machine = "canary"
service = "nginx"
branch = "canary"
)");
  const ServiceSpec spec = Only(config, "web1", {"canary"});
  EXPECT_EQ(spec.branch, "canary");
  EXPECT_EQ(spec.upstream.url, "https://git.example/own.git");
  EXPECT_EQ(spec.mount, "/srv/web1") << "the host's name, never an alias";
  EXPECT_EQ(spec.machine, "web1");
}

TEST(ServicesForMany, WhatOverridesNothingMustBeWholeByItself) {
  const std::string text = R"(
[[services]]
tagged = ["web"]
service = "nginx"
upstream = "https://git.example/own.git"
[[services]]
machine = "web1"
service = "nginx"
branch = "canary"
)";
  // Whether web1 has the tag is known on web1 only.
  const auto services = ServicesOf(Parse(text), "web1");
  EXPECT_EQ(services.status().message(),
            "f.toml:6: [[services]] \"nginx\": upstream: is missing: give it here or in [global]");
  // Or where it is in the file.
  EXPECT_EQ(FaultsOf(absl::StrCat(text, "[[hosts]]\nname = \"web1\"\ntags = [\"db\"]\n")),
            "f.toml:6: [[services]] \"nginx\": upstream: is missing: give it here or in [global]");
  EXPECT_EQ(FaultsOf(absl::StrCat(text, "[[hosts]]\nname = \"web1\"\ntags = [\"web\"]\n")), "");
  EXPECT_EQ(FaultsOf("[[services]]\nmachine = \"web1\"\nservice = \"other\"\n"),
            "f.toml:1: [[services]] \"other\": upstream: is missing: give it here or in [global]");
}

TEST(ServicesForMany, AHydraJobOfOneHostIsNoGitServiceForTheUpstreamOfGlobal) {
  const FleetConfig config = Parse(R"(
[global]
upstream = "https://git.example/ops.git"
[[services]]
tagged = ["web"]
service = "web"
[[services]]
machine = "build1"
service = "web"
profile = "web"
job_uri = "https://hydra.example/job/a"
)");
  const ServiceSpec spec = Only(config, "build1");
  EXPECT_EQ(spec.nix, (NixSpec{"web", "https://hydra.example/job/a", "", "job"}));
  EXPECT_EQ(spec.upstream, UpstreamSpec());
}

TEST(ServicesForMany, NixKeysAreOverriddenToo) {
  const FleetConfig config = Parse(R"(
[global]
netrc_file = "/etc/netrc-global"
[[services]]
machines = ["build*"]
service = "web"
profile = "web"
job_uri = "https://hydra.example/job/a"
[[services]]
machine = "build1"
service = "web"
job_uri = "https://hydra.example/job/b"
profile = "web-b"
[[services]]
machine = "build2"
service = "web"
netrc_file = "/etc/own"
)");
  EXPECT_EQ(Only(config, "build1").nix,
            (NixSpec{"web-b", "https://hydra.example/job/b", "/etc/netrc-global", "job"}));
  EXPECT_EQ(Only(config, "build2").nix,
            (NixSpec{"web", "https://hydra.example/job/a", "/etc/own", "job"}));
  EXPECT_EQ(Only(config, "build3").nix,
            (NixSpec{"web", "https://hydra.example/job/a", "/etc/netrc-global", "job"}));
}

TEST(ServicesForMany, TwoOfAKindAreAnErrorThatNamesBoth) {
  EXPECT_EQ(FaultsOf(absl::StrCat(kHosts, R"([[services]]
tagged = ["web"]
service = "nginx"
[[services]]
machines = ["web2", "db*"]
service = "nginx"
)")),
            "f.toml:15: [[services]] \"nginx\": service: is given twice for web2 by tagged or "
            "machines, first in line 12: of the entries for a host, only one may be for many "
            "hosts");
  EXPECT_EQ(FaultsOf(absl::StrCat(kHosts, R"([[services]]
machine = "web2"
service = "nginx"
[[services]]
machine = "WEB2"
service = "nginx"
)")),
            "f.toml:15: [[services]] \"nginx\": service: is given twice for this host, first in "
            "line 12");
  // On hosts that are not in the file, the agent finds it.
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"([[services]]
machines = ["lb*"]
service = "nginx"
[[services]]
machines = ["*7"]
service = "nginx"
)"));
  EXPECT_THAT(Names(config, "lb1"), ElementsAre("nginx"));
  EXPECT_THAT(std::string(ServicesOf(config, "lb7").status().message()),
              HasSubstr("f.toml:15: [[services]] \"nginx\": service: is given twice for lb7 by"));
}

TEST(ServicesForMany, ErrorsOfTheKeysSayWhatToWrite) {
  const struct {
    const char* lines;
    const char* expected;
  } cases[] = {
      {"tagged = [\"web\"]\nmachine = \"web1\"\n",
       "f.toml:14: [[services]] \"s\": machine: is for one host, and machines and tagged are for "
       "many: give one of the two"},
      {"machines = []\n",
       "f.toml:13: [[services]] \"s\": machines: names no host: \"*\" is every host"},
      {"tagged = []\n", "f.toml:13: [[services]] \"s\": tagged: names no tag"},
      {"tagged = \"web\"\n",
       "f.toml:13: [[services]] \"s\": tagged: expected an array of strings, found a string"},
      {"tagged = [\"a,b\"]\n",
       "f.toml:13: [[services]] \"s\": tagged: \"a,b\" is not a tag: it must not be empty or "
       "contain a comma or a space"},
      {"machines = [\"web[1\"]\n",
       "f.toml:13: [[services]] \"s\": machines: \"web[1\" has a '[' at 4 that is never closed"},
      {"machines = [\"web{1..3\"]\n",
       "f.toml:13: [[services]] \"s\": machines: \"web{1..3\" has a '{' that is never closed"},
      {"machines = [\"web 1\"]\n",
       "f.toml:13: [[services]] \"s\": machines: \"web 1\" is not a host name: it contains a "
       "space"},
      {"machines = [\"web{1..999999}\"]\n",
       "f.toml:13: [[services]] \"s\": machines: \"web{1..999999}\" makes more than 200000 names"},
      {"machine = \"web*\"\n",
       "f.toml:13: [[services]] \"s\": machine: \"web*\" is not a host name: it contains '*'; for "
       "many hosts write machines = [\"web*\"]"},
      {"machnes = [\"web1\"]\nmachine = \"web1\"\n",
       "f.toml:13: [[services]] \"s\": unknown key \"machnes\" (did you mean \"machines\"?)"},
  };
  for (const auto& c : cases) {
    const std::string text = absl::StrCat(kHosts, "[[services]]\n", c.lines, "service = \"s\"\n");
    EXPECT_EQ(FaultsOf(text), c.expected) << c.lines;
  }
}

}  // namespace
}  // namespace gitops
