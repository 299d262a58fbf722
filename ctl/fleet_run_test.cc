// The whole program against a planner: lists, the brake, diff, check, locks and hooks.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/match.h"
#include "common/rpc/error.h"
#include "ctl/testing/fleet_fixture.h"

namespace gitops::ctl {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kHash[] = "606eb576c1b91248e4c1c4cd0d720f27ac0deb70";

v1::Host MakeHost(const std::string& name, v1::HostState state = v1::HOST_STATE_ONLINE) {
  v1::Host host;
  host.set_host(name);
  host.set_state(state);
  host.set_address(name + ".example:8004");
  host.set_service_count(1);
  host.add_tags("prod");
  host.mutable_state_time()->set_seconds(1668762892);
  return host;
}

v1::Service MakeService(const std::string& host, const std::string& name,
                        v1::ServiceState state = v1::SERVICE_STATE_OK) {
  v1::Service service;
  service.set_host(host);
  service.set_service(name);
  service.set_state(state);
  service.set_hash(kHash);
  return service;
}

// With a reason the host was not asked, or refused.
v1::HostOutcome MakeOutcome(const std::string& host, std::optional<Reason> reason = std::nullopt,
                            const std::string& message = "") {
  v1::HostOutcome outcome;
  outcome.set_host(host);
  outcome.set_message(message);
  if (reason.has_value()) {
    outcome.set_code(static_cast<int>(InfoOf(*reason).code));
    outcome.set_reason(std::string(InfoOf(*reason).name));
  } else {
    *outcome.mutable_service() = MakeService(host, "nginx");
  }
  return outcome;
}

class FleetRunTest : public FleetFixture {
 protected:
  FleetRunTest() {
    planner_->PutHost(MakeHost("web1"));
    planner_->PutHost(MakeHost("web2"));
    for (const char* host : {"web1", "web2"}) planner_->PutService(MakeService(host, "nginx"));
  }
};

TEST_F(FleetRunTest, HostsShowStateLockAndLastSeen) {
  v1::Host locked = MakeHost("web2", v1::HOST_STATE_STALE);
  locked.mutable_lock()->set_deployment("d1");
  locked.mutable_lock()->set_actor("bob@ops");
  planner_->PutHost(locked);
  EXPECT_THAT(Ctl("list hosts").out,
              MatchesRegex("HOST  STATE   AGE  SERVICES  INFO\n"
                           "web1  ONLINE  .+y +1\n"
                           "web2  STALE   .+y +1         locked by deployment d1 of bob@ops\n"));
  const json hosts = json::parse(Ctl("list hosts -o json").out)["hosts"];
  ASSERT_EQ(hosts.size(), 2u);
  EXPECT_EQ(hosts[0]["state"], "ONLINE");
  EXPECT_EQ(hosts[0]["lock"], nullptr);
  EXPECT_EQ(hosts[0]["lastSeenTime"], nullptr);
  EXPECT_EQ(hosts[0]["tags"], json({"prod"}));
  EXPECT_EQ(hosts[0]["configured"], false);
  EXPECT_EQ(hosts[1]["lock"]["deployment"], "d1");
  EXPECT_EQ(Ctl("list hosts -o name").out, "web1\nweb2\n");
  EXPECT_THAT(Ctl("list hosts -o wide").out, HasSubstr("prod  web1.example:8004"));
  EXPECT_THAT(Ctl("list hosts -o yaml").out, StartsWith("hosts:\n  - host: web1\n"));
}

TEST_F(FleetRunTest, SelectionReachesThePlanner) {
  EXPECT_EQ(Ctl("list hosts --on web2 --tagged a,b --skip 1 --every 2 --limit 3 --order-by-tags x")
                .exit_code,
            0);
  EXPECT_EQ(LastCall().request,
            "selection { on: \"web2\" tagged: \"a\" tagged: \"b\" order_by_tags: \"x\" skip: 1 "
            "every: 2 limit: 3 }");
  EXPECT_EQ(LastCall().user, "alice@laptop");
  EXPECT_TRUE(LastCall().has_deadline);
}

TEST_F(FleetRunTest, ListsReadAllPages) {
  planner_->SetPageSize(1);
  EXPECT_EQ(Ctl("list hosts -o name").out, "web1\nweb2\n");
  EXPECT_EQ(json::parse(Ctl("list services -o json").out)["services"].size(), 2u);
}

TEST_F(FleetRunTest, ServicesNameTheirHost) {
  EXPECT_THAT(Ctl("list services").out, HasSubstr("\nweb2  nginx    606eb576"));
  const json services = json::parse(Ctl("list services -o json").out)["services"];
  EXPECT_EQ(services[1]["host"], "web2");
  EXPECT_EQ(services[1]["state"], "OK");
  EXPECT_EQ(json::parse(Ctl("list machines -o json").out)["machines"][0],
            json({{"machine", "web1"}, {"actual", "web1.example"}, {"configFault", ""}}));
}

TEST_F(FleetRunTest, GetServiceShowsEveryHostThatHasIt) {
  planner_->PutService(MakeService("web1", "caddy"));
  EXPECT_EQ(json::parse(Ctl("get service nginx -o json").out)["services"].size(), 2u);
  planner_->SetOutcomes({MakeOutcome("web2")});
  const Result one = Ctl("get service nginx --on web2 -o json");
  EXPECT_EQ(json::parse(one.out)["services"][0]["host"], "web2");
  const Result none = Ctl("get service nope");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("no selected host has a service nope (NOT_FOUND)"));
}

TEST_F(FleetRunTest, GetHostTakesANameAndNoGlob) {
  EXPECT_EQ(json::parse(Ctl("get host web1 -o json").out)["host"], "web1");
  EXPECT_THAT(Ctl("get host web1").out, HasSubstr("Address:     web1.example:8004\n"));
  EXPECT_EQ(LastCall().request, "host: \"web1\"");
  EXPECT_EQ(Ctl("get host web*").exit_code, 1);
  EXPECT_THAT(Ctl("get host db1").err, HasSubstr("no host db1 in the fleet (NOT_FOUND)"));
}

TEST_F(FleetRunTest, BrakesSayWhatCameOfEachHost) {
  planner_->SetOutcomes({MakeOutcome("web1"), MakeOutcome("web2")});
  const Result done = Ctl("freeze nginx --all -y --reason incident");
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(done.out,
            "HOST  OUTCOME  HASH      STATE\n"
            "web1  done     606eb576  OK\n"
            "web2  done     606eb576  OK\n");
  EXPECT_EQ(LastCall().request, "selection { all: true } service: \"nginx\" reason: \"incident\"");
  planner_->SetOutcomes(
      {MakeOutcome("web1"), MakeOutcome("web2", Reason::kHostUnreachable, "no\x1broute")});
  const Result some = Ctl("unfreeze nginx --all -y");
  EXPECT_EQ(some.exit_code, 1);
  EXPECT_THAT(some.out, HasSubstr("web2  HOST_UNREACHABLE                   no\\x1broute\n"));
  const json outcomes = json::parse(Ctl("pull nginx --all -y -o json").out)["outcomes"];
  EXPECT_EQ(outcomes[1]["code"], 14);
  EXPECT_EQ(outcomes[1]["reason"], "HOST_UNREACHABLE");
  EXPECT_EQ(outcomes[1]["service"], nullptr);
  EXPECT_EQ(outcomes[0]["changed"], false);
  planner_->SetOutcomes({MakeOutcome("web2", Reason::kHostUnreachable)});
  EXPECT_EQ(Ctl("freeze nginx --all -y").exit_code, 3);
  planner_->SetOutcomes({MakeOutcome("web2", Reason::kServerStopping)});
  EXPECT_EQ(Ctl("freeze nginx --all -y").exit_code, 1) << "it was reached, and refused";
}

TEST_F(FleetRunTest, AtATerminalOutcomesAreToldAsTheyComeIn) {
  terminal_ = true;
  planner_->SetOutcomes({MakeOutcome("web1"), MakeOutcome("web2")});
  const Result result = Ctl("freeze nginx --all -y");
  EXPECT_EQ(result.err, "web2: done\nweb1: done\n") << "as the fake planner sends them";
  EXPECT_THAT(result.out, HasSubstr("web1  done     606eb576  OK\nweb2"));
}

TEST_F(FleetRunTest, LocksAreListed) {
  v1::Host locked = MakeHost("web1");
  locked.mutable_lock()->set_host("web1");
  locked.mutable_lock()->set_deployment("d1");
  locked.mutable_lock()->set_actor("bob");
  planner_->PutHost(locked);
  EXPECT_EQ(Ctl("list locks").out, "HOST  DEPLOYMENT  ACTOR\nweb1  d1          bob\n");
  EXPECT_EQ(json::parse(Ctl("list locks -o json").out)["locks"][0]["deployment"], "d1");
  EXPECT_EQ(Ctl("list locks -o name").out, "web1\n");
}

TEST_F(FleetRunTest, MovesThatEndBadlyAreFailures) {
  v1::HostOutcome outcome = MakeOutcome("web1");
  const struct {
    v1::ServiceState state;
    int pull;
    int rollback;
  } kCases[] = {
      {v1::SERVICE_STATE_OK, 0, 1},
      {v1::SERVICE_STATE_FREEZE, 0, 0},
      {v1::SERVICE_STATE_BROKEN, 1, 1},
      {v1::SERVICE_STATE_DIFF, 1, 1},
  };
  for (const auto& c : kCases) {
    outcome.mutable_service()->set_state(c.state);
    planner_->SetOutcomes({outcome});
    EXPECT_EQ(Ctl("pull nginx --on web1").exit_code, c.pull) << c.state;
    EXPECT_EQ(Ctl("rollback nginx 8df1 --on web1").exit_code, c.rollback) << c.state;
  }
  EXPECT_THAT(LastCall().request, HasSubstr("hash: \"8df1\""));
}

TEST_F(FleetRunTest, ManyHostsNeedYesAndOneDoesNot) {
  planner_->SetOutcomes({MakeOutcome("web1")});
  planner_->PutService(MakeService("web1", "nginx", v1::SERVICE_STATE_FREEZE));
  for (const char* line :
       {"freeze nginx --all", "unfreeze nginx --on web*", "pull nginx --limit 1",
        "rollback nginx 8df1 --tagged a", "cancel deployment d1", "rollback deployment d1",
        "break lock web1", "remove-record planner/v1/fencing", "deploy sync --on web1",
        "deploy --plan t1"}) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_THAT(result.err, HasSubstr("-y")) << line;
    EXPECT_EQ(result.out, "");
  }
  EXPECT_TRUE(planner_->calls().empty());
  EXPECT_EQ(Ctl("freeze nginx --on web1").exit_code, 0);
}

TEST_F(FleetRunTest, UnfreezeWhereNothingIsFrozenSaysSoInsteadOfAsking) {
  EXPECT_EQ(Ctl("unfreeze nginx --all").exit_code, 2) << "scripts need -y whatever is frozen";
  terminal_ = true;
  const Result nothing = Ctl("unfreeze nginx --all", "n\n");
  EXPECT_EQ(nothing.exit_code, 0);
  EXPECT_EQ(nothing.err, "gitopsctl: nginx is frozen on none of 2 hosts; nothing was done\n");
  EXPECT_EQ(Called("UnfreezeServices"), 0);
  // What a silent host does now is not known.
  planner_->SetOutcomes({MakeOutcome("web2")});
  v1::Service silent = MakeService("web2", "nginx");
  silent.set_sync(v1::SYNC_STATUS_UNKNOWN);
  for (const v1::Service& service :
       {silent, MakeService("web2", "nginx", v1::SERVICE_STATE_FREEZE)}) {
    planner_->PutService(service);
    terminal_ = true;
    EXPECT_EQ(Ctl("unfreeze nginx --all", "n\n").exit_code, 1);
    EXPECT_EQ(Ctl("unfreeze nginx --all", "y\n").exit_code, 0);
  }
  EXPECT_EQ(Called("UnfreezeServices"), 2);
}

TEST_F(FleetRunTest, AtATerminalItAsks) {
  terminal_ = true;
  planner_->SetOutcomes({MakeOutcome("web1")});
  for (const char* answer : {"n\n", "\n", "", "maybe\n"}) {
    const Result no = Ctl("freeze nginx --all", answer);
    EXPECT_EQ(no.exit_code, 1) << answer;
    EXPECT_THAT(no.err, AllOf(StartsWith("freeze nginx on all hosts that are selected and have "
                                         "it? [y/N] "),
                              HasSubstr("not confirmed; nothing was done")));
    EXPECT_EQ(absl::StrContains(no.err, "[y/N] \ngitopsctl"), *answer == '\0')
        << "where no Enter ended the line";
  }
  EXPECT_TRUE(planner_->calls().empty());
  EXPECT_EQ(Ctl("freeze nginx --all", "y\n").exit_code, 0);
  EXPECT_EQ(Ctl("freeze nginx --all", "Yes\n").exit_code, 0);
}

TEST_F(FleetRunTest, ADiffWhosePathsDifferInTheHostOnlyIsShownOnce) {
  std::vector<v1::HostOutcome> outcomes;
  for (const std::string host : {"web1", "web2", "web10"}) {
    v1::HostOutcome& outcome = outcomes.emplace_back(MakeOutcome(host));
    v1::Difference* difference = outcome.mutable_diff()->add_differences();
    difference->set_kind(v1::Difference::KIND_MODIFIED);
    // The last host's path has the name of another, so it is not alike.
    const std::string path = "/srv/" + (host == "web10" ? "web1" : host) + "/conf";
    difference->set_path(path);
    difference->set_detail("--- a" + path + "\n+++ b" + path + "\n@@ -1 +1 @@\n-web1\n+web2\n");
  }
  planner_->SetOutcomes({outcomes[0], outcomes[1]});
  EXPECT_EQ(Ctl("diff nginx").out,
            "2 hosts: web1, web2\n"
            "modified       /srv/${machine}/conf\n"
            "--- a/srv/${machine}/conf\n+++ b/srv/${machine}/conf\n"
            "@@ -1 +1 @@\n-web1\n+web2\n");
  planner_->SetOutcomes({outcomes[1], outcomes[2]});
  EXPECT_THAT(Ctl("diff nginx").out, AllOf(HasSubstr("web2\nmodified       /srv/web2/conf\n"),
                                           HasSubstr("web10\nmodified       /srv/web1/conf\n")));
}

TEST_F(FleetRunTest, AServiceThatNoHostHasIsRefusedWithTheNearest) {
  planner_->Fail("FreezeServices", MakeError(Reason::kServiceUnknown, "none of the 2 has it"));
  const Result refused = Ctl("freeze ngin --all -y");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("no selected host has a service ngin; did you mean nginx?"));
}

TEST_F(FleetRunTest, DiffFailsWhereverAHostDiffers) {
  v1::HostOutcome same = MakeOutcome("web1");
  same.mutable_diff()->set_hash(kHash);
  planner_->SetOutcomes({same});
  const Result none = Ctl("diff nginx");
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "gitopsctl: web1: no differences from 606eb576\n");
  v1::HostOutcome differs = same;
  differs.set_host("web2");
  v1::Difference* difference = differs.mutable_diff()->add_differences();
  difference->set_kind(v1::Difference::KIND_MODIFIED);
  difference->set_path("/etc/nginx/a");
  planner_->SetOutcomes({same, differs});
  const Result some = Ctl("diff nginx");
  EXPECT_EQ(some.exit_code, 1);
  EXPECT_EQ(some.out, "web2\nmodified       /etc/nginx/a\n");
  EXPECT_EQ(Ctl("diff nginx -o name").out, "web2\n");
  planner_->SetOutcomes({MakeOutcome("web2", Reason::kHostUnreachable, "gone")});
  const Result gone = Ctl("diff nginx");
  EXPECT_EQ(gone.exit_code, 3);
  EXPECT_THAT(gone.err, HasSubstr("web2: gone (HOST_UNREACHABLE)"));
}

TEST_F(FleetRunTest, CheckNamesServicesAndHostsThatAreNotWell) {
  EXPECT_EQ(Ctl("check").exit_code, 0);
  planner_->PutService(MakeService("web1", "caddy", v1::SERVICE_STATE_BROKEN));
  planner_->PutHost(MakeHost("web3", v1::HOST_STATE_STALE));
  const Result result = Ctl("check");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out,
              MatchesRegex("web3         STALE   silent for .+y\nweb1  caddy  BROKEN\n"));
  EXPECT_EQ(Ctl("check nginx").exit_code, 0);
  EXPECT_EQ(Ctl("check nope").exit_code, 1);
  const json tree = json::parse(Ctl("check -o json").out);
  EXPECT_EQ(tree["services"][0]["service"], "caddy");
  EXPECT_EQ(tree["hosts"][0]["host"], "web3");
}

TEST_F(FleetRunTest, CheckCountsAServiceOfASilentHostApart) {
  v1::Service silent = MakeService("web2", "nginx");
  silent.set_sync(v1::SYNC_STATUS_UNKNOWN);
  planner_->PutService(silent);
  planner_->PutHost(MakeHost("web2", v1::HOST_STATE_STALE));
  const Result result = Ctl("check");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("web2  nginx  OK?\n"));
  EXPECT_EQ(result.err,
            "gitopsctl: 1 of 2 services OK or FREEZE, 1 service unknown, 1 of 2 hosts not "
            "reporting\n");
}

TEST_F(FleetRunTest, WatchOfHostsIsOneObjectALine) {
  Result result;
  std::thread watcher([&] { result = Ctl("list hosts -w -o json"); });
  ASSERT_TRUE(planner_->WaitForWatches(1));
  planner_->PutHost(MakeHost("web2", v1::HOST_STATE_STALE));
  planner_->EndWatches(absl::PermissionDeniedError("stopping"));
  watcher.join();
  EXPECT_NE(result.exit_code, 0);
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 3u) << result.out;
  EXPECT_EQ(json::parse(lines[2])["state"], "STALE");
  EXPECT_EQ(json::parse(lines[2])["removed"], false);
}

TEST_F(FleetRunTest, AListShowsOnlyTheStatesThatAreAskedFor) {
  planner_->PutService(MakeService("web1", "caddy", v1::SERVICE_STATE_BROKEN));
  planner_->PutHost(MakeHost("web3", v1::HOST_STATE_STALE));
  EXPECT_EQ(Ctl("list services --state broken,diff -o name").out, "web1/caddy\n");
  EXPECT_EQ(json::parse(Ctl("list services --state OK -o json").out)["services"].size(), 2u);
  EXPECT_EQ(Ctl("list hosts --state stale,never-seen --no-headers --columns host").out, "web3\n");
  const Result unknown = Ctl("list hosts --state failed");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("'FAILED' is not one of ONLINE, STALE, NEVER_SEEN"));
  const Result column = Ctl("list hosts --columns host,nope");
  EXPECT_EQ(column.exit_code, 2);
  EXPECT_THAT(column.err, HasSubstr("no column NOPE; there are HOST, STATE, AGE, SEEN"));
}

TEST_F(FleetRunTest, AnUnknownColumnIsAUsageErrorBeforeAnyCall) {
  for (const char* list :
       {"list hosts --planner unix:/nonexistent/p", "list services --planner unix:/nonexistent/p",
        "list machines --planner unix:/nonexistent/p", "list locks --planner unix:/nonexistent/p",
        "list hooks --planner unix:/nonexistent/p", "list services @unix:/nonexistent/a",
        "list deployments --planner unix:/nonexistent/p",
        "list pipelines --promotion-receiver unix:/nonexistent/r",
        "list promotions --promotion-receiver unix:/nonexistent/r"}) {
    for (const char* flag : {" --columns nope", " --sort -nope"}) {
      const Result result = Ctl(absl::StrCat(list, flag));
      EXPECT_EQ(result.exit_code, 2) << list << flag;
      EXPECT_THAT(result.err, HasSubstr("there is no column NOPE; there are ")) << list << flag;
    }
  }
}

TEST_F(FleetRunTest, ColumnsAreForTablesOnly) {
  for (const char* form : {"json", "yaml", "name"}) {
    for (const char* flag : {"--columns host", "--sort host"}) {
      const Result result = Ctl(absl::StrCat("list hosts ", flag, " -o ", form));
      EXPECT_EQ(result.exit_code, 2) << form;
      EXPECT_THAT(result.err, HasSubstr("works with -o table and -o wide only")) << form;
    }
  }
  EXPECT_EQ(Called("ListHosts"), 0);
}

TEST_F(FleetRunTest, AnEstablishedWatchWaitsForAPlannerThatRestarts) {
  Result result;
  std::thread watcher([&] { result = Ctl("list hosts -w --columns host --no-headers"); });
  ASSERT_TRUE(planner_->WaitForWatches(1));
  planner_->EndWatches(absl::UnavailableError("stopping"));
  ASSERT_TRUE(planner_->WaitForWatches(2));
  planner_->EndWatches(absl::PermissionDeniedError("not you"));
  watcher.join();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "web1\nweb2\nweb1\nweb2\n");
  EXPECT_THAT(result.err,
              HasSubstr("gitopsctl: the planner does not answer (UNAVAILABLE); retrying\n"));
}

TEST_F(FleetRunTest, AHostWhoseHealthChecksFailedIsMarked) {
  v1::Host host = MakeHost("web2");
  host.mutable_failed_health()->set_message("http port 80: refused");
  planner_->PutHost(host);
  EXPECT_THAT(Ctl("list hosts").out, HasSubstr("health checks failed: http port 80: refused\n"));
  const Result check = Ctl("check");
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.out,
              HasSubstr("web2    ONLINE  health checks failed: http port 80: refused\n"));
  EXPECT_THAT(check.err, HasSubstr("1 host with failed health checks"));
}

TEST_F(FleetRunTest, WatchOfOneHostShowsNoOther) {
  Result result;
  std::thread watcher([&] { result = Ctl("get host web2 -w -o json"); });
  ASSERT_TRUE(planner_->WaitForWatches(1));
  planner_->PutHost(MakeHost("web1", v1::HOST_STATE_STALE));
  planner_->PutHost(MakeHost("web2", v1::HOST_STATE_STALE));
  planner_->EndWatches(absl::PermissionDeniedError("stopping"));
  watcher.join();
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u) << result.out;
  for (const std::string& line : lines) EXPECT_EQ(json::parse(line)["host"], "web2");
}

TEST_F(FleetRunTest, WatchOfServicesTellsWhatLeft) {
  for (const char* line : {"list services -w", "watch", "watch services"}) {
    planner_->PutService(MakeService("web1", "caddy"));
    Result result;
    const int before = Called("WatchFleet");
    std::thread watcher([&] { result = Ctl(line); });
    ASSERT_TRUE(planner_->WaitForWatches(before + 1));
    planner_->RemoveService("web1", "caddy");
    planner_->EndWatches(absl::PermissionDeniedError("stopping"));
    watcher.join();
    EXPECT_THAT(result.out, HasSubstr("\nweb1  caddy")) << line;
    EXPECT_THAT(result.out, HasSubstr("REMOVED")) << line;
    EXPECT_THAT(result.err, HasSubstr("stopping")) << line;
  }
}

TEST_F(FleetRunTest, EachFailureOfThePlannerHasItsExitStatus) {
  const struct {
    absl::Status status;
    int exit_code;
  } kCases[] = {
      {absl::NotFoundError("gone"), 1},
      {absl::InvalidArgumentError("bad glob"), 2},
      {absl::UnavailableError("stopping"), 1},
      {absl::UnauthenticatedError("who are you"), 3},
      {absl::PermissionDeniedError("not you"), 3},
      {absl::DeadlineExceededError("late"), 4},
  };
  for (const auto& c : kCases) {
    planner_->Fail("ListHosts", c.status);
    const Result result = Ctl("list hosts");
    EXPECT_EQ(result.exit_code, c.exit_code) << c.status;
    EXPECT_THAT(result.err,
                StartsWith("gitopsctl: list hosts through " + planner_->address() + ": "));
  }
}

TEST_F(FleetRunTest, PlannerThatIsNotThereIsToldAtOnce) {
  for (const char* line :
       {"list hosts --planner unix:/nonexistent/p", "plan sync --planner unix:/nonexistent/p",
        "deploy sync --all -y --planner unix:/nonexistent/p",
        "watch deployment d1 --planner unix:/nonexistent/p"}) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 3) << line;
    EXPECT_THAT(result.err, HasSubstr("is gitops-planner running there")) << line;
  }
  EXPECT_EQ(Ctl("list hosts --planner 192.0.2.1").exit_code, 3);
  EXPECT_EQ(Ctl("list hosts --planner a:b:c").exit_code, 2);
  planner_->Hang("ListHosts");
  EXPECT_EQ(Ctl("list hosts --timeout 200ms").exit_code, 4);
  const Result watched = Ctl("list hosts -w --timeout 200ms");
  EXPECT_EQ(watched.exit_code, 4);
  EXPECT_THAT(watched.err, HasSubstr(": the watch is over (DEADLINE_EXCEEDED); --timeout"));
}

TEST_F(FleetRunTest, LockIsBrokenByNameAndSaysWhoseItWas) {
  v1::Host locked = MakeHost("web1");
  locked.mutable_lock()->set_host("web1");
  locked.mutable_lock()->set_deployment("d1");
  locked.mutable_lock()->set_actor("bob@ops");
  planner_->PutHost(locked);
  const Result broken = Ctl("break lock web1 -y --reason stuck");
  EXPECT_EQ(broken.exit_code, 0);
  EXPECT_EQ(broken.out, "web1: the lock of deployment d1 of bob@ops is broken\n");
  EXPECT_EQ(LastCall().request, "host: \"web1\" reason: \"stuck\"");
  EXPECT_EQ(Ctl("break lock web1 -y").exit_code, 1);
}

TEST_F(FleetRunTest, CheckFailsWhereARecordOfThePlannerIsDamagedAndItCanBeRemoved) {
  v1::Host host = MakeHost("web1");
  host.set_state(v1::HOST_STATE_ONLINE);
  planner_->PutHost(host);
  EXPECT_EQ(Ctl("check").exit_code, 0);
  planner_->AddDamagedRecord("planner/v1/lock/web1", "lock");
  planner_->AddDamagedRecord("planner/v1/step/d1/000000/001", "step");
  const Result check = Ctl("check");
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.err, AllOf(HasSubstr("`gitopsctl break lock web1`"),
                               HasSubstr("remove-record planner/v1/step/d1/000000/001 -y")));
  EXPECT_EQ(Ctl("remove-record planner/v1/step/d1/000000/001 -y").exit_code, 0);
  EXPECT_EQ(Ctl("remove-record planner/v1/step/d1/000000/001 -y").exit_code, 1);
}

TEST_F(FleetRunTest, HooksAreListedByPlannerAndByDispatcher) {
  v1::Hook hook;
  hook.set_name("drain");
  hook.add_points("pre-deploy");
  hook.set_mode(v1::HOOK_MODE_FILTER);
  planner_->AddHook(hook);
  EXPECT_EQ(json::parse(Ctl("list hooks -o json").out)["hooks"][0]["isSigned"], false);
  EXPECT_EQ(LastCall().method, "ListFleetHooks");
  EXPECT_EQ(Ctl("list hooks -o name --hook-dispatcher " + planner_->address()).out, "drain\n");
  EXPECT_EQ(LastCall().method, "ListHooks");
}

TEST_F(FleetRunTest, HooksAreTestedWithThePayloadOnStandardInput) {
  v1::TestHooksResponse response;
  response.add_hosts()->set_host("web1");
  response.mutable_hosts(0)->add_actions("skip");
  v1::HookCall* call = response.add_calls();
  call->set_hook("drain");
  call->set_point("post-deploy");
  call->mutable_duration()->set_nanos(12'000'000);
  planner_->SetHookTest(response);
  constexpr char kPayload[] = R"({"host": "web1", "actions": ["sync", "reboot"]})";
  const Result tested = Ctl("hooks test post-deploy --result failed", kPayload);
  EXPECT_EQ(tested.exit_code, 0) << tested.err;
  EXPECT_EQ(tested.out, "post-deploy: drain answered in 12 ms\nHOST  ACTIONS\nweb1  skip\n");
  EXPECT_EQ(LastCall().request,
            "point: \"post-deploy\" hosts { host: \"web1\" actions: \"sync\" actions: \"reboot\" } "
            "result: STEP_RESULT_FAILED");
  const Result list = Ctl("hooks test pre-select -o json", "[" + std::string(kPayload) + "]");
  EXPECT_EQ(json::parse(list.out)["hosts"][0]["actions"], json({"skip"}));
  EXPECT_EQ(json::parse(list.out)["failure"], nullptr);

  response.mutable_failure()->set_hook("drain");
  response.mutable_failure()->set_message("status 500");
  planner_->SetHookTest(response);
  variables_["GITOPS_HOOK_DISPATCHER"] = planner_->address();
  const Result failed = Ctl("hooks test pre-deploy", kPayload);
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(LastCall().method, "DispatchHook");
  EXPECT_EQ(failed.err, "gitopsctl: status 500\n");
  EXPECT_EQ(failed.out, "post-deploy: drain answered in 12 ms\n") << "no hosts to go on with";
}

TEST_F(FleetRunTest, BadPayloadIsAUsageErrorThatAsksNobody) {
  const struct {
    const char* payload;
    const char* message;
  } kCases[] = {
      {"", "is not JSON"},
      {"{", "is not JSON"},
      {"7", "has a host without a name"},
      {R"({"actions": []})", "has a host without a name"},
      {R"({"host": "web1"})", "has no list of actions for web1"},
      {R"({"host": "web1", "actions": [1]})", "has an action that is no text"},
      {R"({"host": "web1", "actions": ["snyc"]})", "did you mean \"sync\"?"},
      {R"([{"host": "web1", "actions": [], "extra": 1}])", "has a member extra"},
  };
  for (const auto& c : kCases) {
    const Result result = Ctl("hooks test pre-deploy", c.payload);
    EXPECT_EQ(result.exit_code, 2) << c.payload;
    EXPECT_THAT(result.err, HasSubstr(c.message)) << c.payload;
  }
  EXPECT_TRUE(planner_->calls().empty());
}

TEST_F(FleetRunTest, CompletionAsksThePlannerForNames) {
  EXPECT_EQ(Ctl("__complete get host w").out, "web1\nweb2\n");
  EXPECT_EQ(Ctl("__complete deploy sync --on web2").out, "web2\n");
  EXPECT_EQ(Ctl("__complete list services @web1").out, "@web1\n");
  EXPECT_EQ(Ctl("__complete freeze n").out, "nginx\n");
  v1::Deployment deployment;
  deployment.set_id("20261122-221530-k7q2mx");
  planner_->PutDeployment(deployment);
  EXPECT_EQ(Ctl("__complete watch deployment 2026").out, "20261122-221530-k7q2mx\n");
  const Result nobody = Ctl("__complete --planner unix:/nonexistent/p get host w");
  EXPECT_EQ(nobody.exit_code, 0);
  EXPECT_EQ(nobody.out + nobody.err, "");
}

TEST_F(FleetRunTest, WhatHostsSayCannotControlTheTerminal) {
  v1::Host host = MakeHost("web1");
  host.set_version("\x1b]0;title\x07");
  host.add_tags("\x1b[2J");
  planner_->PutHost(host);
  for (const char* line : {"list hosts", "list hosts -o wide", "get host web1",
                           "get host web1 -o yaml", "list hosts -o json"}) {
    EXPECT_THAT(Ctl(line).out, Not(HasSubstr("\x1b"))) << line;
  }
}

}  // namespace
}  // namespace gitops::ctl
