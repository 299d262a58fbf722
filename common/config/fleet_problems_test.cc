#include "common/config/fleet_problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FleetProblemsTest : public testing::Test {
 protected:
  // "LINE: message" of each problem.
  std::vector<std::string> Problems(const std::string& text,
                                    const std::vector<std::string>& aliases = {}) {
    const auto config = ParseFleetConfig(text, directory_ / "f.toml");
    if (!config.ok()) ADD_FAILURE() << config.status().message();
    std::vector<std::string> problems;
    for (const ConfigFault& fault : FindProblems(config.value_or(FleetConfig()), aliases)) {
      problems.push_back(absl::StrCat(fault.place.line, ": ", fault.message));
    }
    return problems;
  }

  TemporaryDirectory directory_;
};

TEST_F(FleetProblemsTest, AGitopperConfigHasNone) {
  EXPECT_THAT(Problems("[[services]]\nmachine = \"anyone\"\nservice = \"a\"\nupstream = \"/x\"\n"),
              IsEmpty());
}

TEST_F(FleetProblemsTest, AMachineThatNoHostHasIsNamedWithTheNearest) {
  constexpr char kText[] = R"([global]
upstream = "/x"
[[hosts]]
name = "web1"
address = "web1:1"
[[services]]
machine = "wbe1"
service = "a"
[[services]]
machines = ["db*"]
service = "b"
[[services]]
tagged = ["web"]
service = "c"
[[services]]
machine = "WEB1"
service = "d"
[[services]]
machine = "localhost"
service = "e"
[[checks]]
tagged = ["web"]
http = {}
[[secrets]]
name = "k"
machines = ["db*"]
source = "s"
destination = "/d"
)";
  EXPECT_THAT(Problems(kText, {"LocalHost"}),
              ElementsAre("21: [[checks]]: machines, tagged: select no host",
                          "24: [[secrets]] \"k\": machines, tagged: select no host",
                          "6: [[services]] \"a\": machine: no host of [[hosts]] is \"wbe1\" (did "
                          "you mean \"web1\"?)",
                          "9: [[services]] \"b\": machines, tagged: select no host of [[hosts]]",
                          "12: [[services]] \"c\": machines, tagged: select no host of [[hosts]]"));
}

TEST_F(FleetProblemsTest, AHostWithoutAnAddressIsNamedOnceForItsEntry) {
  EXPECT_THAT(Problems("[[hosts]]\nname = \"web{1..3}\"\n[[hosts]]\nname = \"db1\"\n"
                       "address = \"${machine}\"\n"),
              ElementsAre("1: [[hosts]]: address: is missing: the planner would call the host by "
                          "its name"));
}

TEST_F(FleetProblemsTest, SourcesOfSecretsMustBeReadableFiles) {
  directory_.Write("secrets/web1", "x");
  std::filesystem::create_directory(directory_ / "secrets/web3");
  EXPECT_THAT(
      Problems(
          "[[hosts]]\nname = \"web{1..3}\"\naddress = \"${machine}\"\n[[secrets]]\nname = "
          "\"k\"\nmachines = [\"*\"]\nsource = \"secrets/${machine}\"\ndestination = \"/d\"\n"),
      ElementsAre(absl::StrCat("4: secret \"k\" of web2: source: \"", directory_ / "secrets/web2",
                               "\" cannot be read: No such file or directory"),
                  absl::StrCat("4: secret \"k\" of web3: source: \"", directory_ / "secrets/web3",
                               "\" is not a regular file")));
}

TEST_F(FleetProblemsTest, ServicesOfAHostMayNotPublishToOnePlace) {
  EXPECT_THAT(
      Problems("[global]\nupstream = \"/x\"\n[[hosts]]\nname = \"web{1..3}\"\naddress = "
               "\"${machine}\"\n[[services]]\nmachines = [\"*\"]\nservice = \"a\"\ndirs = [{ local "
               "= \"/etc/a\", link = \"a\" }]\n[[services]]\nmachines = [\"web2\"]\nservice = "
               "\"b\"\ndirs = [{ local = \"/etc/a\", link = \"a\" }]\n"),
      ElementsAre("13: [[services]] \"b\": dirs[1]: local: \"/etc/a\" is also a local path of "
                  "\"a\", in line 9: only one service of a host may publish there"));
}

TEST_F(FleetProblemsTest, TheAliasesOfAFileAreThoseOfItsAgentTable) {
  EXPECT_THAT(AliasesIn({{"f", "[agent]\nhosts = [\"a\", \"b\"]\n"}, {}}), ElementsAre("a", "b"));
  EXPECT_THAT(AliasesIn({{"f", "[agent]\nhosts = \"a\"\n"}, {}}), ElementsAre("a"));
  EXPECT_THAT(AliasesIn({{"f", ""}, {}}), IsEmpty());
}

}  // namespace
}  // namespace gitops
