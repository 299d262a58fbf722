#include "common/program_config/program_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gitops {
namespace {

using testing::HasSubstr;

TEST(ProgramTablesTest, GoodTablesOfAllProgramsAreGood) {
  EXPECT_EQ(CheckProgramTables(R"([agent]
poll = "90s"
[planner]
stale-after = "2m"
[hook-dispatcher]
log-format = "json"
[promotion-receiver]
max-age = "1h"
[gateway]
gitopper-access = "read"
[[hooks]]
name = "drain"
points = ["pre-deploy"]
url = "https://lb.example/drain"
[[services]]
machine = "web1"
)",
                               "/etc/f.toml"),
            absl::OkStatus());
}

TEST(ProgramTablesTest, EachTablesFaultsAreToldOnceWithTheirLine) {
  struct Case {
    const char* text;
    const char* fault;
  };
  for (const Case& c : {
           Case{"[agent]\npol = \"9s\"\n", "f.toml:2: [agent]: unknown key \"pol\""},
           Case{"[planner]\nheartbeat = \"soon\"\n", "f.toml:2: [planner]: heartbeat: "},
           Case{"[hook-dispatcher]\nlog-format = \"xml\"\n", "f.toml:2: [hook-dispatcher]: "},
           Case{"[promotion-receiver]\npipeline = \"x\"\n", "did you mean \"pipelines\""},
           Case{"[gateway]\ntokns = \"x\"\n", "did you mean \"tokens\""},
           Case{"[[hooks]]\nname = \"x\"\npoints = [\"pre-deploi\"]\nurl = \"https://x/\"\n",
                "f.toml:3: [[hooks]] \"x\": points: "},
           Case{"[[clusters]]\nname = \"x\"\n", "kubeconfig: is missing"},
           Case{"[[sinks]]\nname = \"x\"\ntype = \"flux\"\n", "url: is missing"},
           Case{"[[webhooks]]\nprovider = \"github\"\nsecret_file = \"none\"\n", "upstreams: "},
       }) {
    const std::string told(CheckProgramTables(c.text, "/etc/f.toml").message());
    EXPECT_THAT(told, HasSubstr(c.fault));
  }
  const std::string twice(CheckProgramTables("[agnt]\n", "/etc/f.toml").message());
  EXPECT_THAT(twice, HasSubstr("agnt"));
  EXPECT_THAT(twice, testing::Not(HasSubstr("\n"))) << "every reader finds it";
}

}  // namespace
}  // namespace gitops
