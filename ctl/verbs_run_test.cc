// The whole program against a planner: wait, events, history, acknowledge, rollback previous, debug
// bundles, and commands that select nothing.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/path/temporary_directory.h"
#include "ctl/testing/fleet_fixture.h"

namespace gitops::ctl {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Debian 12's c-ares leaks the name of each lookup of localhost.
const int kResolver = setenv("GRPC_DNS_RESOLVER", "native", 1);

constexpr char kNew[] = "606eb576c1b91248e4c1c4cd0d720f27ac0deb70";
constexpr char kOld[] = "8df1b3db35e4b4ee3b0a2ea4a0db5d8a0ec4f2d1";

v1::Service MakeService(const std::string& host, v1::ServiceState state = v1::SERVICE_STATE_OK,
                        const std::string& hash = kNew) {
  v1::Service service;
  service.set_host(host);
  service.set_service("app");
  service.set_state(state);
  service.set_hash(hash);
  service.set_sync(v1::SYNC_STATUS_CURRENT);
  service.mutable_change_time()->set_seconds(1668762892);
  return service;
}

class VerbsRunTest : public FleetFixture {
 protected:
  VerbsRunTest() {
    for (const char* host : {"web1", "web2"}) {
      PutHost(host, v1::HOST_STATE_ONLINE);
      planner_->PutService(MakeService(host));
    }
  }
  void PutHost(const std::string& name, v1::HostState state) {
    v1::Host host;
    host.set_host(name);
    host.set_state(state);
    host.mutable_state_time()->set_seconds(1668762800);
    planner_->PutHost(host);
  }
};

TEST_F(VerbsRunTest, WaitEndsWhereEverySelectedHostIsAsAsked) {
  const Result met = Ctl("wait service app --for state=OK --for sync=current --revision 606E");
  EXPECT_EQ(met.exit_code, 0) << met.err;
  EXPECT_EQ(met.out, "web1/app: OK, CURRENT, at 606eb576\nweb2/app: OK, CURRENT, at 606eb576\n");

  planner_->PutService(MakeService("web2", v1::SERVICE_STATE_OK, kOld));
  const Result missing = Ctl("wait service app --revision 606eb576 --timeout 300ms");
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_THAT(missing.err,
              AllOf(HasSubstr("web2/app is OK, CURRENT, at 8df1b3db"), Not(HasSubstr("web1/app"))));
  EXPECT_EQ(Ctl("wait service app --on web1 --revision 606eb576").exit_code, 0);
}

TEST_F(VerbsRunTest, WaitSeesTheChangeThatItWaitsFor) {
  planner_->PutService(MakeService("web2", v1::SERVICE_STATE_DIFF));
  Result result;
  std::thread waiter([&] { result = Ctl("wait service app --timeout 20s"); });
  ASSERT_TRUE(planner_->WaitForWatches(1));
  planner_->EndWatches(absl::UnavailableError("stopping"));
  planner_->PutService(MakeService("web2"));
  waiter.join();
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(VerbsRunTest, WaitIsNotDeceivedBySilentHosts) {
  PutHost("web2", v1::HOST_STATE_STALE);
  const Result stale = Ctl("wait service app --timeout 300ms");
  EXPECT_EQ(stale.exit_code, 4);
  EXPECT_THAT(stale.err, HasSubstr("its host is STALE"));
  PutHost("web2", v1::HOST_STATE_ONLINE);
  PutHost("web3", v1::HOST_STATE_NEVER_SEEN);
  EXPECT_THAT(Ctl("wait service app --timeout 300ms").err, HasSubstr("web3 has never reported"));
}

TEST_F(VerbsRunTest, WaitForWhatCannotComeFailsAtOnce) {
  const Result host = Ctl("wait service app --on wbe1 --timeout 20s");
  EXPECT_EQ(host.exit_code, 1);
  EXPECT_THAT(host.err, HasSubstr("no host matches --on wbe1; did you mean web1?"));
  const Result service = Ctl("wait service apq --timeout 20s");
  EXPECT_EQ(service.exit_code, 1);
  EXPECT_THAT(service.err, HasSubstr("no selected host has a service apq; did you mean app?"));
  for (const char* line : {"wait service app --for OK", "wait service app --for state=GOOD",
                           "wait deployment d1 --for sync=CURRENT"}) {
    EXPECT_EQ(Ctl(line).exit_code, 2) << line;
  }
  EXPECT_EQ(Ctl("wait service app --planner 127.0.0.1:1 --timeout 300ms").exit_code, 3);
}

TEST_F(VerbsRunTest, WaitForADeploymentTellsHowItEnded) {
  v1::Deployment deployment;
  deployment.set_id("d1");
  deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
  planner_->PutDeployment(deployment);
  const Result running = Ctl("wait deployment last --for state=SUCCEEDED --timeout 300ms");
  EXPECT_EQ(running.exit_code, 4);
  EXPECT_THAT(running.err, HasSubstr("deployment d1 is RUNNING"));
  EXPECT_EQ(Ctl("wait deployment d1 --for state=RUNNING --timeout 5s").exit_code, 0);
  deployment.set_state(v1::DEPLOYMENT_STATE_FAILED);
  planner_->PutDeployment(deployment);
  const Result failed = Ctl("wait deployment d1");
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_THAT(failed.err, HasSubstr("deployment d1 ended in FAILED, not in SUCCEEDED"));
  EXPECT_EQ(Ctl("wait deployment d1 --for state=SUCCEEDED").exit_code, 1);
  EXPECT_THAT(Ctl("get deployment last -o name").out, HasSubstr("d1"));
}

TEST_F(VerbsRunTest, WaitForADeploymentWithoutALimitNeedsThePlanner) {
  for (const char* id : {"d1", "last"}) {
    const std::string line = absl::StrCat("wait deployment ", id, " --planner 127.0.0.1:1");
    EXPECT_EQ(Ctl(line).exit_code, 3) << id;
    EXPECT_EQ(Ctl(line + " --timeout 300ms").exit_code, 3) << id;
  }
}

TEST_F(VerbsRunTest, SelectingNoHostIsAFailureEverywhere) {
  planner_->SetOutcomes({});
  for (const char* line :
       {"list hosts", "list services", "list machines", "get service app", "check", "diff app",
        "history app", "describe service app", "events", "freeze app", "unfreeze app", "pull app",
        "rollback app 8df1", "rollback app previous", "watch app", "debug bundle"}) {
    const Result result = Ctl(std::string(line) + " --on wbe1");
    EXPECT_EQ(result.exit_code, 1) << line;
    EXPECT_THAT(result.err, HasSubstr("no host matches --on wbe1; did you mean web1?")) << line;
  }
  for (const char* line : {"list hosts", "check", "freeze app", "events"}) {
    EXPECT_EQ(Ctl(std::string(line) + " --on wbe1 --allow-empty").exit_code, 0) << line;
  }
  EXPECT_THAT(Ctl("list hosts --on web1,web2").err, HasSubstr("write --on '{web1,web2}'"));
  EXPECT_EQ(Ctl("list hosts --limit 0").exit_code, 2);
  EXPECT_THAT(Ctl("list hosts --limit web*").err, HasSubstr("--on GLOB"));
}

TEST_F(VerbsRunTest, AWatchThatCannotBePrintedEnds) {
  for (const char* line : {"list services -w --columns nope", "list hosts -w --sort nope"}) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_THAT(result.err,
                AllOf(HasSubstr("there is no column NOPE"), Not(HasSubstr("retrying"))));
  }
}

TEST_F(VerbsRunTest, AListOfOneNameIsAListToo) {
  planner_->PutService(MakeService("web2", v1::SERVICE_STATE_BROKEN));
  EXPECT_EQ(Ctl("list service app --state broken -o name").out, "web2/app\n");
  EXPECT_EQ(Ctl("list service app --on web1 --columns host --no-headers").out, "web1\n");
}

TEST_F(VerbsRunTest, EachHostGoesBackToItsOwnPreviousRevision) {
  std::vector<v1::HostOutcome> outcomes(2);
  for (int i = 0; i < 2; ++i) {
    const std::string host = i == 0 ? "web1" : "web2";
    outcomes[i].set_host(host);
    *outcomes[i].mutable_service() = MakeService(host, v1::SERVICE_STATE_FREEZE);
    v1::Change* state_only = outcomes[i].mutable_service()->add_changes();
    state_only->set_from_hash(kNew);
    state_only->set_to_hash(kNew);
    v1::Change* move = outcomes[i].mutable_service()->add_changes();
    move->set_from_hash(i == 0 ? kOld : "77aa");
    move->set_to_hash(kNew);
  }
  planner_->SetOutcomes(outcomes);
  EXPECT_EQ(Ctl("rollback app previous --all -y").exit_code, 0);
  std::vector<std::string> asked;
  for (const auto& call : planner_->calls()) {
    if (call.method == "RollbackServices") asked.push_back(call.request);
  }
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_THAT(asked[0], AllOf(HasSubstr("77aa"), HasSubstr("web2")));
  EXPECT_THAT(asked[1], AllOf(HasSubstr(kOld), HasSubstr("web1")));
}

TEST_F(VerbsRunTest, EventsAreInTheOrderOfTime) {
  const Result result = Ctl("events");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_LT(result.out.find("host web1: ONLINE"), result.out.find("service web1/app: OK"));
  EXPECT_THAT(result.out, HasSubstr("2022-11-18T09:14:52Z service web1/app: OK at 606eb576\n"));
  const json list = json::parse(Ctl("events --on web2 -o json").out);
  ASSERT_EQ(list["events"].size(), 2u);
  EXPECT_EQ(list["events"][0]["type"], "host");
  EXPECT_EQ(list["events"][0]["host"]["host"], "web2");
  EXPECT_EQ(Ctl("events --on web9 --allow-empty -o json").out, "{\n  \"events\": []\n}\n");
}

TEST_F(VerbsRunTest, WatchedEventsAreTheChangesOnly) {
  Result result;
  std::thread watcher([&] { result = Ctl("events -w --on web1 --timeout 20s"); });
  ASSERT_TRUE(planner_->WaitForWatches(2));
  planner_->PutService(MakeService("web1", v1::SERVICE_STATE_BROKEN));
  planner_->EndWatches(absl::PermissionDeniedError("enough"));
  watcher.join();
  EXPECT_THAT(result.out, HasSubstr("service web1/app: BROKEN"));
  EXPECT_THAT(result.out, Not(HasSubstr("web2")));
}

TEST_F(VerbsRunTest, WatchedEventsGoOnAfterEachOutageOfThePlanner) {
  Result result;
  std::thread watcher([&] { result = Ctl("events -w --on web1 --timeout 20s"); });
  for (const int watches : {2, 4}) {
    ASSERT_TRUE(planner_->WaitForWatches(watches));
    planner_->EndWatches(absl::UnavailableError("stopping"));
  }
  ASSERT_TRUE(planner_->WaitForWatches(6));
  planner_->PutService(MakeService("web1", v1::SERVICE_STATE_BROKEN));
  planner_->EndWatches(absl::PermissionDeniedError("enough"));
  watcher.join();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, HasSubstr("service web1/app: BROKEN"));
  const std::vector<std::string> lines = absl::StrSplit(result.err, '\n');
  EXPECT_EQ(std::count(lines.begin(), lines.end(),
                       "gitopsctl: the planner does not answer (UNAVAILABLE); retrying"),
            2)
      << result.err;
}

TEST_F(VerbsRunTest, AcknowledgingTellsWhatWasTaken) {
  v1::Host host;
  host.set_host("web1");
  host.mutable_failed_health()->set_message("http 500");
  planner_->PutHost(host);
  EXPECT_EQ(Ctl("acknowledge web1 --reason seen").out, "web1: acknowledged: http 500\n");
  EXPECT_THAT(Ctl("acknowledge web1").out, HasSubstr("nothing to acknowledge"));
  EXPECT_EQ(Ctl("acknowledge host web1").exit_code, 0);
  const Result unknown = Ctl("acknowledge web9");
  EXPECT_EQ(unknown.exit_code, 1);
}

TEST_F(VerbsRunTest, APlanThatWillFailIsAFailure) {
  v1::Plan plan;
  plan.set_token("t1");
  planner_->SetPlan(plan);
  EXPECT_EQ(Ctl("plan sync").exit_code, 0);
  plan.set_will_fail_count(1);
  planner_->SetPlan(plan);
  EXPECT_EQ(Ctl("plan sync").exit_code, 1);
}

TEST_F(VerbsRunTest, FlagsOfOtherToolsNameOurs) {
  const struct {
    const char* line;
    const char* message;
  } kCases[] = {
      {"list services -n default", "kubectl: here write --on GLOB"},
      {"get services -l app=web", "--tagged A,B"},
      {"list service @web1 -m", "gitopperctl: here write -o json"},
      {"list hosts -address=http://x", "nomad: here write --planner ADDRESS"},
      {"-A get hosts", "kubectl: here write --all"},
      {"list hosts --address http://x", "--planner ADDRESS or --gateway URL"},
  };
  for (const auto& c : kCases) {
    const Result result = Ctl(c.line);
    EXPECT_EQ(result.exit_code, 2) << c.line;
    EXPECT_THAT(result.err, HasSubstr(c.message)) << c.line;
  }
  EXPECT_EQ(Ctl("get services").out, Ctl("list services").out);
  EXPECT_EQ(Ctl("get hosts").out, Ctl("list hosts").out);
  EXPECT_EQ(Ctl("get host").out, Ctl("list hosts").out);
}

TEST_F(VerbsRunTest, ABundleHasWhatAnswersAndNamesWhatDoesNot) {
  const TemporaryDirectory directory;
  v1::DebugInfo info;
  info.set_component("planner");
  planner_->PutDebugInfo("", info);
  planner_->PutDebugInfo("web1", info);
  const std::string file = directory / "bundle.tar.gz";
  const Result made = Ctl("debug bundle --out " + file);
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out, file + "\n");
  EXPECT_THAT(made.err, AllOf(HasSubstr("not in the bundle: host web2"), Not(HasSubstr("web1"))));
  const std::string before = directory.Read("bundle.tar.gz");
  EXPECT_EQ(before.substr(0, 2), "\x1f\x8b");
  const size_t calls = planner_->calls().size();
  const Result again = Ctl("debug bundle --out " + file);
  EXPECT_EQ(planner_->calls().size(), calls) << "refused before anything is collected";
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  EXPECT_EQ(directory.Read("bundle.tar.gz"), before);
}

TEST_F(VerbsRunTest, ANameWithoutAPortIsAskedAtThePlanner) {
  ASSERT_EQ(kResolver, 0);
  v1::Host host;
  host.set_host("web1");
  host.set_address("127.0.0.1:1");
  planner_->PutHost(host);
  const Result known = Ctl("freeze app @web1");
  EXPECT_EQ(known.exit_code, 3);
  EXPECT_THAT(known.err, HasSubstr("127.0.0.1:1"));
  EXPECT_EQ(Called("GetHost"), 1);
  Ctl("freeze app @localhost");
  Ctl("freeze app @127.0.0.1:1");
  EXPECT_EQ(Called("GetHost"), 1);
}

TEST_F(VerbsRunTest, APlannerThatHangsIsNotAskedForAnAddressLongerThanTheTimeLimit) {
  planner_->Hang("GetHost");
  absl::Duration fastest = absl::InfiniteDuration();  // the machine may be slow once
  for (int i = 0; i < 3; ++i) {
    const absl::Time begin = absl::Now();
    Ctl("freeze app @web1.invalid --timeout 1ms --insecure");
    fastest = std::min(fastest, absl::Now() - begin);
  }
  EXPECT_LT(fastest, absl::Milliseconds(450));
}

}  // namespace
}  // namespace gitops::ctl
