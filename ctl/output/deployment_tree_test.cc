#include "ctl/output/deployment_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'000'100);

v1::HostDeployment MakeHost(const std::string& name, int wave, v1::HostDeploymentState state) {
  v1::HostDeployment host;
  host.set_host(name);
  host.set_wave(wave);
  host.set_state(state);
  return host;
}

// A canary that is done, a wave under way, one that waits.
DeploymentView UnderWay() {
  DeploymentView view;
  view.deployment.set_id("d1");
  view.deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
  view.deployment.set_wave_count(3);
  view.deployment.set_current_wave(2);
  v1::HostDeployment canary = MakeHost("web1", 1, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
  v1::ServiceMove* move = canary.add_moves();
  move->set_service("nginx");
  move->set_from_hash("606eb576c1");
  move->set_to_hash("8df1b3db67");
  view.SetHost(canary);
  view.SetHost(MakeHost("web2", 2, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED));
  v1::HostDeployment hooked = MakeHost("database3", 2, v1::HOST_DEPLOYMENT_STATE_RUNNING);
  v1::StepRecord* step = hooked.add_steps();
  step->set_kind(v1::STEP_KIND_DEPLOY);
  v1::HookCall* call = step->add_hook_calls();
  call->set_point("pre-deploy");
  call->set_hook("drain");
  call->mutable_duration()->set_nanos(12'000'000);
  view.SetHost(hooked);
  v1::HostDeployment acting = hooked;
  acting.set_host("web4");
  acting.mutable_steps(0)->add_actions()->set_action("sync");
  view.SetHost(acting);
  v1::HostDeployment failed = MakeHost("web5", 2, v1::HOST_DEPLOYMENT_STATE_FAILED);
  failed.set_message("no such\x1b commit");
  view.SetHost(failed);
  view.SetHost(MakeHost("web6", 2, v1::HOST_DEPLOYMENT_STATE_PENDING));
  view.SetHost(MakeHost("web7", 3, v1::HOST_DEPLOYMENT_STATE_PENDING));
  view.SetHost(MakeHost("web8", 3, v1::HOST_DEPLOYMENT_STATE_PENDING));
  return view;
}

std::string Text(const DeploymentView& view, TerminalSize size, bool color = false) {
  return absl::StrJoin(DeploymentTree(view, size, color, kNow), "\n");
}

TEST(DeploymentTreeTest, ShowsWavesHostsAndWhatEachIsAt) {
  EXPECT_EQ(Text(UnderWay(), {24, 80}),
            "deployment d1  RUNNING  wave 2 of 3, 3 of 8 hosts\n"
            "├─ wave 1\n"
            "│  └─ web1       SUCCEEDED  nginx 606eb576 -> 8df1b3db\n"
            "├─ wave 2\n"
            "│  ├─ web2       SUCCEEDED\n"
            "│  ├─ database3  RUNNING  deploy: pre-deploy: drain answered in 12 ms\n"
            "│  ├─ web4       RUNNING  deploy: sync\n"
            "│  ├─ web5       FAILED  no such\\x1b commit\n"
            "│  └─ web6       PENDING\n"
            "└─ wave 3\n"
            "   ├─ web7       PENDING\n"
            "   └─ web8       PENDING");
}

TEST(DeploymentTreeTest, ShowsWhatComesAfterWhatIsDone) {
  DeploymentView view;
  view.deployment.set_id("d1");
  v1::HostDeployment host = MakeHost("web1", 1, v1::HOST_DEPLOYMENT_STATE_RUNNING);
  host.add_remaining_actions("sync");
  host.add_remaining_actions("reboot");
  v1::StepRecord* step = host.add_steps();
  step->set_kind(v1::STEP_KIND_DEPLOY);
  const auto doing = [&] {
    view.SetHost(host);
    return DeploymentTree(view, {24, 100}, false, kNow).back();
  };
  EXPECT_EQ(doing(), "   └─ web1  RUNNING  deploy");
  v1::HookCall* call = step->add_hook_calls();
  call->set_point("pre-deploy");
  call->set_hook("drain");
  EXPECT_EQ(doing(), "   └─ web1  RUNNING  deploy: pre-deploy: drain answered in 0 ms, then sync");
  v1::ActionRecord* checks = step->add_actions();
  checks->set_action("pre-deploy-checks");
  EXPECT_EQ(doing(), "   └─ web1  RUNNING  deploy: pre-deploy-checks");
  checks->mutable_end_time()->set_seconds(1);
  EXPECT_EQ(doing(), "   └─ web1  RUNNING  deploy: pre-deploy-checks done, then sync");
  *step->add_hook_calls() = *call;
  step->mutable_hook_calls(1)->set_point("post-deploy");
  host.clear_remaining_actions();
  EXPECT_EQ(doing(), "   └─ web1  RUNNING  deploy: post-deploy: drain answered in 0 ms");
}

TEST(DeploymentTreeTest, ACheckThatFailsShowsElapsedLimitTriesAndItsLastResult) {
  DeploymentView view;
  view.deployment.set_id("d1");
  view.deployment.mutable_start_time()->set_seconds(1'000'000);
  v1::HostDeployment host = MakeHost("web1", 1, v1::HOST_DEPLOYMENT_STATE_RUNNING);
  v1::StepRecord* step = host.add_steps();
  step->set_kind(v1::STEP_KIND_HEALTHCHECKS);
  v1::ActionRecord* check = step->add_actions();
  check->set_action("health-checks");
  check->mutable_start_time()->set_seconds(1'000'060);
  check->mutable_deadline()->set_seconds(1'000'360);
  check->set_tries(4);
  check->set_message("http port 80: connection refused");
  view.SetHost(host);
  EXPECT_EQ(Text(view, {24, 120}),
            "deployment d1  UNSPECIFIED  0 of 1 host, 1m40s\n"
            "└─ wave 1\n"
            "   └─ web1  RUNNING  healthchecks: health-checks 40s of 5m, 4 tries: http port 80: "
            "connection refused");
}

TEST(DeploymentTreeTest, TheFirstSecondHasAUnit) {
  DeploymentView view = UnderWay();
  view.deployment.mutable_start_time()->set_seconds(absl::ToUnixSeconds(kNow));
  EXPECT_THAT(Text(view, {24, 80}), HasSubstr("wave 2 of 3, 3 of 8 hosts, 0s\n"));
}

TEST(DeploymentTreeTest, ManyHostsOfAWaveThatAreDoneAreOneLine) {
  DeploymentView view = UnderWay();
  for (const char* name : {"web9", "web10", "web11"}) {
    view.SetHost(MakeHost(name, 4, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED));
    view.SetHost(MakeHost(absl::StrCat(name, "b"), 2, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED));
  }
  const std::string text = Text(view, {24, 80});
  EXPECT_THAT(text, HasSubstr("└─ wave 4: 3 SUCCEEDED"));
  EXPECT_THAT(text, HasSubstr("│  ├─ web6       PENDING\n│  └─ … 4 SUCCEEDED\n"));
}

TEST(DeploymentTreeTest, WavesThatAreNotUnderWayBecomeOneLineFirst) {
  EXPECT_EQ(Text(UnderWay(), {12, 80}),
            "deployment d1  RUNNING  wave 2 of 3, 3 of 8 hosts\n"
            "├─ wave 1: 1 SUCCEEDED\n"
            "├─ wave 2\n"
            "│  ├─ web2       SUCCEEDED\n"
            "│  ├─ database3  RUNNING  deploy: pre-deploy: drain answered in 12 ms\n"
            "│  ├─ web4       RUNNING  deploy: sync\n"
            "│  ├─ web5       FAILED  no such\\x1b commit\n"
            "│  └─ web6       PENDING\n"
            "└─ wave 3: 2 PENDING");
}

TEST(DeploymentTreeTest, ThenHostsThatWaitOrAreDone) {
  EXPECT_EQ(Text(UnderWay(), {9, 80}),
            "deployment d1  RUNNING  wave 2 of 3, 3 of 8 hosts\n"
            "├─ wave 1: 1 SUCCEEDED\n"
            "├─ wave 2\n"
            "│  ├─ database3  RUNNING  deploy: pre-deploy: drain answered in 12 ms\n"
            "│  ├─ web4       RUNNING  deploy: sync\n"
            "│  ├─ web5       FAILED  no such\\x1b commit\n"
            "│  └─ … 1 PENDING, 1 SUCCEEDED\n"
            "└─ wave 3: 2 PENDING");
}

TEST(DeploymentTreeTest, AlwaysFitsTheTerminal) {
  DeploymentView view = UnderWay();
  for (int i = 0; i < 500; ++i) {
    view.SetHost(MakeHost(absl::StrCat("busy", i), 2, v1::HOST_DEPLOYMENT_STATE_RUNNING));
  }
  for (const int rows : {1, 2, 3, 5, 24, 100}) {
    for (const int columns : {1, 10, 80}) {
      const std::vector<std::string> lines = DeploymentTree(view, {rows, columns}, true, kNow);
      EXPECT_LE(lines.size(), static_cast<size_t>(std::max(rows - 1, 1)));
      for (const std::string& line : lines) {
        EXPECT_LE(DisplayWidth(line), static_cast<size_t>(columns));
      }
    }
  }
  EXPECT_EQ(DeploymentTree(view, {5, 80}, false, kNow).back(), "… 505 more lines");
}

TEST(DeploymentTreeTest, ColorsStatesOnlyWhereAsked) {
  EXPECT_THAT(Text(UnderWay(), {24, 80}, true), HasSubstr("\x1b[31mFAILED\x1b[0m"));
  EXPECT_THAT(Text(UnderWay(), {24, 80}), Not(HasSubstr("\x1b")));
}

TEST(DeploymentTreeTest, HostThatChangesKeepsItsPlace) {
  DeploymentView view = UnderWay();
  view.SetHost(MakeHost("web1", 1, v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK));
  EXPECT_EQ(view.hosts.size(), 8u);
  EXPECT_EQ(view.hosts[0].state(), v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK);
}

TEST(DeploymentTreeTest, NoteStandsBelow) {
  DeploymentView view;
  view.deployment.set_id("d1");
  view.note = "the planner does not answer";
  EXPECT_EQ(Text(view, {24, 80}),
            "deployment d1  UNSPECIFIED  0 of 0 hosts\nthe planner does not answer");
}

}  // namespace
}  // namespace gitops::ctl
