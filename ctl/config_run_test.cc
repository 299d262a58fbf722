// config check, render and schema: through the whole program, with files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"
#include "ctl/run.h"

namespace gitops::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class ConfigRunTest : public testing::Test {
 protected:
  static Result Ctl(const std::vector<std::string>& words) {
    std::ostringstream out;
    std::ostringstream err;
    Console console{out,
                    err,
                    false,
                    nullptr,
                    [](const std::string&) -> std::optional<std::string> { return std::nullopt; },
                    "alice"};
    Result result;
    result.exit_code = ctl::Run(words, console);
    result.out = out.str();
    result.err = err.str();
    return result;
  }

  std::string Good() {
    directory_.Write("fleet.toml", R"(include = ["services/*.toml"]
[agent]
hosts = ["localhost"]
[[hosts]]
name = "web{1..2}"
address = "${machine}.example"
tags = ["web"]
)");
    directory_.Write("services/web.toml", R"([[services]]
tagged = ["web"]
service = "nginx"
upstream = "https://joe:hunter2@git.example/ops.git"
branch = "${machine}"
)");
    return directory_ / "fleet.toml";
  }

  TemporaryDirectory directory_;
};

TEST_F(ConfigRunTest, AGoodFileIsSaidToBeGood) {
  const std::string file = Good();
  const Result result = Ctl({"config", "check", file});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(result.out, absl::StrCat(file, ": good; [[services]]: 1, hosts: 2\n"));
  EXPECT_EQ(result.err, "");
}

TEST_F(ConfigRunTest, TablesOfAllProgramsAreCheckedBesideTheFleet) {
  directory_.Write("tables.toml",
                   "[planner]\nhertbeat = \"9s\"\n[[hooks]]\nname = \"drain\"\n[[hosts]]\nname = "
                   "\"web1\"\n");
  const Result result = Ctl({"config", "check", directory_ / "tables.toml"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, AllOf(HasSubstr("tables.toml:2: [planner]: unknown key \"hertbeat\""),
                                HasSubstr("tables.toml:3: [[hooks]] \"drain\": url: is missing"),
                                HasSubstr("tables.toml:5: [[hosts]]: address: is missing")));
}

TEST_F(ConfigRunTest, WhatAProgramRefusesAtItsStartIsAnErrorToo) {
  directory_.Write("rules.toml",
                   "[planner]\nlisten = \":8001\"\n[agent]\nplanner = \"planner:\"\n"
                   "[[clusters]]\nname = \"c\"\nkubeconfig = \"none\"\n[[hosts]]\n"
                   "name = \"web1\"\naddress = \"web1:port\"\n");
  const Result result = Ctl({"config", "check", directory_ / "rules.toml"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("rules.toml:2: listen: :8001: refusing to serve other machines"),
                    HasSubstr("rules.toml:4: planner: bad address \"planner:\""),
                    HasSubstr("rules.toml:7: [[clusters]] \"c\": kubeconfig: "),
                    HasSubstr("rules.toml:10: [[hosts]] \"web1\": address: ")));
}

TEST_F(ConfigRunTest, ErrorsAndLikelyMistakesHaveFileAndLineAndExitStatusOne) {
  const std::string good = Good();
  directory_.Write("bad.toml",
                   "[[services]]\nbrnch = \"x\"\nmachine = \"m\"\nservice = \"a\"\n"
                   "upstream = \"/x\"\n");
  directory_.Write("unlikely.toml",
                   "[global]\nupstream = \"/x\"\n[[services]]\nmachine = \"wbe1\"\n"
                   "service = \"a\"\n[[hosts]]\nname = \"web1\"\n");
  const Result result =
      Ctl({"config", "check", good, directory_ / "bad.toml", directory_ / "unlikely.toml"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out,
            absl::StrCat(good, ": good; [[services]]: 1, hosts: 2\n", directory_ / "bad.toml",
                         ":2: [[services]] \"a\": unknown key \"brnch\" (did you mean "
                         "\"branch\"?)\n",
                         directory_ / "unlikely.toml",
                         ":3: [[services]] \"a\": machine: no host of [[hosts]] is \"wbe1\" (did "
                         "you mean \"web1\"?)\n",
                         directory_ / "unlikely.toml",
                         ":6: [[hosts]]: address: is missing: the planner would call the host by "
                         "its name\n"));
  const Result json = Ctl({"config", "check", directory_ / "bad.toml", "-o", "json"});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(json.out)["files"][0]["errors"].size(), 1);
  EXPECT_EQ(Ctl({"config", "check", directory_ / "none.toml"}).exit_code, 1);
  EXPECT_EQ(Ctl({"config", "check"}).exit_code, 2);
}

TEST_F(ConfigRunTest, RenderPrintsWhatOneHostGetsWithoutPasswords) {
  const std::string file = Good();
  const Result result = Ctl({"config", "render", "web2", "--config", file});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("machine = \"web2\"\nservice = \"nginx\"\n"),
                    HasSubstr("upstream = \"https://git.example/ops.git\"\nbranch = \"web2\"\n"),
                    HasSubstr("address = \"web2.example:8004\"\n")));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("hunter2")));
  const Result unknown = Ctl({"config", "render", "wbe2", "--config", file});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err, absl::StrCat("gitopsctl: ", file,
                                      " has neither the host \"wbe2\" nor a "
                                      "service for it (did you mean \"web2\"?)\n"));
  const Result missing = Ctl({"config", "render", "web2", "--config", directory_ / "none.toml"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("none.toml"));
}

TEST_F(ConfigRunTest, RenderPrintsNoPasswordOfAHydraJobEither) {
  directory_.Write("fleet.toml", R"([[services]]
machine = "build1"
service = "web"
profile = "web"
job_uri = "https://joe:hunter2@hydra.example/job/a"
)");
  const Result result = Ctl({"config", "render", "build1", "--config", directory_ / "fleet.toml"});
  EXPECT_THAT(result.out, AllOf(HasSubstr("job_uri = \"https://hydra.example/job/a\"\n"),
                                testing::Not(HasSubstr("hunter2"))));
}

TEST_F(ConfigRunTest, SchemaPrintsJson) {
  const Result result = Ctl({"config", "schema"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(nlohmann::json::parse(result.out).contains("definitions"));
}

}  // namespace
}  // namespace gitops::ctl
