// ${machine} and ${service} in [[services]].
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/config/fleet.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// One entry for many hosts, with these lines; they begin in line 4.
std::string Text(const std::string& lines) {
  return absl::StrCat("[[services]]\nmachines = [\"*\"]\nservice = \"app\"\n", lines,
                      "[[hosts]]\nname = \"web1\"\n");
}

std::string FaultsOf(const std::string& text) {
  const auto config = ParseFleetConfig(text, "f.toml");
  return config.ok() ? "" : std::string(config.status().message());
}

ServiceSpec On(const std::string& host, const std::string& text) {
  const auto config = ParseFleetConfig(text, "f.toml");
  if (!config.ok()) {
    ADD_FAILURE() << config.status().message();
    return ServiceSpec();
  }
  const auto services = ServicesOf(*config, host, {"alias"});
  if (!services.ok() || services->size() != 1) {
    ADD_FAILURE() << services.status().message();
    return ServiceSpec();
  }
  return services->front();
}

TEST(ServiceVariables, StandForTheHostAndTheServiceInSixKeys) {
  const ServiceSpec spec = On("web1", Text(R"(
upstream = "https://git.example/${machine}/${service}.git"
branch = "${service}-${machine}"
mount = "/srv/${machine}/"
user = "${service}-user"
dirs = [ { local = "/etc/${service}/${machine}/", link = "./${machine}/etc" },
         { local = "/etc/motd", link = "${service}", file = true } ]
)"));
  EXPECT_EQ(spec.upstream.url, "https://git.example/web1/app.git");
  EXPECT_EQ(spec.branch, "app-web1");
  EXPECT_EQ(spec.mount, "/srv/web1");
  EXPECT_EQ(spec.user, "app-user");
  EXPECT_THAT(spec.directories, ElementsAre(DirectorySpec{"/etc/app/web1", "web1/etc", false},
                                            DirectorySpec{"/etc/motd", "app", true}));
}

TEST(ServiceVariables, AreSetInTheValuesOfGlobalAndOfEntriesForOneHostToo) {
  const std::string text = R"([global]
upstream = "/srv/git/${service}.git"
branch = "${machine}"
mount = "/srv/${service}"
user = "u-${machine}"
[[services]]
machine = "alias"
service = "app"
dirs = [ { local = "/etc/${machine}-x", link = "" } ]
)";
  const ServiceSpec spec = On("web1", text);
  EXPECT_EQ(spec.upstream.url, "/srv/git/app.git");
  EXPECT_EQ(spec.branch, "web1") << "the host's name, never an alias";
  EXPECT_EQ(spec.mount, "/srv/app");
  EXPECT_EQ(spec.user, "u-web1");
  EXPECT_THAT(spec.directories, ElementsAre(DirectorySpec{"/etc/web1-x", ".", false}));
}

TEST(ServiceVariables, TheHostIsSpelledAsInItsOwnEntry) {
  EXPECT_EQ(On("WEB1", Text("upstream = \"/x\"\nbranch = \"${machine}\"\n")).branch, "web1");
  EXPECT_EQ(On("Lb1", Text("upstream = \"/x\"\nbranch = \"${machine}\"\n")).branch, "Lb1");
}

TEST(ServiceVariables, OtherKeysHaveNone) {
  EXPECT_THAT(FaultsOf(Text("upstream = \"/x\"\npackage = \"p-${machine}\"\n")),
              HasSubstr("package: \"p-${machine}\" is not a package name"));
  EXPECT_EQ(On("web1", Text("upstream = \"/x\"\nssh_key = \"/k/${machine}\"\n")).upstream.ssh_key,
            "/k/${machine}");
}

TEST(ServiceVariables, AWrongValueIsAnErrorOfItsKey) {
  const struct {
    const char* lines;
    const char* expected;
  } cases[] = {
      {"branch = \"${machin}\"\n",
       "f.toml:4: [[services]] \"app\": branch: there is no variable \"${machin}\" here (did you "
       "mean \"${machine}\"?)"},
      {"mount = \"/srv/${host}\"\n",
       "f.toml:4: [[services]] \"app\": mount: there is no variable \"${host}\" here (known: "
       "${machine}, ${service})"},
      {"mount = \"/srv/${machine\"\n",
       "f.toml:4: [[services]] \"app\": mount: has a \"${\" that is never closed"},
      {"mount = \"srv/${machine}\"\n",
       "f.toml:4: [[services]] \"app\": mount: \"srv/machine\" is not an absolute path: it must "
       "start with '/' (from \"srv/${machine}\")"},
      {"mount = \"srv/${service}\"\n",
       "f.toml:4: [[services]] \"app\": mount: \"srv/app\" is not an absolute path: it must "
       "start with '/' (from \"srv/${service}\")"},
      {"user = \"1${machine}\"\n",
       "f.toml:4: [[services]] \"app\": user: \"1machine\" is not a user name: it must start with "
       "a letter or '_' (a name, not a number) (from \"1${machine}\")"},
      {"branch = \"a..${machine}\"\n",
       "f.toml:4: [[services]] \"app\": branch: \"a..machine\" is not a branch name"},
      {"dirs = [{ local = \"etc/${machine}\", link = \"x\" }]\n",
       "f.toml:4: [[services]] \"app\": dirs[1]: local: \"etc/machine\" is not an absolute path: "
       "it must start with '/' (from \"etc/${machine}\")"},
      {"dirs = [{ local = \"/x\", link = \"../${machine}\" }]\n",
       "f.toml:4: [[services]] \"app\": dirs[1]: link: "},
      {"dirs = [{ local = \"/x\", link = \"${x}\" }]\n",
       "f.toml:4: [[services]] \"app\": dirs[1]: link: there is no variable \"${x}\" here"},
      {"dirs = [{ local = \"/x/${machine}\", link = \"a\" }, { local = \"/x/${machine}/\", "
       "link = \"b\" }]\n",
       "f.toml:4: [[services]] \"app\": dirs[2]: local: \"/x/machine\" is given twice, first in "
       "line 4"},
      {"mount = \"/srv/${machine}\"\ndirs = [{ local = \"/srv\", link = \"a\" }]\n",
       "f.toml:5: [[services]] \"app\": dirs[1]: local: \"/srv\" and /srv/machine/app, the "
       "directory of the revisions"},
  };
  for (const auto& c : cases) {
    const std::string faults = FaultsOf(Text(absl::StrCat(c.lines, "upstream = \"/x\"\n")));
    EXPECT_THAT(faults, HasSubstr(c.expected)) << c.lines;
    EXPECT_THAT(faults, Not(HasSubstr("\n"))) << "one fault, one line: " << c.lines;
  }
}

TEST(ServiceVariables, WhatTheNameOfAHostMakesWrongIsAnErrorThatNamesTheHost) {
  constexpr char kRoot[] = R"([[services]]
machines = ["*"]
service = "app"
upstream = "/x"
dirs = [ { local = "/e${machine}", link = ".${machine}" } ]
)";
  EXPECT_EQ(FaultsOf(absl::StrCat(kRoot, "[[hosts]]\nname = \"a\"\n")), "");
  EXPECT_EQ(FaultsOf(absl::StrCat(kRoot, "[[hosts]]\nname = \"tc\"\n")),
            "f.toml:5: [[services]] \"app\": dirs[1]: local: \"/etc\" cannot be replaced as a "
            "whole without breaking the host: use a directory or file below it (from "
            "\"/e${machine}\", on tc)");
  EXPECT_THAT(FaultsOf(absl::StrCat(kRoot, "[[hosts]]\nname = \"git\"\n")),
              HasSubstr("dirs[1]: link: "));
  // One host is enough to show it.
  EXPECT_THAT(
      FaultsOf(absl::StrCat(kRoot, "[[hosts]]\nname = \"git\"\n[[hosts]]\nname = \"tc\"\n")),
      Not(HasSubstr("\n")));
  // The agent of a host that is not in the file finds it itself.
  const auto config = ParseFleetConfig(kRoot, "f.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(std::string(ServicesOf(*config, "tc").status().message()), HasSubstr("on tc)"));
}

TEST(ServiceVariables, DirectoriesAreComparedAfterTheVariablesAreSet) {
  constexpr char kText[] = R"([[services]]
machines = ["*"]
service = "app"
upstream = "/x"
dirs = [ { local = "/etc/web1", link = "a" }, { local = "/etc/${machine}", link = "b" } ]
)";
  const auto config = ParseFleetConfig(kText, "f.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(ServicesOf(*config, "web2").ok());
  EXPECT_EQ(std::string(ServicesOf(*config, "web1").status().message()),
            "f.toml:5: [[services]] \"app\": dirs[2]: local: \"/etc/web1\" is given twice, first "
            "in line 5");
}

TEST(ServiceVariables, AValueThatTheyMakeTooLongIsRefusedWithoutRepeatingIt) {
  std::string mount = "/";
  for (int i = 0; i < 400; ++i) mount += "${machine}";
  const std::string text = Text(absl::StrCat("upstream = \"/x\"\nmount = \"", mount, "\"\n"));
  EXPECT_EQ(FaultsOf(text), "");
  const auto config = ParseFleetConfig(text, "f.toml");
  const auto services = ServicesOf(*config, std::string(200, 'w'));
  EXPECT_THAT(std::string(services.status().message()),
              AllOf(HasSubstr("mount: is longer than 4096 bytes with its variables set"),
                    ::testing::SizeIs(::testing::Lt(1000))));
}

TEST(ServiceVariables, AnErrorNeverShowsThePasswordOfAnUpstream) {
  const std::string faults = FaultsOf(Text("upstream = \"ftp://joe:hunter2@${machine}/x\"\n"));
  EXPECT_THAT(faults, HasSubstr("upstream: "));
  EXPECT_THAT(faults, Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace gitops
