#include "services/hook_dispatcher/call/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/http/hmac.h"
#include "common/trace/traceparent.h"
#include "services/hook_dispatcher/testing/hook_endpoint.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string One(const std::string& host, const std::string& actions) {
  return absl::StrCat(R"({"host":")", host, R"(","actions":[)", actions, "]}");
}

HookQuestion Question(const std::string& point = "pre-deploy") {
  HookQuestion question;
  question.point = point;
  question.payload = {{"web1", {"push", "switch"}}};
  question.deployment = "d1";
  question.idempotency_key = "d1/web1/1/pre-deploy";
  return question;
}

class DispatcherTest : public ::testing::Test {
 protected:
  DispatcherTest() {
    DispatcherOptions options;
    options.http = http_.get();
    options.clock = Clock::System();
    options.observer = [this](const v1::HookCall& call, const std::string& result) {
      MutexLock lock(mutex_);
      observed_.push_back(absl::StrCat(call.hook(), " ", result));
    };
    dispatcher_ = NewDispatcher(std::move(options));
  }

  HookSpec& Add(const std::string& name, const HookEndpoint& endpoint,
                std::vector<std::string> points = {"pre-deploy"}) {
    HookSpec hook;
    hook.name = name;
    hook.points = std::move(points);
    hook.url = endpoint.url();
    hook.retries = 0;
    hooks_.push_back(std::move(hook));
    return hooks_.back();
  }

  v1::DispatchHookResponse Dispatch(HookQuestion question) {
    dispatcher_->SetHooks(hooks_);
    auto response = dispatcher_->Dispatch(std::move(question), [] { return false; });
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::DispatchHookResponse();
  }

  // "web1: push switch"
  static std::vector<std::string> HostsOf(const v1::DispatchHookResponse& response) {
    std::vector<std::string> hosts;
    for (const v1::HostPayload& host : response.hosts()) {
      std::string text = host.host() + ":";
      for (const std::string& action : host.actions()) absl::StrAppend(&text, " ", action);
      hosts.push_back(text);
    }
    return hosts;
  }

  std::vector<std::string> observed() {
    MutexLock lock(mutex_);
    return observed_;
  }

  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  std::vector<HookSpec> hooks_;
  Mutex mutex_;
  std::vector<std::string> observed_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(DispatcherTest, WithoutAHookAtThePointThePayloadStaysAsItIs) {
  HookEndpoint endpoint({Agrees()});
  Add("other", endpoint, {"post-deploy", "pre-reboot"});
  const auto response = Dispatch(Question());
  EXPECT_THAT(HostsOf(response), ElementsAre("web1: push switch"));
  EXPECT_EQ(response.calls_size(), 0);
  EXPECT_FALSE(response.has_failure());
  EXPECT_THAT(endpoint.requests(), IsEmpty());
}

TEST_F(DispatcherTest, EachHookIsFedTheAnswerOfTheOneBeforeInTheOrderOfTheFile) {
  HookEndpoint first({Says(One("web1", R"("push")"))});
  HookEndpoint second({Says(One("web1", R"("push","reboot")"))});
  HookEndpoint third({Agrees()});
  Add("b", first);
  Add("c", second);
  Add("a", third);
  const auto response = Dispatch(Question());
  EXPECT_THAT(HostsOf(response), ElementsAre("web1: push reboot"));
  EXPECT_EQ(first.requests().at(0).body, One("web1", R"("push","switch")"));
  EXPECT_EQ(second.requests().at(0).body, One("web1", R"("push")"));
  EXPECT_EQ(third.requests().at(0).body, One("web1", R"("push","reboot")"));
  ASSERT_EQ(response.calls_size(), 3);
  EXPECT_EQ(response.calls(0).hook(), "b");
  EXPECT_EQ(response.calls(2).hook(), "a");
  EXPECT_THAT(observed(), ElementsAre("b ok", "c ok", "a ok"));
}

TEST_F(DispatcherTest, RecordOfACallHoldsWhatWentOutAndWhatCameBack) {
  HookEndpoint endpoint({Says(One("web1", R"("skip")"))});
  HookSpec& hook = Add("drain", endpoint);
  hook.url.insert(7, "user:hunter2@");
  hook.url += "?token=hush";
  const absl::Time before = absl::Now();
  const auto response = Dispatch(Question());
  ASSERT_EQ(response.calls_size(), 1);
  const v1::HookCall& call = response.calls(0);
  EXPECT_EQ(call.hook(), "drain");
  EXPECT_EQ(call.point(), "pre-deploy");
  EXPECT_EQ(call.host(), "web1");
  EXPECT_EQ(call.url(), endpoint.url());
  EXPECT_GE(absl::FromUnixSeconds(call.start_time().seconds() + 1), before);
  EXPECT_GT(call.duration().nanos() + call.duration().seconds(), 0);
  EXPECT_EQ(call.attempt_count(), 1);
  EXPECT_EQ(call.request(), One("web1", R"("push","switch")"));
  EXPECT_EQ(call.response(), One("web1", R"("skip")"));
  EXPECT_EQ(call.http_status(), 200);
  EXPECT_EQ(call.error(), "");
  EXPECT_FALSE(call.ignored());
  EXPECT_THAT(response.DebugString(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(response.DebugString(), Not(HasSubstr("hush")));
}

TEST_F(DispatcherTest, RecordIsCappedAndValidUtf8) {
  HookEndpoint endpoint({Says(std::string(100'000, '\xff'))});
  Add("noise", endpoint, {"pre-select"});
  HookQuestion question = Question("pre-select");
  for (int i = 0; i < 2000; ++i) question.payload.push_back({absl::StrCat("host", i), {"push"}});
  const auto response = Dispatch(question);
  ASSERT_EQ(response.calls_size(), 1);
  EXPECT_EQ(response.calls(0).request().size(), 16 << 10);
  EXPECT_GT(response.calls(0).response().size(), 16'000);
  EXPECT_LE(response.calls(0).response().size(), 16 << 10);
  EXPECT_EQ(response.calls(0).host(), "");
  v1::DispatchHookResponse copy;
  EXPECT_TRUE(copy.ParseFromString(response.SerializeAsString()));
}

TEST_F(DispatcherTest, SelectPointsCarryListsAndMayAddHostsOfTheFleet) {
  HookEndpoint endpoint(
      {Says(absl::StrCat("[", One("db1", R"("sync")"), ",", One("web1", ""), "]")), Says("[]"),
       Says(absl::StrCat("[", One("stranger", ""), "]"))});
  Add("choose", endpoint, {"post-select"});
  HookQuestion question = Question("post-select");
  question.known_hosts = {"db1"};
  EXPECT_THAT(HostsOf(Dispatch(question)), ElementsAre("db1: sync", "web1:"));
  EXPECT_EQ(endpoint.requests().at(0).body,
            absl::StrCat("[", One("web1", R"("push","switch")"), "]"));
  const auto emptied = Dispatch(question);
  EXPECT_THAT(HostsOf(emptied), IsEmpty());
  EXPECT_FALSE(emptied.has_failure());
  EXPECT_THAT(Dispatch(question).failure().message(),
              HasSubstr("\"stranger\" is not in the fleet"));
}

TEST_F(DispatcherTest, FailureStopsTheChainAndKeepsTheLastGoodAnswer) {
  HookEndpoint good({Says(One("web1", R"("push")"))});
  HookEndpoint bad({Says(409, "locked by alice")});
  HookEndpoint never({Agrees()});
  Add("good", good);
  Add("bad", bad);
  Add("never", never);
  const auto response = Dispatch(Question());
  EXPECT_THAT(HostsOf(response), ElementsAre("web1: push"));
  ASSERT_EQ(response.calls_size(), 2);
  EXPECT_EQ(response.failure().hook(), "bad");
  EXPECT_EQ(response.failure().point(), "pre-deploy");
  EXPECT_EQ(response.failure().http_status(), 409);
  EXPECT_THAT(response.failure().message(),
              AllOf(HasSubstr("\"bad\""), HasSubstr("pre-deploy"), HasSubstr("web1"),
                    HasSubstr("409"), HasSubstr("locked by alice")));
  EXPECT_EQ(response.calls(1).error(), response.failure().message());
  EXPECT_THAT(never.requests(), IsEmpty());
  EXPECT_THAT(observed(), ElementsAre("good ok", "bad failed"));
}

TEST_F(DispatcherTest, IgnoredFailureLeavesThePayloadAndTheChainGoesOn) {
  for (const bool for_all : {false, true}) {
    hooks_.clear();
    HookEndpoint bad({Says(500, One("web1", R"("reboot")"))});
    HookEndpoint next({Says(One("web1", R"("switch")"))});
    Add("bad", bad).ignore_errors = !for_all;
    Add("next", next);
    HookQuestion question = Question();
    question.ignore_errors = for_all;
    const auto response = Dispatch(question);
    EXPECT_FALSE(response.has_failure());
    EXPECT_THAT(HostsOf(response), ElementsAre("web1: switch"));
    EXPECT_EQ(next.requests().at(0).body, One("web1", R"("push","switch")"));
    ASSERT_EQ(response.calls_size(), 2);
    EXPECT_TRUE(response.calls(0).ignored());
    EXPECT_THAT(response.calls(0).error(), HasSubstr("status 500"));
    EXPECT_FALSE(response.calls(1).ignored());
  }
  EXPECT_THAT(observed(), ElementsAre("bad ignored", "next ok", "bad ignored", "next ok"));
}

TEST_F(DispatcherTest, FilterMayOnlyRemoveAndReadOnlyChangesNothing) {
  HookEndpoint adds({Says(One("web1", R"("push","switch","reboot")"))});
  HookEndpoint removes({Says(One("web1", R"("switch")"))});
  Add("adds", adds).mode = HookMode::kReadOnly;
  Add("removes", removes).mode = HookMode::kFilter;
  EXPECT_THAT(HostsOf(Dispatch(Question())), ElementsAre("web1: switch"));
  hooks_[0].mode = HookMode::kFilter;
  const auto response = Dispatch(Question());
  EXPECT_THAT(response.failure().message(), HasSubstr("a filter may only remove"));
  EXPECT_THAT(HostsOf(response), ElementsAre("web1: push switch"));
}

TEST_F(DispatcherTest, FiveHundredsAndLostConnectionsAreTriedAgainWithTheSameKey) {
  HookEndpoint endpoint({Says(503, "busy"), Does([](RawConnection&) {}),
                         Does([](RawConnection& connection) { connection.Reset(); }),
                         Says(One("web1", R"("push")"))});
  Add("flaky", endpoint).retries = 3;
  const auto response = Dispatch(Question());
  EXPECT_THAT(HostsOf(response), ElementsAre("web1: push"));
  ASSERT_EQ(response.calls_size(), 1);
  EXPECT_EQ(response.calls(0).attempt_count(), 4);
  EXPECT_EQ(response.calls(0).http_status(), 200);
  ASSERT_EQ(endpoint.requests().size(), 4);
  for (const auto& request : endpoint.requests()) {
    EXPECT_EQ(request.headers.at("idempotency-key"), "d1/web1/1/pre-deploy/flaky");
    EXPECT_EQ(request.headers.at("traceparent"), endpoint.requests()[0].headers.at("traceparent"));
    EXPECT_EQ(request.body, One("web1", R"("push","switch")"));
  }
  EXPECT_THAT(observed(), ElementsAre("flaky ok"));
}

TEST_F(DispatcherTest, RetriesAreUsedUpExactly) {
  HookEndpoint endpoint({Says(500, "no")});
  Add("down", endpoint).retries = 2;
  const auto response = Dispatch(Question());
  EXPECT_EQ(response.calls(0).attempt_count(), 3);
  EXPECT_EQ(endpoint.requests().size(), 3);
  EXPECT_EQ(response.failure().http_status(), 500);
}

TEST_F(DispatcherTest, NothingElseIsTriedAgain) {
  for (const auto& answer :
       {Says(404, ""), Says(429, ""), Says(302, "", "Location: /else\r\n"), Says("<html>"),
        Says(One("db1", "")), Does([](RawConnection& c) { c.Send("SSH-2.0-x\r\n"); })}) {
    hooks_.clear();
    HookEndpoint endpoint({answer});
    Add("wrong", endpoint).retries = 5;
    EXPECT_TRUE(Dispatch(Question()).has_failure());
    EXPECT_EQ(endpoint.connections(), 1);
  }
}

TEST_F(DispatcherTest, SignatureIsThatOfTheBodyAsItWasSent) {
  HookEndpoint endpoint({Agrees()});
  Add("signed", endpoint).key = Secret("hush");
  Dispatch(Question());
  const auto request = endpoint.requests().at(0);
  EXPECT_TRUE(
      VerifySignature(request.headers.at("x-signature"), Secret("hush"), request.body).ok());
}

TEST_F(DispatcherTest, KeyAndTraceAreMadeUpWhereNoneAreGiven) {
  HookEndpoint endpoint({Agrees()});
  Add("first", endpoint);
  Add("second", endpoint);
  HookQuestion question = Question();
  question.idempotency_key = "";
  question.traceparent = "nonsense";
  Dispatch(question);
  const auto requests = endpoint.requests();
  ASSERT_EQ(requests.size(), 2);
  EXPECT_EQ(requests[0].headers.at("idempotency-key").size(), 32 + 6);
  EXPECT_NE(requests[0].headers.at("idempotency-key"), requests[1].headers.at("idempotency-key"));
  EXPECT_TRUE(IsTraceparent(requests[0].headers.at("traceparent")));
  EXPECT_EQ(requests[0].headers.at("traceparent"), requests[1].headers.at("traceparent"));
}

TEST_F(DispatcherTest, QuestionsThatCannotBeAskedReachNobody) {
  HookEndpoint endpoint({Agrees()});
  Add("hook", endpoint);
  dispatcher_->SetHooks(hooks_);
  std::vector<HookQuestion> questions(4, Question());
  questions[0].point = "pre-everything";
  questions[1].payload = {};
  questions[2].payload[0].actions = {"format"};
  questions[3].deployment = std::string(1001, 'x');
  for (const HookQuestion& question : questions) {
    EXPECT_EQ(dispatcher_->Dispatch(question, [] { return false; }).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(endpoint.connections(), 0);
}

TEST_F(DispatcherTest, CallThatIsGivenUpEndsTheRequestAndTheChain) {
  std::atomic<bool> closed = false;
  HookEndpoint stalled({Does(
      [&](RawConnection& connection) { closed = connection.WaitForClose(absl::Seconds(20)); })});
  HookEndpoint next({Agrees()});
  Add("stalled", stalled).timeout = absl::Seconds(30);
  Add("next", next);
  dispatcher_->SetHooks(hooks_);
  std::atomic<bool> give_up = false;
  std::thread caller([&] {
    const auto response = dispatcher_->Dispatch(Question(), [&] { return give_up.load(); });
    EXPECT_EQ(response.status().code(), absl::StatusCode::kCancelled);
  });
  EXPECT_TRUE(stalled.AwaitRequests(1));
  const absl::Time began = absl::Now();
  give_up = true;
  caller.join();
  EXPECT_LT(absl::Now() - began, absl::Seconds(15));
  EXPECT_THAT(next.requests(), IsEmpty());
  EXPECT_THAT(observed(), ElementsAre("stalled cancelled"));
}

TEST_F(DispatcherTest, CallIsGivenUpBetweenAttemptsToo) {
  std::atomic<bool> asked = false;
  HookEndpoint down([&](const HookEndpoint::Request&) {
    asked = true;
    return Says(500, "");
  });
  Add("down", down).retries = 10;
  dispatcher_->SetHooks(hooks_);
  const auto response = dispatcher_->Dispatch(Question(), [&] { return asked.load(); });
  EXPECT_EQ(response.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(down.requests().size(), 1);
}

TEST_F(DispatcherTest, NewHooksCountFromTheNextDispatchOn) {
  HookEndpoint first({Agrees()});
  HookEndpoint second({Agrees()});
  Add("first", first);
  Dispatch(Question());
  hooks_.clear();
  Add("second", second);
  Dispatch(Question());
  EXPECT_EQ(first.requests().size(), 1);
  EXPECT_EQ(second.requests().size(), 1);
}

}  // namespace
}  // namespace gitops
