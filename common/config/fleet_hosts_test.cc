// [[hosts]] with braces, [[checks]] and [[secrets]].
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
using ::testing::Not;
using ::testing::SizeIs;

FleetConfig Parse(const std::string& text) {
  auto config = ParseFleetConfig(text, "/etc/gitops/f.toml");
  if (!config.ok()) ADD_FAILURE() << config.status().message();
  return config.ok() ? *config : FleetConfig();
}

std::string FaultsOf(const std::string& text) {
  const auto config = ParseFleetConfig(text, "f.toml");
  return config.ok() ? "" : std::string(config.status().message());
}

std::vector<std::string> Names(const FleetConfig& config) {
  std::vector<std::string> names;
  for (const HostSpec& host : config.hosts) names.push_back(host.name);
  return names;
}

TEST(HostsWithBraces, AreEachHostInTheOrderInWhichTheyAreWritten) {
  EXPECT_THAT(Names(Parse(R"(
[[hosts]]
name = "web{8..10}"
[[hosts]]
name = "db{01..03}"
[[hosts]]
name = "lb-{a,b}"
[[hosts]]
name = "one"
)")),
              ElementsAre("web8", "web9", "web10", "db01", "db02", "db03", "lb-a", "lb-b", "one"));
}

TEST(HostsWithBraces, HaveTheirOwnAddressesAndTheSameTags) {
  const FleetConfig config = Parse(R"(
[[hosts]]
name = "web{1..2}"
address = "${machine}.example:9004"
tags = ["web", "prod"]
[[hosts]]
name = "db{1..2}"
)");
  EXPECT_EQ(config.hosts[0].address, "web1.example:9004");
  EXPECT_EQ(config.hosts[1].address, "web2.example:9004");
  EXPECT_THAT(config.hosts[1].tags, ElementsAre("web", "prod"));
  EXPECT_EQ(config.hosts[3].address, "db2:8004");
}

TEST(HostsWithBraces, HaveTheirNameInChecksAndSecrets) {
  const FleetConfig config = Parse(R"(
[[hosts]]
name = "web{1..2}"
[[hosts.health_checks.http]]
description = "front of ${machine}"
host = "${machine}.example"
path = "/${machine}"
headers = { Host = "${machine}" }
[[hosts.pre_deploy_checks.cmd]]
cmd = ["sh", "-c", "test ${machine} = $(hostname) -a ${HOME}"]
[hosts.secrets.key]
source = "secrets/${machine}.key"
destination = "/etc/${machine}/key"
owner = { user = "${machine}" }
action = ["reload", "${machine}"]
)");
  const HostSpec& web2 = config.hosts.at(1);
  const HttpCheckSpec& http = web2.health_checks.http.at(0);
  EXPECT_EQ(http.description, "front of web2");
  EXPECT_EQ(http.host, "web2.example");
  EXPECT_EQ(http.path, "/web2");
  EXPECT_EQ(http.headers.at("Host"), "web2");
  EXPECT_THAT(web2.pre_deploy_checks.cmd.at(0).cmd,
              ElementsAre("sh", "-c", "test web2 = $(hostname) -a ${HOME}"))
      << "other variables are the shell's";
  const SecretSpec& key = web2.secrets.at("key");
  EXPECT_EQ(key.source, "/etc/gitops/secrets/web2.key");
  EXPECT_EQ(key.destination, "/etc/web2/key");
  EXPECT_EQ(key.owner_user, "web2");
  EXPECT_THAT(key.action, ElementsAre("reload", "web2"));
}

TEST(HostsWithBraces, ErrorsSayWhatToWrite) {
  const struct {
    const char* lines;
    const char* expected;
  } cases[] = {
      {"name = \"web{1..3\"\n",
       "f.toml:2: [[hosts]]: name: \"web{1..3\" has a '{' that is never closed"},
      {"name = \"web{1..2000000}\"\n",
       "f.toml:2: [[hosts]]: name: \"web{1..2000000}\" makes more than 200000 names"},
      {"name = \"{a,b c}\"\n",
       "f.toml:2: [[hosts]]: name: \"b c\" is not a host name: it contains a space"},
      {"name = \"web*\"\n", "f.toml:2: [[hosts]]: name: \"web*\" is not a host name"},
      {"name = \"web{1..3}\"\n[[hosts]]\nname = \"WEB2\"\n",
       "f.toml:4: [[hosts]] \"WEB2\": name: \"WEB2\" is given twice, first in line 1"},
      {"name = \"web{1..3}\"\n[[hosts]]\nname = \"web{2..3}\"\n",
       "f.toml:4: [[hosts]] \"web{2..3}\": name: \"web2\" is given twice, first in line 1"},
      {"name = \"web{1..3}\"\naddress = \"${machine}:x\"\n",
       "f.toml:3: [[hosts]] \"web{1..3}\": address: \"web1:x\" is not an address: \"x\" is not a "
       "port from 1 to 65535 (on web1)"},
      {"name = \"web1\"\naddress = \"${machin}:80\"\n",
       "f.toml:3: [[hosts]] \"web1\": address: there is no variable \"${machin}\" here (did you "
       "mean \"${machine}\"?)"},
      {"name = \"web1\"\n[hosts.secrets.k]\nsource = \"${service}\"\ndestination = \"/d\"\n",
       "f.toml:4: [[hosts]] \"web1\": secrets.k: source: there is no variable \"${service}\" here"},
      {"name = \"web1\"\n[hosts.secrets.k]\nsource = \"s\"\ndestination = \"d/${machine}\"\n",
       "f.toml:5: [[hosts]] \"web1\": secrets.k: destination: \"d/machine\" is not an absolute"},
  };
  for (const auto& c : cases) {
    const std::string faults = FaultsOf(absl::StrCat("[[hosts]]\n", c.lines));
    EXPECT_THAT(faults, HasSubstr(c.expected)) << c.lines;
    EXPECT_THAT(faults, Not(HasSubstr("\n"))) << "one fault, one line: " << c.lines;
  }
}

TEST(HostsWithBraces, AHundredThousandHostsAreReadAndTheirServicesFound) {
  const FleetConfig config = Parse(R"(
[[hosts]]
name = "web{1..100000}"
tags = ["web"]
[[services]]
tagged = ["web"]
service = "nginx"
upstream = "/x"
dirs = [ { local = "/etc/nginx", link = "nginx/${machine}" } ]
)");
  EXPECT_EQ(config.hosts.size(), 100'000);
  EXPECT_EQ(ServicesOf(config, "web99999")->at(0).directories[0].link, "nginx/web99999");
}

TEST(HostsWithBraces, TenThousandGlobsForTenThousandHostsAreNotComparedPairwise) {
  const FleetConfig config = Parse(R"(
[[hosts]]
name = "web{1..10000}"
[[services]]
machines = ["web{1..10000}*"]
service = "nginx"
upstream = "/x"
dirs = [ { local = "/etc/nginx", link = "nginx/${machine}" } ]
[[checks]]
machines = ["web{1..10000}*"]
cmd = { cmd = ["true"] }
)");
  ASSERT_EQ(config.hosts.size(), 10'000);
  EXPECT_EQ(config.hosts[4321].health_checks.cmd.size(), 1) << "once, though several globs match";
}

constexpr char kHosts[] = R"([[hosts]]
name = "web{1..2}"
tags = ["web"]
[[hosts]]
name = "db1"
[[hosts.health_checks.http]]
port = 5432
)";  // 7 lines; what follows begins in line 8

TEST(SharedChecks, BelongToEachHostThatTheySelect) {
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"(
[[checks]]
tagged = ["web"]
http = { port = 80, path = "/${machine}" }
[[checks]]
machines = ["db*", "web2"]
cmd = { cmd = ["true", "${machine}"], timeout = "9s" }
[[checks]]
machines = ["*"]
[[checks.http]]
port = 1
[[checks.http]]
port = 2
)"));
  const HostSpec& web1 = config.hosts.at(0);
  const HostSpec& web2 = config.hosts.at(1);
  const HostSpec& db1 = config.hosts.at(2);
  ASSERT_THAT(web1.health_checks.http, SizeIs(3));
  EXPECT_EQ(web1.health_checks.http[0].path, "/web1");
  EXPECT_EQ(web1.health_checks.http[2].port, 2);
  EXPECT_THAT(web1.health_checks.cmd, IsEmpty());
  EXPECT_THAT(web2.health_checks.cmd.at(0).cmd, ElementsAre("true", "web2"));
  EXPECT_EQ(web2.health_checks.cmd.at(0).timeout, absl::Seconds(9));
  ASSERT_THAT(db1.health_checks.http, SizeIs(3));
  EXPECT_EQ(db1.health_checks.http[0].port, 5432) << "its own come first";
  EXPECT_THAT(web1.pre_deploy_checks.cmd, IsEmpty());
}

TEST(SharedSecrets, BelongToEachHostThatTheySelect) {
  const FleetConfig config = Parse(absl::StrCat(kHosts, R"(
[[secrets]]
name = "tls-key"
tagged = ["web"]
source = "secrets/${machine}.key"
destination = "/etc/tls.key"
owner = { user = "www-data" }
)"));
  EXPECT_EQ(config.hosts[0].secrets.at("tls-key").source, "/etc/gitops/secrets/web1.key");
  EXPECT_EQ(config.hosts[1].secrets.at("tls-key").source, "/etc/gitops/secrets/web2.key");
  EXPECT_EQ(config.hosts[1].secrets.at("tls-key").owner_user, "www-data");
  EXPECT_THAT(config.hosts[2].secrets, IsEmpty());
}

TEST(SharedSecrets, WhatIsMissingIsSaidOnceForEach) {
  EXPECT_EQ(
      FaultsOf(absl::StrCat(kHosts,
                            "[[secrets]]\nname = \"a\"\ntagged = [\"web\"]\nsource = \"s\"\n"
                            "[[secrets]]\nname = \"b\"\ntagged = [\"web\"]\nsource = \"s\"\n")),
      "f.toml:8: [[secrets]] \"a\": destination: is missing\n"
      "f.toml:12: [[secrets]] \"b\": destination: is missing");
}

TEST(SharedParts, ErrorsSayWhatToWrite) {
  constexpr char kSecret[] =
      "[[secrets]]\nname = \"k\"\ntagged = [\"web\"]\nsource = \"s\"\ndestination = \"/d\"\n";
  const struct {
    std::string lines;
    const char* expected;
  } cases[] = {
      {"[[checks]]\nhttp = {}\n",
       "f.toml:8: [[checks]]: tagged: is missing: give tagged or machines; machines = [\"*\"] is "
       "every host"},
      {"[[checks]]\ntagged = [\"web\"]\n",
       "f.toml:8: [[checks]]: http: is missing: give http or cmd, for example http = { port = 80 "
       "}"},
      {"[[checks]]\ntagged = [\"web\"]\nhttp = { prt = 80 }\n",
       "f.toml:10: [[checks]]: http: unknown key \"prt\" (did you mean \"port\"?)"},
      {"[[checks]]\ntaged = [\"web\"]\ntagged = [\"web\"]\nhttp = {}\n",
       "f.toml:9: [[checks]]: unknown key \"taged\" (did you mean \"tagged\"?)"},
      {"[[secrets]]\ntagged = [\"web\"]\nsource = \"s\"\ndestination = \"/d\"\n",
       "f.toml:8: [[secrets]]: name: is missing: give the secret's name"},
      {absl::StrCat(kSecret,
                    "[[secrets]]\nname = \"k\"\nmachines = [\"web1\"]\nsource = \"s\"\n"
                    "destination = \"/e\"\n"),
       "f.toml:14: [[secrets]] \"k\": name: \"k\" is given twice for web1, first in line 8"},
      {absl::StrCat(kSecret,
                    "[[secrets]]\nname = \"j\"\nmachines = [\"web*\"]\nsource = \"s\"\n"
                    "destination = \"/d\"\n"),
       "f.toml:17: [[secrets]] \"j\": destination: \"/d\" is also the destination of secret \"k\" "
       "on web1, first in line 8"},
      {absl::StrCat(kSecret,
                    "[[hosts]]\nname = \"x\"\ntags = [\"web\"]\n[hosts.secrets.k]\n"
                    "source = \"s\"\ndestination = \"/e\"\n"),
       "f.toml:9: [[secrets]] \"k\": name: \"k\" is given twice for x, first in line 16"},
  };
  for (const auto& c : cases) {
    const std::string faults = FaultsOf(absl::StrCat(kHosts, c.lines));
    EXPECT_THAT(faults, HasSubstr(c.expected)) << c.lines;
    EXPECT_THAT(faults, Not(HasSubstr("\n"))) << "one fault, one line: " << c.lines;
  }
}

}  // namespace
}  // namespace gitops
