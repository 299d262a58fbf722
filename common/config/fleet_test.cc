#include "common/config/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/config/unit_verbs.h"
#include "common/git/upstream.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FleetConfig Parse(absl::string_view text) {
  auto config = ParseFleetConfig(text, "/etc/gitops/f.toml");
  if (!config.ok()) ADD_FAILURE() << config.status();
  return config.ok() ? *config : FleetConfig();
}

constexpr char kMinimal[] = R"([global]
upstream = "https://git.example/ops.git"
[[services]]
machine = "web1"
service = "nginx"
)";

// The one service of kMinimal with these lines more; they begin in line 6.
ServiceSpec ServiceWith(absl::string_view lines) {
  FleetConfig config = Parse(absl::StrCat(kMinimal, lines));
  return config.services.empty() ? ServiceSpec() : config.services[0];
}

TEST(FleetConfig, ServiceHasTheDocumentedDefaults) {
  ServiceSpec expected;
  expected.machine = "web1";
  expected.service = "nginx";
  expected.upstream.url = "https://git.example/ops.git";
  expected.branch = "main";
  expected.mount = "/var/lib/gitops";
  expected.tracking = Tracking::kAuto;
  expected.writable = true;
  expected.drift = DriftPolicy::kReport;
  expected.healthy_within = absl::Seconds(30);
  expected.rollback_on_failure = true;
  expected.keep_revisions = 5;
  expected.max_files = 100'000;
  expected.max_bytes = int64_t{512} << 20;
  expected.max_untracked_files = 100'000;
  expected.max_untracked_bytes = int64_t{1} << 30;
  EXPECT_EQ(ServiceWith(""), expected);
  EXPECT_EQ(ServiceWith("").poll, std::nullopt);
}

TEST(FleetConfig, EveryServiceKeyIsReadFromTheServiceAndFromGlobal) {
  constexpr char kKeys[] = R"(
upstream = "git@host:x"
ssh_key = "keys/id"
known_hosts = "/etc/known_hosts"
netrc_file = "netrc"
ca_file = "/etc/ca.crt"
branch = "canary"
mount = "/srv/gitops/"
user = "www-data"
action = "reload"
package = "nginx"
poll = "200ms"
tracking = "coordinated"
writable = false
drift = "correct"
healthy_within = 5
rollback_on_failure = false
keep_revisions = 2
max_files = 10
max_bytes = "1MiB"
max_untracked_files = 20
max_untracked_bytes = "2MiB"
proxy = "http://u:pw@proxy:3128"
git_memory = "256MiB"
)";
  ServiceSpec expected;
  expected.machine = "web1";
  expected.service = "nginx";
  expected.upstream = {"git@host:x",        "/etc/gitops/keys/id", "/etc/known_hosts",
                       "/etc/gitops/netrc", "/etc/ca.crt",         "http://u:pw@proxy:3128",
                       int64_t{256} << 20};
  expected.branch = "canary";
  expected.mount = "/srv/gitops";
  expected.user = "www-data";
  expected.action = "reload";
  expected.package = "nginx";
  expected.poll = absl::Milliseconds(200);
  expected.tracking = Tracking::kCoordinated;
  expected.writable = false;
  expected.drift = DriftPolicy::kCorrect;
  expected.healthy_within = absl::Seconds(5);
  expected.rollback_on_failure = false;
  expected.keep_revisions = 2;
  expected.max_files = 10;
  expected.max_bytes = 1 << 20;
  expected.max_untracked_files = 20;
  expected.max_untracked_bytes = 2 << 20;

  for (const std::string& text :
       {absl::StrCat(kMinimal, kKeys),
        absl::StrCat("[global]", kKeys, "[[services]]\nmachine = \"web1\"\nservice = \"nginx\"\n"),
        absl::StrCat("[global]\nmachine = \"web1\"", kKeys,
                     "[[services]]\nservice = \"nginx\"\n")}) {
    FleetConfig config = Parse(text);
    ASSERT_EQ(config.services.size(), 1) << text;
    EXPECT_EQ(config.services[0], expected) << text;
  }
}

TEST(FleetConfig, ServiceBeatsGlobalAndEmptyMeansNone) {
  FleetConfig config = Parse(R"(
[global]
upstream = "https://git.example/a"
branch = "stable"
mount = "/srv/a"
user = "joe"
action = "restart"
package = "nginx"
poll = "5s"
keep_revisions = 9
[[services]]
machine = "m"
service = "own"
upstream = "https://git.example/b"
branch = "main"
mount = "/srv/b"
user = "ann"
action = "none"
poll = "1s"
keep_revisions = 1
[[services]]
machine = "m"
service = "empty"
upstream = ""
branch = ""
mount = ""
user = ""
action = ""
package = ""
)");
  ASSERT_EQ(config.services.size(), 2);
  const ServiceSpec& own = config.services[0];
  EXPECT_EQ(own.upstream.url, "https://git.example/b");
  EXPECT_EQ(own.branch, "main");
  EXPECT_EQ(own.mount, "/srv/b");
  EXPECT_EQ(own.user, "ann");
  EXPECT_EQ(own.action, "");
  EXPECT_EQ(own.package, "nginx");
  EXPECT_EQ(own.poll, absl::Seconds(1));
  EXPECT_EQ(own.keep_revisions, 1);
  const ServiceSpec& empty = config.services[1];
  // As gitopper merges these three.
  EXPECT_EQ(empty.upstream.url, "https://git.example/a");
  EXPECT_EQ(empty.branch, "stable");
  EXPECT_EQ(empty.mount, "/srv/a");
  EXPECT_EQ(empty.user, "");
  EXPECT_EQ(empty.action, "");
  EXPECT_EQ(empty.package, "");
}

TEST(FleetConfig, DirectoriesAreNormalizedAndMayNest) {
  const ServiceSpec spec = ServiceWith(R"(dirs = [
 { local = "/etc/nginx/", link = "nginx/etc/" },
 { local = "/etc/nginx/conf.d", link = "./shared" },
 { local = "/etc/motd", link = "motd", file = true },
 { local = "/srv/all", link = "" },
 { link = "watched" },
])");
  EXPECT_THAT(spec.directories, ElementsAre(DirectorySpec{"/etc/nginx", "nginx/etc", false},
                                            DirectorySpec{"/etc/nginx/conf.d", "shared", false},
                                            DirectorySpec{"/etc/motd", "motd", true},
                                            DirectorySpec{"/srv/all", ".", false},
                                            DirectorySpec{"", "watched", false}));
  EXPECT_THAT(ServiceWith("dirs = []").directories, IsEmpty());
}

TEST(FleetConfig, EveryActionOfSystemctlIsTaken) {
  for (const std::string& action : UnitVerbNames()) {
    EXPECT_EQ(ServiceWith(absl::StrCat("action = \"", action, "\"")).action, action);
  }
}

TEST(FleetConfig, NixServiceNeedsNoUpstream) {
  FleetConfig config = Parse(R"(
[global]
branch = "main"
require = "jobset"
[[services]]
machine = "build1"
service = "web"
profile = "web"
job_uri = "https://hydra.example/job/proj/jobset/web"
netrc_file = "/etc/hydra-netrc"
[[services]]
machine = "build1"
service = "tools"
profile = "tools"
job_uri = "https://hydra.example/job/proj/jobset/tools"
require = "aggregate:tested"
)");
  ASSERT_EQ(config.services.size(), 2);
  EXPECT_EQ(config.services[0].nix, (NixSpec{"web", "https://hydra.example/job/proj/jobset/web",
                                             "/etc/hydra-netrc", "jobset"}));
  EXPECT_EQ(config.services[1].nix, (NixSpec{"tools", "https://hydra.example/job/proj/jobset/tools",
                                             "", "aggregate:tested"}));
  EXPECT_EQ(config.services[0].upstream, UpstreamSpec());
}

TEST(FleetConfig, HostsHaveMorphsFields) {
  FleetConfig config = Parse(R"(
[fleet]
order_by_tags = ["master", "slave"]
[[hosts]]
name = "web1"
address = "web1.example:9004"
tags = ["prod", "web", "rack-17"]
[[hosts.health_checks.http]]
description = "front page"
host = "www.example"
scheme = "https"
path = "/healthz"
headers = { Accept = "text/html" }
period = 0.5
timeout = "1m"
insecure_ssl = true
follow_redirects = false
[[hosts.health_checks.cmd]]
cmd = ["systemctl", "is-active", "nginx"]
[[hosts.pre_deploy_checks.cmd]]
description = "always"
cmd = ["true"]
period = 3
[hosts.secrets.tls-key]
source = "secrets/tls.key"
destination = "/etc/nginx/tls.key"
owner = { user = "nginx", group = "ssl-cert" }
permissions = "0440"
action = ["systemctl", "reload", "nginx"]
mk_dirs = true
upload_at = "post-activation"
[hosts.secrets.plain]
source = "/abs"
destination = "/etc/plain"
[[hosts]]
name = "db1"
)");
  EXPECT_THAT(config.order_by_tags, ElementsAre("master", "slave"));
  ASSERT_EQ(config.hosts.size(), 2);
  const HostSpec& web = config.hosts[0];
  EXPECT_EQ(web.name, "web1");
  EXPECT_EQ(web.address, "web1.example:9004");
  EXPECT_THAT(web.tags, ElementsAre("prod", "web", "rack-17"));
  HttpCheckSpec http;
  http.description = "front page";
  http.host = "www.example";
  http.scheme = "https";
  http.path = "/healthz";
  http.port = 443;
  http.headers = {{"Accept", "text/html"}};
  http.period = absl::Milliseconds(500);
  http.timeout = absl::Minutes(1);
  http.insecure_ssl = true;
  http.follow_redirects = false;
  EXPECT_THAT(web.health_checks.http, ElementsAre(http));
  ASSERT_EQ(web.health_checks.cmd.size(), 1);
  EXPECT_THAT(web.health_checks.cmd[0].cmd, ElementsAre("systemctl", "is-active", "nginx"));
  EXPECT_EQ(web.health_checks.cmd[0].period, absl::Seconds(2));
  EXPECT_EQ(web.health_checks.cmd[0].timeout, absl::Seconds(5));
  EXPECT_EQ(web.pre_deploy_checks.cmd[0].period, absl::Seconds(3));
  ASSERT_EQ(web.secrets.size(), 2);
  EXPECT_EQ(web.secrets.at("tls-key"), (SecretSpec{"/etc/gitops/secrets/tls.key",
                                                   "/etc/nginx/tls.key",
                                                   "nginx",
                                                   "ssl-cert",
                                                   "0440",
                                                   {"systemctl", "reload", "nginx"},
                                                   true,
                                                   "post-activation"}));
  EXPECT_EQ(
      web.secrets.at("plain"),
      (SecretSpec{"/abs", "/etc/plain", "root", "root", "0400", {}, false, "pre-activation"}));
  EXPECT_EQ(config.hosts[1].address, "db1:8004");
}

TEST(FleetConfig, OwnersOfSecretsMayBeNumbersAsMorphHasThem) {
  const FleetConfig config = Parse(R"(
[[hosts]]
name = "a"
[hosts.secrets.text]
source = "s"
destination = "/d"
owner = { user = "0", group = "0" }
[hosts.secrets.whole]
source = "s"
destination = "/e"
owner = { user = 1000, group = 4294967294 }
)");
  const auto& secrets = config.hosts.at(0).secrets;
  EXPECT_EQ(secrets.at("text").owner_user, "0");
  EXPECT_EQ(secrets.at("text").owner_group, "0");
  EXPECT_EQ(secrets.at("whole").owner_user, "1000");
  EXPECT_EQ(secrets.at("whole").owner_group, "4294967294");
}

TEST(FleetConfig, ExamplesAreValid) {
  auto first = LoadFleetConfig("examples/gitopper-2022.toml");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->services.size(), 1);
  EXPECT_EQ(first->services[0].mount, "/tmp/grafana1");
  EXPECT_EQ(first->services[0].directories.size(), 2);
  EXPECT_THAT(first->warnings, IsEmpty());

  auto later = LoadFleetConfig("examples/gitopper.toml");
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_THAT(later->gitopper_keys,
              ElementsAre("keys/admin_id_ed25519.pub", "keys/reader_id_ed25519.pub"));
  EXPECT_THAT(later->warnings, ElementsAre(HasSubstr("gitopper.toml:7: keys has no effect")));
  EXPECT_EQ(ServicesOf(*later, "localhost")->size(), 2);
  EXPECT_TRUE(later->services[1].directories[0].file);

  auto fleet = LoadFleetConfig("examples/fleet.toml");
  ASSERT_TRUE(fleet.ok()) << fleet.status();
  EXPECT_EQ(fleet->services.size(), 4);
  EXPECT_EQ(fleet->hosts.size(), 3);
}

TEST(FleetConfig, WhatGitopperTakesIsValidAsItStands) {
  for (const char* text : {
           "",
           "[global]\n",
           "[keys]\npath = \"keys/x.pub\"\n",
           "[keys]\npath = [\"a.pub\", \"keys/x.pub\"]\n",
           "[[keys]]\npath = \"keys/x.pub\"\nro = true\n",
           "[global]\n[global.keys]\npath = \"keys/x.pub\"\n",
           "[global]\nkeys = []\n",
           "[Global]\nUpstream = \"https://h/x\"\n[[Services]]\nMachine = \"m\"\nService = \"s\"\n"
           "[[Services.Dirs]]\nLocal = \"/etc/x\"\nLink = \"x\"\nFile = true\n",
           "[global]\nupstream = \"https://h/x\"\nservice = \"x\"\nuser = \"joe\"\n"
           "dirs = [{ local = \"/x\", link = \"x\" }]\n",
           "[[services]]\nupstream = \"/srv/x\"\nmachine = \"m\"\nservice = \"s\"\naction = \"\"\n"
           "package = \"\"\n",
       }) {
    auto config = ParseFleetConfig(text, "f.toml");
    EXPECT_TRUE(config.ok()) << text << config.status();
  }
  FleetConfig keys = Parse("[keys]\npath = [\"a.pub\", \"b.pub\"]\n");
  EXPECT_THAT(keys.gitopper_keys, ElementsAre("a.pub", "b.pub"));
  EXPECT_THAT(keys.warnings, ElementsAre(AllOf(HasSubstr("f.toml:1: keys has no effect"),
                                               HasSubstr("no access by key or certificate yet"))));
  FleetConfig ignored = Parse("[global]\nservice = \"x\"\ndirs = []\n");
  EXPECT_THAT(ignored.warnings, ElementsAre(HasSubstr("f.toml:2: [global]: service has no effect"),
                                            HasSubstr("f.toml:3: [global]: dirs has no effect")));
}

TEST(ServicesOf, AreThoseWhoseMachineIsOneOfTheNamesWhateverTheCase) {
  FleetConfig config = Parse(R"(
[global]
upstream = "https://h/x"
[[services]]
machine = "Web1"
service = "a"
[[services]]
machine = "web1.example"
service = "b"
[[services]]
machine = "all"
service = "c"
)");
  auto services = ServicesOf(config, "wEB1", {"ALL"});
  ASSERT_TRUE(services.ok()) << services.status();
  ASSERT_EQ(services->size(), 2);
  EXPECT_EQ((*services)[0].service, "a");
  EXPECT_EQ((*services)[1].service, "c");
  EXPECT_THAT(*ServicesOf(config, "web2"), IsEmpty());
}

TEST(FleetConfig, ServiceThatOnlyMovedInTheFileIsTheSame) {
  constexpr char kText[] =
      "[[services]]\nmachine = \"m\"\nservice = \"a\"\nupstream = \"/x\"\n"
      "dirs = [{ local = \"/etc/x\", link = \"x\" }]\n";
  const ServiceSpec spec = Parse(kText).services[0];
  EXPECT_EQ(spec, Parse(absl::StrCat("# more\n\n", kText)).services[0]);
  for (const char* key :
       {"branch = \"b\"", "poll = 1", "user = \"u\"", "action = \"reload\"", "package = \"p\"",
        "mount = \"/srv\"", "tracking = \"coordinated\"", "writable = false", "drift = \"correct\"",
        "healthy_within = 1", "rollback_on_failure = false", "keep_revisions = 2", "max_files = 1",
        "max_bytes = 1", "max_untracked_files = 1", "max_untracked_bytes = 1", "ca_file = \"/c\"",
        "proxy = \"http://p\"", "git_memory = \"1GiB\""}) {
    EXPECT_FALSE(spec == Parse(absl::StrCat(kText, key, "\n")).services[0]) << key;
  }
  for (const auto& [from, to] :
       {std::pair("/etc/x", "/etc/y"), std::pair("link = \"x", "link = \"y"),
        std::pair("\"m\"", "\"n\""), std::pair("\"a\"", "\"b\"")}) {
    EXPECT_FALSE(spec == Parse(absl::StrReplaceAll(kText, {{from, to}})).services[0]) << to;
  }
}

TEST(ServicesOf, OneHostMayNotShareANameOrAPath) {
  constexpr char kText[] = R"([global]
upstream = "https://h/x"
[[services]]
machine = "web1"
service = "a"
dirs = [{ local = "/etc/x", link = "x" }, { link = "w" }]
[[services]]
machine = "all"
service = "NAME"
dirs = [{ local = "LOCAL", link = "y" }, { link = "w" }]
)";
  const auto with = [&](const char* name, const char* local) {
    return Parse(absl::StrReplaceAll(kText, {{"NAME", name}, {"LOCAL", local}}));
  };
  EXPECT_TRUE(ServicesOf(with("b", "/etc/x/y"), "web1", {"all"}).ok());
  const auto same_name = ServicesOf(with("a", "/etc/y"), "web1", {"all"});
  EXPECT_EQ(same_name.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(same_name.status().message(),
            "/etc/gitops/f.toml:7: [[services]] \"a\": service: is given twice for this host, "
            "first in line 3");
  const auto same_local = ServicesOf(with("b", "/etc/x/"), "web1", {"all"});
  EXPECT_EQ(same_local.status().message(),
            "/etc/gitops/f.toml:10: [[services]] \"b\": dirs[1]: local: \"/etc/x\" is also "
            "a local path of \"a\", in line 6: only one service of a host may publish there");
  const auto both = ServicesOf(with("a", "/etc/x"), "web1", {"all"});
  EXPECT_THAT(both.status().message(),
              AllOf(HasSubstr(":7: [[services]] \"a\": service: "),
                    HasSubstr("\n/etc/gitops/f.toml:10: [[services]] \"a\": dirs[1]: local: ")));
  EXPECT_TRUE(ServicesOf(with("a", "/etc/x"), "web1").ok());
}

}  // namespace
}  // namespace gitops
