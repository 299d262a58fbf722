// The whole program against a planner: plans and deployments.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/rpc/error.h"
#include "common/testing/eventually.h"
#include "ctl/testing/fleet_fixture.h"

namespace gitops::ctl {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr char kId[] = "20261122-221530-k7q2mx";

v1::HostDeployment MakeHost(const std::string& name, int wave, v1::HostDeploymentState state) {
  v1::HostDeployment host;
  host.set_host(name);
  host.set_wave(wave);
  host.set_state(state);
  return host;
}

v1::Deployment MakeDeployment(v1::DeploymentState state, v1::HostDeploymentState first,
                              v1::HostDeploymentState second) {
  v1::Deployment deployment;
  deployment.set_id(kId);
  deployment.set_state(state);
  deployment.set_host_count(2);
  deployment.set_wave_count(2);
  deployment.set_succeeded_count((first == v1::HOST_DEPLOYMENT_STATE_SUCCEEDED) +
                                 (second == v1::HOST_DEPLOYMENT_STATE_SUCCEEDED));
  deployment.mutable_spec()->add_actions("sync");
  *deployment.add_hosts() = MakeHost("web1", 1, first);
  *deployment.add_hosts() = MakeHost("web2", 2, second);
  return deployment;
}

// Lines of progress without the times that they begin with.
std::string WithoutTimes(const std::string& lines) {
  std::string text;
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    EXPECT_EQ(line.substr(19, 2), "Z ") << line;
    absl::StrAppend(&text, line.substr(std::min<size_t>(line.size(), 21)), "\n");
  }
  return text;
}

v1::Deployment Running() {
  return MakeDeployment(v1::DEPLOYMENT_STATE_RUNNING, v1::HOST_DEPLOYMENT_STATE_RUNNING,
                        v1::HOST_DEPLOYMENT_STATE_PENDING);
}

v1::Deployment Succeeded() {
  return MakeDeployment(v1::DEPLOYMENT_STATE_SUCCEEDED, v1::HOST_DEPLOYMENT_STATE_SUCCEEDED,
                        v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
}

v1::Deployment Failed() {
  v1::Deployment deployment =
      MakeDeployment(v1::DEPLOYMENT_STATE_FAILED, v1::HOST_DEPLOYMENT_STATE_FAILED,
                     v1::HOST_DEPLOYMENT_STATE_STOPPED);
  deployment.set_message("1 host failed");
  deployment.mutable_hosts(0)->set_message("sync: no such commit");
  return deployment;
}

class DeployRunTest : public FleetFixture {
 protected:
  DeployRunTest() {
    v1::Plan plan;
    plan.set_token("t0ken");
    plan.set_wave_count(2);
    for (const char* name : {"web1", "web2"}) {
      v1::PlannedHost* host = plan.add_hosts();
      host->set_host(name);
      host->set_wave(plan.hosts_size());
      host->add_actions("sync");
      host->add_actions("reboot");
    }
    v1::ServiceMove* move = plan.mutable_hosts(0)->add_moves();
    move->set_service("nginx");
    move->set_from_hash("606eb576c1");
    move->set_to_hash("8df1b3db67");
    planner_->SetPlan(plan);
    planner_->PutDeployment(Succeeded());
  }
};

TEST_F(DeployRunTest, PlanShowsHostsWavesActionsMovesAndToken) {
  const Result table = Ctl("plan sync reboot --canary 1");
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_EQ(table.out,
            "HOST  WAVE  ACTIONS       MOVES\n"
            "web1  1     sync, reboot  nginx 606eb576 -> 8df1b3db\n"
            "web2  2     sync, reboot\n"
            "\n"
            "token: t0ken\n"
            "gitopsctl deploy --plan t0ken\n");
  EXPECT_EQ(LastCall().request,
            "spec { selection { } actions: \"sync\" actions: \"reboot\" rollout { canary: 1 } }");
  const std::string text = Ctl("plan sync -o json").out;
  EXPECT_THAT(text, StartsWith("{\n  \"token\": \"t0ken\",\n  \"hosts\": ["));
  const json plan = json::parse(text);
  EXPECT_EQ(plan["hosts"][1]["wave"], 2);
  EXPECT_EQ(plan["hosts"][1]["actions"], json({"sync", "reboot"}));
  EXPECT_EQ(plan["hooks"], json::array());
  EXPECT_EQ(plan["spec"]["rollout"]["onFailure"], "UNSPECIFIED");
  EXPECT_FALSE(plan.contains("differences"));
  EXPECT_EQ(Ctl("plan sync -o name").out, "t0ken\n");
}

TEST_F(DeployRunTest, PlanShowsWhatItsMovesWouldChangeInFiles) {
  v1::HostOutcome outcome;
  outcome.set_host("web1");
  v1::Difference* difference = outcome.mutable_diff()->add_differences();
  difference->set_kind(v1::Difference::KIND_MODIFIED);
  difference->set_path("/etc/nginx/nginx.conf");
  difference->set_detail("@@ -1 +1 @@\n-a\n+b\n");
  planner_->SetOutcomes({outcome});
  EXPECT_THAT(Ctl("plan sync --diff").out, EndsWith("\nnginx 606eb576 -> 8df1b3db:\nweb1\n"
                                                    "modified       /etc/nginx/nginx.conf\n"
                                                    "@@ -1 +1 @@\n-a\n+b\n"));
  const json plan = json::parse(Ctl("plan sync --diff -o json").out);
  EXPECT_EQ(plan["token"], "t0ken");
  ASSERT_EQ(plan["differences"].size(), 1u);
  const json& move = plan["differences"][0];
  EXPECT_EQ(move["service"], "nginx");
  EXPECT_EQ(move["toHash"], "8df1b3db67");
  EXPECT_EQ(move["outcomes"][0]["host"], "web1");
  EXPECT_EQ(move["outcomes"][0]["diff"]["differences"][0]["detail"], "@@ -1 +1 @@\n-a\n+b\n");
  EXPECT_THAT(Ctl("plan sync --diff -o yaml").out, HasSubstr("\ndifferences:\n"));
  planner_->Fail("DiffServices", absl::UnavailableError("stopping"));
  EXPECT_EQ(Ctl("plan sync --diff -o json").exit_code, 1);
}

TEST_F(DeployRunTest, WhyADeploymentFailedIsToldOnce) {
  v1::Deployment deployment = Failed();
  deployment.set_message("2 of 3 hosts failed: web1, web2");
  deployment.set_cause("app is frozen by alice");
  deployment.clear_hosts();
  for (const auto& [name, message] :
       {std::pair("web1", "app is frozen by alice"),
        {"web2", "app is frozen by alice"},
        {"web3", "app is back at 8df1; it had failed: app is frozen by alice"}}) {
    v1::HostDeployment* host = deployment.add_hosts();
    host->set_host(name);
    host->set_wave(1);
    host->set_state(v1::HOST_DEPLOYMENT_STATE_FAILED);
    host->set_message(message);
  }
  planner_->PutDeployment(deployment);
  EXPECT_THAT(Ctl("list deployments").out,
              HasSubstr("app is frozen by alice; 2 of 3 hosts failed: web1, web2\n"));
  EXPECT_THAT(Ctl("list deployments -o wide").out,
              HasSubstr("app is frozen by alice  2 of 3 hosts failed: web1, web2\n"));
  const std::string details = Ctl("get deployment " + deployment.id()).out;
  EXPECT_THAT(
      details,
      AllOf(HasSubstr("Cause:       app is frozen by alice\n"), HasSubstr("web2  1     FAILED\n"),
            HasSubstr("web3  1     FAILED  app is back at 8df1; it had failed\n")));
  const json tree = json::parse(Ctl("get deployment -o json " + deployment.id()).out);
  EXPECT_EQ(tree["cause"], "app is frozen by alice");
  EXPECT_EQ(tree["hosts"][0]["message"], "app is frozen by alice");
}

TEST_F(DeployRunTest, PlanOfNobodyIsNoError) {
  planner_->SetPlan(v1::Plan());
  const Result result = Ctl("plan sync --on nobody");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("no host is selected\n"));
}

TEST_F(DeployRunTest, PlanThatAHookStoppedFails) {
  planner_->Fail("CreatePlan",
                 MakeError(Reason::kHookStopped, "hook window at pre-select: status 423"));
  const Result result = Ctl("plan sync");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "gitopsctl: plan sync through " + planner_->address() +
                ": hook window at pre-select: status 423 (FAILED_PRECONDITION: HOOK_STOPPED)\n");
}

TEST_F(DeployRunTest, DeployPrintsHowItEndedOnStdoutAndTheRestOnStderr) {
  const Result result = Ctl("deploy sync --all -y --reason release");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out,
            "deployment 20261122-221530-k7q2mx: SUCCEEDED, 2 of 2 hosts done\n"
            "HOST  WAVE  STATE\n"
            "web1  1     SUCCEEDED\n"
            "web2  2     SUCCEEDED\n");
  EXPECT_EQ(WithoutTimes(result.err),
            "deployment 20261122-221530-k7q2mx: SUCCEEDED\n"
            "web1: SUCCEEDED\nweb2: SUCCEEDED\n"
            "wave 1: done (2 of 2 hosts)\nwave 2: done (2 of 2 hosts)\n");
  EXPECT_THAT(planner_->calls()[0].request,
              AllOf(HasSubstr("all: true"), HasSubstr("actions: \"sync\""),
                    HasSubstr("reason: \"release\""), Not(HasSubstr("plan_token"))));
  EXPECT_EQ(json::parse(Ctl("deploy sync --all -y -o json").out)["hosts"][1]["state"], "SUCCEEDED");
  EXPECT_EQ(Ctl("deploy sync --all -y -o name").out, std::string(kId) + "\n");
}

TEST_F(DeployRunTest, EveryEndButSuccessIsAFailure) {
  const struct {
    v1::DeploymentState state;
    int exit_code;
  } kCases[] = {
      {v1::DEPLOYMENT_STATE_SUCCEEDED, 0},
      {v1::DEPLOYMENT_STATE_FAILED, 1},
      {v1::DEPLOYMENT_STATE_CANCELLED, 1},
      {v1::DEPLOYMENT_STATE_INTERRUPTED, 1},
  };
  for (const auto& c : kCases) {
    v1::Deployment deployment = Failed();
    deployment.set_state(c.state);
    planner_->PutDeployment(deployment);
    for (const std::string line :
         {"deploy sync --all -y", "resume deployment d", "rollback deployment d -y"}) {
      EXPECT_EQ(Ctl(line).exit_code, c.exit_code) << line << " " << c.state;
    }
    EXPECT_EQ(Ctl(std::string("watch deployment ") + kId).exit_code, c.exit_code) << c.state;
    // Looking at it is no failure.
    EXPECT_EQ(Ctl(std::string("get deployment ") + kId).exit_code, 0) << c.state;
  }
}

TEST_F(DeployRunTest, DeployWaitsForTheEndAndTellsWhatHappens) {
  planner_->PutDeployment(Running());
  Result result;
  std::thread deploying([&] { result = Ctl("deploy sync --all -y"); });
  ASSERT_TRUE(planner_->WaitForWatches(1));
  planner_->PutDeployment(Failed());
  deploying.join();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("Z deployment 20261122-221530-k7q2mx: RUNNING\n"),
                                HasSubstr("Z web1: FAILED: sync: no such commit\n"),
                                HasSubstr("FAILED: 1 host failed\n")));
  EXPECT_THAT(result.out, HasSubstr("web1  1     FAILED   sync: no such commit"));
  EXPECT_THAT(interrupt_texts_,
              ElementsAre("gitopsctl: deployment 20261122-221530-k7q2mx continues; gitopsctl watch "
                          "deployment 20261122-221530-k7q2mx shows it, gitopsctl cancel "
                          "deployment 20261122-221530-k7q2mx ends it"));
}

TEST_F(DeployRunTest, DeploymentSurvivesAPlannerThatGoesAway) {
  for (const absl::Status& status :
       {absl::UnavailableError("stopping"), absl::InternalError("RST_STREAM"), absl::OkStatus()}) {
    planner_->PutDeployment(Running());
    const int before = Called("WatchDeployment");
    Result result;
    std::thread deploying([&] { result = Ctl("deploy sync --all -y"); });
    ASSERT_TRUE(planner_->WaitForWatches(before + 1));
    planner_->EndWatches(status);
    ASSERT_TRUE(planner_->WaitForWatches(before + 2));
    planner_->PutDeployment(Succeeded());
    deploying.join();
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.err, HasSubstr("the planner does not answer ("));
    EXPECT_THAT(result.err, HasSubstr("web1: SUCCEEDED\n"));
    const size_t first = result.err.find("RUNNING");
    EXPECT_EQ(result.err.find("RUNNING", first + 1), std::string::npos) << "told twice";
  }
}

TEST_F(DeployRunTest, WhereTheWholeIsTooLargeItEndsWithWhatTheWatchTold) {
  planner_->Fail("GetDeployment", absl::ResourceExhaustedError("larger than max (9 vs. 4)"));
  planner_->PutDeployment(Succeeded());
  const Result good = Ctl("deploy sync --all -y -o json --timeout 20s");
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.err, HasSubstr("too large to be read at once (larger than max (9 vs. 4))"));
  const json whole = json::parse(good.out);
  EXPECT_EQ(whole["id"], kId);
  ASSERT_EQ(whole["hosts"].size(), 2u);
  EXPECT_EQ(whole["hosts"][1]["host"], "web2");
  planner_->PutDeployment(Failed());
  EXPECT_EQ(Ctl("deploy sync --all -y --timeout 20s").exit_code, 1);
}

TEST_F(DeployRunTest, AWatchThatIsRefusedForLackOfRoomIsGivenUpAfterSomeTries) {
  planner_->PutDeployment(Running());
  planner_->Fail("WatchDeployment", absl::ResourceExhaustedError("64 watchers already"));
  const Result result = Ctl("deploy sync --all -y --timeout 30s");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("64 watchers already (RESOURCE_EXHAUSTED)"),
                                HasSubstr("gitopsctl watch deployment 20261122")));
  EXPECT_EQ(Called("WatchDeployment"), 6);
}

TEST_F(DeployRunTest, APlanOfAHundredThousandHostsCanBeRead) {
  v1::Plan plan;
  plan.set_token("large");
  for (int i = 0; i < 100'000; ++i) {
    v1::PlannedHost& host = *plan.add_hosts();
    host.set_host(absl::StrCat("web", i, ".example.org"));
    host.set_address(absl::StrCat(host.host(), ":8004"));
    host.set_wave(1);
    for (const char* service : {"nginx", "prometheus"}) {
      v1::ServiceMove& move = *host.add_moves();
      move.set_service(service);
      move.set_from_hash(std::string(40, 'a'));
      move.set_to_hash(std::string(40, 'b'));
    }
  }
  ASSERT_GT(plan.ByteSizeLong(), 20u << 20);
  planner_->SetPlan(plan);
  const Result result = Ctl("plan sync --all -o name");
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(DeployRunTest, WatchOfAnUnknownDeploymentFailsAtOnce) {
  const Result result = Ctl("watch deployment nope");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("no deployment nope (NOT_FOUND)"));
  EXPECT_EQ(Ctl("get deployment nope").exit_code, 1);
}

TEST_F(DeployRunTest, TimeoutEndsTheWaitingAndSaysThatItGoesOn) {
  planner_->PutDeployment(Running());
  const Result result = Ctl("deploy sync --all -y --timeout 300ms");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(HasSubstr("(DEADLINE_EXCEEDED)"), HasSubstr(" continues; "),
                                HasSubstr("gitopsctl cancel deployment 20261122")));
}

TEST_F(DeployRunTest, DetachDoesNotWait) {
  planner_->PutDeployment(Running());
  for (const std::string line :
       {"deploy sync --all -y", "resume deployment d", "rollback deployment d -y"}) {
    const Result result = Ctl(line + " --detach");
    EXPECT_EQ(result.exit_code, 0) << line;
    EXPECT_EQ(result.out, "deployment 20261122-221530-k7q2mx: RUNNING, 0 of 2 hosts done\n");
    EXPECT_EQ(json::parse(Ctl(line + " --detach -o json").out)["id"], kId);
  }
  EXPECT_EQ(Called("WatchDeployment"), 0);
}

TEST_F(DeployRunTest, TokenIsWhatIsDeployed) {
  EXPECT_EQ(Ctl("deploy --plan t0ken -y --no-wait").exit_code, 0);
  EXPECT_EQ(planner_->calls()[0].request, "plan_token: \"t0ken\" no_wait: true");
  planner_->Fail("CreateDeployment", absl::FailedPreconditionError("web2 left the fleet"));
  const Result moved = Ctl("deploy --plan t0ken -y");
  EXPECT_EQ(moved.exit_code, 1);
  EXPECT_THAT(moved.err, HasSubstr("web2 left the fleet (FAILED_PRECONDITION)"));
}

TEST_F(DeployRunTest, AtATerminalItShowsThePlanAndDeploysThat) {
  terminal_ = true;
  const Result no = Ctl("deploy sync --all", "n\n");
  EXPECT_EQ(no.exit_code, 1);
  EXPECT_THAT(no.err,
              HasSubstr("token: t0ken\ngitopsctl deploy --plan t0ken\nDeploy sync to 2 hosts in 2 "
                        "waves, on failure stop? [y/N] "));
  EXPECT_EQ(Called("CreateDeployment"), 0);
  const Result yes = Ctl("deploy sync --all --reason why", "y\n");
  EXPECT_EQ(yes.exit_code, 0) << yes.err;
  EXPECT_THAT(yes.out, StartsWith("deployment 20261122"));
  bool deployed_token = false;
  std::set<std::string> ids;
  for (const auto& call : planner_->calls()) {
    if (call.method == "CreatePlan") ids.insert(call.request_id);
    if (call.method != "CreateDeployment") continue;
    deployed_token = call.request == "plan_token: \"t0ken\" reason: \"why\"";
    ids.insert(call.request_id);
  }
  EXPECT_TRUE(deployed_token);
  EXPECT_THAT(ids, testing::Not(testing::Contains(""))) << "calls without a request_id";
  EXPECT_EQ(ids.size(), 3u) << "two plans and a deployment, each with an id of its own";
}

TEST_F(DeployRunTest, TreeIsDrawnOnTheTerminalAndNotInTheResult) {
  terminal_ = true;
  const Result result = Ctl("deploy sync --all -y --color never");
  EXPECT_THAT(result.err, HasSubstr("├─ wave 1\n│  └─ web1  SUCCEEDED\n└─ wave 2\n   └─ web2"));
  EXPECT_THAT(result.out, Not(HasSubstr("wave 1\n")));
  variables_["TERM"] = "dumb";
  EXPECT_THAT(Ctl("deploy sync --all -y").err, HasSubstr("wave 1: done (2 of 2 hosts)\n"));
}

TEST_F(DeployRunTest, WatchForProgramsIsOneObjectALine) {
  planner_->PutDeployment(Running());
  for (const std::string& line : {std::string("deploy sync --all -y -o json -w"),
                                  absl::StrCat("watch deployment ", kId, " -o json"),
                                  absl::StrCat("get deployment ", kId, " -w -o json")}) {
    planner_->PutDeployment(Running());
    const int before = Called("WatchDeployment");
    Result result;
    std::thread watcher([&] { result = Ctl(line); });
    ASSERT_TRUE(planner_->WaitForWatches(before + 1));
    planner_->PutDeployment(Succeeded());
    watcher.join();
    EXPECT_EQ(result.exit_code, 0) << line;
    const std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
    ASSERT_EQ(lines.size(), 6u) << line << result.out;
    EXPECT_EQ(json::parse(lines[0])["deployment"]["state"], "RUNNING");
    EXPECT_EQ(json::parse(lines[0])["host"], nullptr);
    EXPECT_EQ(json::parse(lines[1])["host"]["host"], "web1");
    EXPECT_EQ(json::parse(lines[2])["initialDone"], true);
    EXPECT_EQ(json::parse(lines[5])["host"]["state"], "SUCCEEDED");
  }
}

TEST_F(DeployRunTest, WatchTellsOnStandardOutput) {
  const Result result = Ctl(absl::StrCat("watch deployment ", kId));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("web1: SUCCEEDED\n"), EndsWith("web2  2     SUCCEEDED\n")));
  EXPECT_EQ(result.err, "");
}

TEST_F(DeployRunTest, HostsOfManyPagesAreOneAnswer) {
  planner_->SetPageSize(1);
  const json plan = json::parse(Ctl("plan sync -o json").out);
  ASSERT_EQ(plan["hosts"].size(), 2u);
  EXPECT_EQ(plan["hosts"][1]["host"], "web2");
  const json deployment = json::parse(Ctl(std::string("get deployment ") + kId + " -o json").out);
  ASSERT_EQ(deployment["hosts"].size(), 2u);
  EXPECT_EQ(deployment["hosts"][1]["host"], "web2");
  EXPECT_EQ(Called("ListDeploymentHosts"), 1);
}

TEST_F(DeployRunTest, ListOfDeploymentsIsFilteredByThePlanner) {
  EXPECT_EQ(Ctl("list deployments --state failed --state running --host web1 --service nginx "
                "--actor alice --since 2026-11-22T10:00:00Z --until 2026-11-23T10:00:00Z")
                .exit_code,
            0);
  EXPECT_EQ(LastCall().request,
            "filter { states: DEPLOYMENT_STATE_FAILED states: DEPLOYMENT_STATE_RUNNING "
            "host: \"web1\" service: \"nginx\" actor: \"alice\" since { seconds: 1795341600 } "
            "until { seconds: 1795428000 } }");
  for (const char* line :
       {"list deployments --state done", "list deployments --since yesterday",
        "list deployments --canary 1", "list hosts --state failed", "list hooks --service nginx"}) {
    EXPECT_EQ(Ctl(line).exit_code, 2) << line;
  }
  EXPECT_EQ(Ctl("list deployments --since 2h").exit_code, 0);
  EXPECT_THAT(LastCall().request, StartsWith("filter { since { seconds: "));
}

TEST_F(DeployRunTest, DeploymentsAreListedAndRead) {
  EXPECT_EQ(Ctl("list deployments").out,
            "ID                      STATE      HOSTS  ACTIONS\n"
            "20261122-221530-k7q2mx  SUCCEEDED  2/2    sync\n");
  EXPECT_EQ(json::parse(Ctl("list deployments -o json").out)["deployments"][0]["id"], kId);
  EXPECT_EQ(Ctl("list deployments -o name").out, std::string(kId) + "\n");
  v1::Deployment deployment = Failed();
  v1::StepRecord* step = deployment.mutable_hosts(0)->add_steps();
  step->set_number(1);
  step->set_kind(v1::STEP_KIND_DEPLOY);
  step->set_result(v1::STEP_RESULT_FAILED);
  step->mutable_end_time()->set_seconds(1);
  v1::ActionRecord* action = step->add_actions();
  action->set_action("sync");
  action->set_result(v1::STEP_RESULT_FAILED);
  action->mutable_end_time()->set_seconds(1);
  action->set_message("no such commit");
  action->set_output("line\x1b one\n");
  planner_->PutDeployment(deployment);
  const Result read = Ctl(absl::StrCat("get deployment ", kId, " -o wide"));
  EXPECT_THAT(read.out, HasSubstr("Selection:   all hosts\n"));
  EXPECT_THAT(read.out, HasSubstr("  web1\n    1 deploy  FAILED\n      sync  FAILED: no such "
                                  "commit\n        line\\x1b one\n"));
  const json tree = json::parse(Ctl(absl::StrCat("get deployment ", kId, " -o json")).out);
  EXPECT_EQ(tree["hosts"][0]["steps"][0]["result"], "FAILED");
}

TEST_F(DeployRunTest, WatchedListTellsEachChangeUntilTheTimeout) {
  const Result result = Ctl("list deployments -w -o json --timeout 300ms");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(json::parse(result.out)["id"], kId);
  EXPECT_EQ(json::parse(result.out)["removed"], false);
  EXPECT_THAT(Ctl("list deployments -w --timeout 300ms").out,
              HasSubstr("\n20261122-221530-k7q2mx  SUCCEEDED"));
}

TEST_F(DeployRunTest, WatchedListTellsOfADeploymentThatIsNoLongerKeptAndOfANewOneOnceEach) {
  Result result;
  std::thread watch([&] { result = Ctl("list deployments -w -o json --state running"); });
  ASSERT_TRUE(planner_->WaitForWatches(1));
  v1::Deployment other = Running();
  other.set_id("20261123-000000-aaaaaa");
  planner_->PutDeployment(other);
  planner_->RemoveDeployment(kId);
  planner_->EndWatches(absl::PermissionDeniedError("stopping"));
  watch.join();
  EXPECT_EQ(LastCall().request, "filter { states: DEPLOYMENT_STATE_RUNNING }");
  std::vector<std::string> told;
  for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) {
    const json update = json::parse(line);
    told.push_back(
        absl::StrCat(update["id"].get<std::string>(), update["removed"] ? " removed" : ""));
  }
  EXPECT_THAT(told, UnorderedElementsAre(kId, absl::StrCat(kId, " removed"), other.id()));
}

TEST_F(DeployRunTest, AWatchedListIsInTheOrderOfTheList) {
  v1::Deployment newer = Succeeded();
  newer.set_id("20261123-000000-aaaaaa");
  planner_->PutDeployment(newer);
  const std::string list = Ctl("list deployments --columns id,state").out;
  EXPECT_EQ(Ctl("list deployments -w --timeout 300ms --columns id,state").out, list);
}

TEST_F(DeployRunTest, CancelSaysWhatHoldsNow) {
  planner_->PutDeployment(Running());
  const Result result = Ctl(absl::StrCat("cancel deployment ", kId, " -y --reason wrong"));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("RUNNING, 0 of 2 hosts done"));
  EXPECT_THAT(result.err, HasSubstr("it starts no more hosts"));
  EXPECT_EQ(LastCall().request, absl::StrCat("id: \"", kId, "\" reason: \"wrong\""));
}

}  // namespace
}  // namespace gitops::ctl
