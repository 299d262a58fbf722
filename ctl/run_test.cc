#include "ctl/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ctl/testing/fake_agent.h"

namespace gitops::ctl {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kNew[] = "606eb576c1b91248e4c1c4cd0d720f27ac0deb70";
constexpr char kOld[] = "8df1b3db679253ba501d594de285cc3e9ed308ed";

v1::Service MakeService(const std::string& name, v1::ServiceState state,
                        const std::string& info = "") {
  v1::Service service;
  service.set_host("web1");
  service.set_service(name);
  service.set_state(state);
  service.set_state_info(info);
  service.set_hash(kNew);
  service.set_target_hash(kNew);
  service.set_branch("main");
  service.add_revisions(kNew);
  service.add_revisions(kOld);
  return service;
}

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Every test talks to a real server through the whole program.
class RunTest : public testing::Test {
 protected:
  RunTest() : agent_(FakeAgent::Start()) {
    agent_->Put(MakeService("nginx", v1::SERVICE_STATE_OK));
  }

  // `line` is split at blanks; @h becomes the fake agent's address.
  Result Ctl(const std::string& line, std::map<std::string, std::string> variables = {}) {
    std::vector<std::string> words;
    for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      words.push_back(word == "@h" ? "@" + agent_->address() : std::string(word));
    }
    std::ostringstream out;
    std::ostringstream err;
    Console console{out,
                    err,
                    false,
                    nullptr,
                    [&](const std::string& name) -> std::optional<std::string> {
                      const auto found = variables.find(name);
                      if (found == variables.end()) return std::nullopt;
                      return found->second;
                    },
                    "alice@laptop"};
    Result result;
    result.exit_code = ctl::Run(words, console);
    result.out = out.str();
    result.err = err.str();
    return result;
  }

  std::string On() const { return " on " + agent_->address(); }

  std::unique_ptr<FakeAgent> agent_;
};

TEST_F(RunTest, ListReadsAllPages) {
  agent_->SetPageSize(2);
  for (const char* name : {"a", "b", "c", "d"}) {
    agent_->Put(MakeService(name, v1::SERVICE_STATE_OK));
    agent_->AddMachine(name, "web1");
  }
  EXPECT_EQ(Ctl("list services @h -o name").out, "a\nb\nc\nd\nnginx\n");
  EXPECT_EQ(Ctl("list machines @h -o name").out, "a\nb\nc\nd\n");
}

TEST_F(RunTest, ListPrintsATable) {
  const Result result = Ctl("list services @h");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out,
            "SERVICE  HASH      STATE\n"
            "nginx    606eb576  OK\n");
  EXPECT_EQ(Ctl("list service @h nginx").out, result.out);
}

TEST_F(RunTest, JsonOfAListAndOfOneService) {
  const auto list = nlohmann::json::parse(Ctl("list services @h -o json").out);
  EXPECT_EQ(list["services"][0]["state"], "OK");
  EXPECT_EQ(list["services"][0]["changeTime"], nullptr);
  const auto one = nlohmann::json::parse(Ctl("get service nginx @h -o json").out);
  EXPECT_EQ(one["service"], "nginx");
  EXPECT_EQ(one["revisions"].size(), 2u);
}

TEST_F(RunTest, GetOfABrokenServiceIsStillARead) {
  agent_->Put(MakeService("nginx", v1::SERVICE_STATE_BROKEN, "reload failed"));
  const Result result = Ctl("get service nginx @h");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("BROKEN"), HasSubstr("reload failed"), HasSubstr(kOld)));
}

TEST_F(RunTest, FreezeAndUnfreezeSayWhatHoldsAfterwards) {
  const Result frozen = Ctl("freeze nginx @h --reason incident-7");
  EXPECT_EQ(frozen.exit_code, 0);
  EXPECT_EQ(frozen.out, "nginx" + On() + ": frozen at 606eb576\n");
  EXPECT_EQ(agent_->calls().back().reason, "incident-7");
  EXPECT_EQ(agent_->calls().back().user, "alice@laptop");
  EXPECT_THAT(Ctl("list services @h -o json").out, HasSubstr("\"state\": \"FREEZE\""));

  const Result following = Ctl("unfreeze nginx @h");
  EXPECT_EQ(following.exit_code, 0);
  EXPECT_EQ(following.out, "nginx" + On() + ": following main again, now at 606eb576\n");
  EXPECT_EQ(nlohmann::json::parse(Ctl("get service nginx @h -o json").out)["state"], "OK");
}

TEST_F(RunTest, GitopperctlsFormsDoTheSame) {
  EXPECT_EQ(Ctl("state freeze @h nginx").exit_code, 0);
  EXPECT_EQ(agent_->calls().back().method, "FreezeService");
  EXPECT_EQ(Ctl("do unfreeze @h nginx").exit_code, 0);
  EXPECT_EQ(agent_->calls().back().method, "UnfreezeService");
  EXPECT_EQ(Ctl("do pull @h nginx").exit_code, 0);
  EXPECT_EQ(agent_->calls().back().method, "PullService");
  EXPECT_EQ(Ctl(absl::StrCat("do rollback @h nginx ", kOld)).exit_code, 0);
  EXPECT_EQ(agent_->calls().back().method, "RollbackService");
}

TEST_F(RunTest, RollbackSaysFromToAndHowLong) {
  const Result result = Ctl("rollback nginx 8df1 @h");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, absl::StrCat("nginx", On(),
                                     ": rolled back 606eb576 -> 8df1b3db in 12ms, "
                                     "FREEZE (ROLLBACK: ",
                                     kOld, ")\n"));
}

TEST_F(RunTest, RollbackThatFailsIsAFailure) {
  agent_->FailMoves(v1::SERVICE_STATE_BROKEN, "reload failed");
  const Result result = Ctl("rollback nginx 8df1 @h");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "nginx" + On() +
                            ": rollback ended in BROKEN (reload failed); 606eb576 is published, "
                            "after 12ms\n");
}

TEST_F(RunTest, RollbackToAnUnknownRevisionNamesTheWayOut) {
  const Result result = Ctl("rollback nginx abcd @h");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "gitopsctl: rollback nginx" + On() +
                            ": no revision begins with abcd (NOT_FOUND: REVISION_UNKNOWN); "
                            "gitopsctl get service nginx "
                            "@" +
                            agent_->address() + " lists those on disk\n");
}

TEST_F(RunTest, RollbackToWhatIsNoHashIsAUsageFaultThatAsksNobody) {
  for (const char* line : {"rollback nginx zz @h", "rollback nginx zz @unix:/nonexistent/x"}) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_EQ(result.err,
              "gitopsctl: rollback: 'zz' is not a revision: give its hash, of 4 to 64 hex digits "
              "(0-9, a-f), or previous; usage: gitopsctl rollback SERVICE HASH [@HOST]\n");
  }
  EXPECT_TRUE(agent_->calls().empty());
}

TEST_F(RunTest, PullMovesToTheTip) {
  EXPECT_THAT(Ctl("pull nginx @h").out, HasSubstr("nothing new, at 606eb576, OK"));
  v1::Service behind = MakeService("nginx", v1::SERVICE_STATE_OK);
  behind.set_hash(kOld);
  agent_->Put(behind);
  const Result result = Ctl("pull nginx @h");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("pulled 8df1b3db -> 606eb576, OK"));
  agent_->FailMoves(v1::SERVICE_STATE_DIFF, "cannot fetch");
  EXPECT_EQ(Ctl("pull nginx @h").exit_code, 1);
}

TEST_F(RunTest, PullOfAFrozenServiceFailsAndSaysByWhom) {
  Ctl("freeze nginx @h");
  const Result result = Ctl("pull nginx @h");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("frozen by alice@laptop (FAILED_PRECONDITION)"));
}

TEST_F(RunTest, DiffFailsWhereverThereIsADifference) {
  EXPECT_EQ(Ctl("diff nginx @h").exit_code, 0);
  v1::DiffServiceResponse diff;
  diff.add_differences()->set_kind(v1::Difference::KIND_UNTRACKED);
  diff.mutable_differences(0)->set_path("/etc/nginx/cache");
  agent_->SetDiff("nginx", diff);
  const Result untracked = Ctl("diff nginx @h");
  EXPECT_EQ(untracked.exit_code, 1);
  EXPECT_EQ(untracked.out, "untracked      /etc/nginx/cache\n");
  diff.add_differences()->set_kind(v1::Difference::KIND_UNREADABLE);
  diff.set_truncated(true);
  diff.set_more(30'000);
  agent_->SetDiff("nginx", diff);
  EXPECT_THAT(Ctl("diff nginx @h").out, HasSubstr("unreadable"));
  EXPECT_THAT(Ctl("diff nginx @h").err, HasSubstr("more differences than these 2, at least 30000"));
  EXPECT_EQ(Ctl("diff nginx @h").exit_code, 1);
}

TEST_F(RunTest, ADiffToAnotherRevisionIsNotAnsweredByAnAgentThatIgnoresIt) {
  EXPECT_EQ(Ctl("diff nginx @h --to 8df1").exit_code, 0);
  agent_->IgnoreToHash();
  EXPECT_EQ(Ctl("diff nginx @h").exit_code, 0);
  const Result result = Ctl("diff nginx @h --to 8df1");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("the agent is too old to compare with another commit"));
  EXPECT_THAT(result.err, Not(HasSubstr("changes nothing")));
}

TEST_F(RunTest, CheckNamesEachServiceThatIsNotWell) {
  agent_->Put(MakeService("caddy", v1::SERVICE_STATE_FREEZE));
  EXPECT_EQ(Ctl("check @h").exit_code, 0);
  EXPECT_EQ(Ctl("check @h").out, "");
  agent_->Put(MakeService("a", v1::SERVICE_STATE_BROKEN, "failed"));
  agent_->Put(MakeService("b", v1::SERVICE_STATE_DIFF, "no upstream"));
  agent_->Put(MakeService("c", v1::SERVICE_STATE_ROLLBACK));
  const Result result = Ctl("check @h");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "a  BROKEN    failed\nb  DIFF      no upstream\nc  ROLLBACK\n");
  EXPECT_EQ(Ctl("check nginx caddy @h").exit_code, 0);
  const Result missing = Ctl("check nope @h");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("no service nope here; there are: a, b, c, caddy, nginx"));
}

TEST_F(RunTest, WatchPrintsEachChangeUntilTheAgentEnds) {
  Result result;
  std::thread watcher([&] { result = Ctl("get service nginx @h -w -o json"); });
  ASSERT_TRUE(agent_->WaitForWatches(1));
  agent_->Put(MakeService("nginx", v1::SERVICE_STATE_DIFF, "no upstream"));
  agent_->EndWatches(absl::PermissionDeniedError("the agent knows you no longer"));
  watcher.join();
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("the agent knows you no longer"));
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u) << result.out;
  EXPECT_EQ(nlohmann::json::parse(lines[0])["state"], "OK");
  EXPECT_EQ(nlohmann::json::parse(lines[1])["state"], "DIFF");
}

TEST_F(RunTest, WatchOfAnUnknownServiceFails) {
  for (const char* line : {"watch nope @h", "get service nope @h -w"}) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 1) << line;
    EXPECT_THAT(result.err, HasSubstr("no service nope; there are nginx (NOT_FOUND)"));
  }
}

TEST_F(RunTest, EachFailureOfTheAgentHasItsExitStatus) {
  const struct {
    absl::Status status;
    int exit_code;
  } kCases[] = {
      {absl::NotFoundError("gone"), 1},
      {absl::InvalidArgumentError("no such hash"), 2},
      {absl::AbortedError("another one came first"), 1},
      {absl::InternalError("oops"), 1},
      {absl::UnavailableError("the upstream cannot be asked"), 1},
      {absl::UnauthenticatedError("who are you"), 3},
      {absl::PermissionDeniedError("not you"), 3},
      {absl::DeadlineExceededError("late"), 4},
  };
  for (const auto& c : kCases) {
    agent_->Fail("RollbackService", c.status);
    const Result result = Ctl("rollback nginx 8df1 @h");
    EXPECT_EQ(result.exit_code, c.exit_code) << c.status;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, StartsWith("gitopsctl: rollback nginx" + On() + ": "));
  }
}

TEST_F(RunTest, AgentThatDoesNotAnswerTimesOut) {
  agent_->Hang("PullService");
  const Result result = Ctl("pull nginx @h --timeout 300ms");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err,
              HasSubstr("no answer from the agent at " + agent_->address() + " within "));
}

TEST_F(RunTest, EveryCallButAWatchHasADeadline) {
  for (const char* line : {"list services @h", "list machines @h", "get service nginx @h",
                           "freeze nginx @h", "unfreeze nginx @h", "rollback nginx 8df1 @h",
                           "pull nginx @h", "diff nginx @h", "check @h"}) {
    Ctl(line);
    EXPECT_TRUE(agent_->calls().back().has_deadline) << line;
    EXPECT_EQ(agent_->calls().back().user, "alice@laptop") << line;
  }
}

TEST_F(RunTest, UnreachableAgentIsToldAtOnce) {
  for (const char* line :
       {"list services @unix:/nonexistent/agent.sock", "check @unix:/nonexistent/agent.sock",
        "watch @unix:/nonexistent/agent.sock"}) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 3) << line;
    EXPECT_THAT(result.err,
                AllOf(HasSubstr("(UNAVAILABLE)"), HasSubstr("is gitops-agent running")));
  }
}

TEST_F(RunTest, PlainTextToAnotherMachineIsRefused) {
  const Result result = Ctl("list services @192.0.2.1");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("--insecure"));
}

TEST_F(RunTest, UsageErrorsGoToStderrWithStatus2) {
  for (const char* line : {"", "lsit services @h", "list hosts @h", "deploy switch",
                           "list services @h --outptu json", "completion tcsh"}) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, AllOf(StartsWith("gitopsctl: "), EndsWith("\n")));
  }
}

TEST_F(RunTest, ServicesTextCannotControlTheTerminal) {
  agent_->Put(MakeService("nginx", v1::SERVICE_STATE_BROKEN, "\x1b]0;title\x07"));
  for (const char* line : {"list services @h", "get service nginx @h", "check @h",
                           "list services @h -o wide", "list services @h -o yaml"}) {
    EXPECT_THAT(Ctl(line).out, Not(HasSubstr("\x1b"))) << line;
  }
}

TEST_F(RunTest, ColorIsOnlyWhereItIsAskedFor) {
  EXPECT_THAT(Ctl("list services @h").out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(Ctl("list services @h --color always").out, HasSubstr("\x1b[32mOK"));
  EXPECT_THAT(Ctl("list services @h", {{"GITOPS_COLOR", "always"}}).out, HasSubstr("\x1b[32mOK"));
}

TEST_F(RunTest, HelpAndVersionNeedNoAgent) {
  EXPECT_THAT(Ctl("help").out,
              AllOf(HasSubstr("rollback SERVICE HASH [@HOST]"), HasSubstr("deploy [ACTION…]")));
  EXPECT_THAT(Ctl("help plan").out, HasSubstr("Actions: skip, push, "));
  EXPECT_THAT(Ctl("rollback --help").out, AllOf(HasSubstr("--reason"), HasSubstr("do rollback")));
  EXPECT_THAT(Ctl("version").out, StartsWith("gitopsctl "));
  EXPECT_TRUE(nlohmann::json::parse(Ctl("version -o json").out).contains("version"));
}

TEST_F(RunTest, CompletionAsksTheAgentForNames) {
  agent_->Put(MakeService("caddy", v1::SERVICE_STATE_OK));
  EXPECT_EQ(Ctl("__complete freeze @h c").out, "caddy\n");
  EXPECT_EQ(Ctl("__complete rollback @h nginx 8").out, absl::StrCat(kOld, "\n"));
  EXPECT_EQ(Ctl("__complete freeze @unix:/nonexistent/x n").exit_code, 0);
}

}  // namespace
}  // namespace gitops::ctl
