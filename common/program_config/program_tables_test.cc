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

TEST(ProgramTablesTest, WhatAProgramRefusesAtItsStartIsToldWithItsLine) {
  struct Case {
    const char* text;
    const char* fault;
  };
  for (const Case& c : {
           Case{"[planner]\nlisten = \"nonsense\"\n", "f.toml:2: listen: bad address \"nonsense\""},
           Case{"[planner]\nlisten = [\"127.0.0.1:1\", \"x:y\"]\n", "f.toml:2: listen: "},
           Case{"[agent]\nmetrics-listen = \"9222\"\n", "f.toml:2: metrics-listen: "},
           Case{"[agent]\nplanner = \"http://p:8001\"\n", "f.toml:2: planner: "},
           Case{"[agent]\nadvertise = \"web1:0\"\n", "f.toml:2: advertise: "},
           Case{"[planner]\nlisten = \":8001\"\n",
                "f.toml:2: listen: :8001: refusing to serve other machines in plain text"},
           Case{"[planner]\nstore = \"redis://h\"\n", "f.toml:2: store: expected etcd://"},
           Case{"[planner]\ntls-dir = \"/etc/tls\"\ninsecure = true\n",
                "f.toml:2: tls-dir: it and insecure (from "},
           Case{"[planner]\n\nheartbeat = \"90s\"\n",
                "f.toml:3: heartbeat: stale-after (90s, from default) must be longer"},
           Case{"[planner]\nkeep-deployments = 0\n", "f.toml:2: keep-deployments: is 0"},
           Case{"[planner]\nhook-dispatcher = \"localhost:port\"\n", "f.toml:2: hook-dispatcher: "},
           Case{"[promotion-receiver]\nplanner = \":0\"\n", "f.toml:2: planner: "},
           Case{"[gateway]\nagent = \":::\"\n", "f.toml:2: agent: "},
           Case{"[gateway]\nlisten = \"0.0.0.0:8000\"\n",
                "f.toml:2: listen: 0.0.0.0:8000: refusing"},
           Case{"[gateway]\nmax-body = \"much\"\n", "f.toml:2: max-body: "},
           Case{"[[clusters]]\nname = \"c\"\nkubeconfig = \"none\"\n",
                "f.toml:3: [[clusters]] \"c\": kubeconfig: "},
       }) {
    const absl::Status told = CheckProgramTables(c.text, "/etc/f.toml");
    EXPECT_EQ(told.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(std::string(told.message()), HasSubstr(c.fault)) << c.text;
  }
  EXPECT_EQ(CheckProgramTables("[planner]\nlisten = \":8001\"\ninsecure = true\n"
                               "[gateway]\nlisten = \":8000\"\ntls-dir = \"/etc/tls\"\n",
                               "/etc/f.toml"),
            absl::OkStatus());
}

}  // namespace
}  // namespace gitops
