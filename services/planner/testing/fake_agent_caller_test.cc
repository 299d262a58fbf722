#include "services/planner/testing/fake_agent_caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

class FakeAgentCallerTest : public ::testing::Test {
 protected:
  FakeAgentCallerTest() { agents_.Add("web1", {{"nginx", "old"}, {"app", "old"}}); }

  static v1::PerformActionRequest Request(const std::string& id, const std::string& action,
                                          int64_t fencing = 1) {
    v1::PerformActionRequest request;
    request.mutable_operation()->set_id(id);
    request.mutable_operation()->set_fencing(fencing);
    request.set_action(action);
    if (action == "sync") request.add_upstream_revisions()->set_hash("new");
    return request;
  }
  PerformOutcome Do(const std::string& id, const std::string& action, int64_t fencing = 1) {
    return agents_.Perform("web1", Request(id, action, fencing), nullptr);
  }

  FakeAgentCaller agents_;
};

TEST_F(FakeAgentCallerTest, ASyncMovesServicesOnceForEachOperation) {
  const PerformOutcome first = Do("d/web1/1", "sync");
  ASSERT_TRUE(first.status.ok()) << first.status;
  ASSERT_EQ(first.response.moves_size(), 2);
  EXPECT_EQ(first.response.moves(0).from_hash(), "old");
  EXPECT_EQ(agents_.Look("web1").services["nginx"].hash, "new");
  agents_.Change("web1", [](FakeAgent& agent) { agent.services["nginx"].hash = "other"; });
  const PerformOutcome again = Do("d/web1/1", "sync");
  EXPECT_TRUE(again.response.repeated_operation());
  EXPECT_EQ(again.response.moves(0).from_hash(), "old");
  EXPECT_EQ(agents_.Look("web1").services["nginx"].hash, "other");
  EXPECT_THAT(agents_.ActionsOn("web1"), ElementsAre("sync"));
}

TEST_F(FakeAgentCallerTest, PastFencingNumbersFrozenServicesAndNixAreRefused) {
  ASSERT_TRUE(Do("1", "freeze", 5).status.ok());
  for (const PerformOutcome& refused :
       {Do("2", "sync", 4), Do("3", "sync", 5), Do("4", "switch", 5)}) {
    EXPECT_EQ(refused.status.code(), absl::StatusCode::kFailedPrecondition) << refused.status;
  }
  ASSERT_TRUE(Do("5", "unfreeze", 6).status.ok());
  EXPECT_TRUE(Do("6", "sync", 6).status.ok());
  EXPECT_EQ(Do("", "sync").status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FakeAgentCallerTest, AHostThatIsDownOrUnknownIsUnavailable) {
  agents_.SetUp("web1", false);
  EXPECT_EQ(Do("1", "sync").status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(agents_.Status("web9").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(agents_.performed().empty());
}

TEST_F(FakeAgentCallerTest, FaultsStrikeWhereTheyAreTold) {
  agents_.FailNth(2);
  agents_.FailAction("web1", "reboot", absl::StatusCode::kAborted);
  EXPECT_TRUE(Do("1", "sync").status.ok());
  EXPECT_EQ(Do("2", "freeze").status.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(Do("3", "unfreeze").status.ok());
  EXPECT_EQ(Do("4", "reboot").status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Do("2", "freeze").status.code(), absl::StatusCode::kInternal);  // remembered
  EXPECT_TRUE(agents_.Look("web1").services["nginx"].frozen_by.empty());
}

TEST_F(FakeAgentCallerTest, ASyncThatFailsHalfwayTellsWhatItMoved) {
  agents_.AddFault({.action = "sync", .code = absl::StatusCode::kInternal, .moves = 1});
  const PerformOutcome outcome = Do("1", "sync");
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(outcome.response.moves_size(), 1);
  EXPECT_EQ(agents_.Look("web1").services["app"].hash, "new");
  EXPECT_EQ(agents_.Look("web1").services["nginx"].hash, "old");
}

TEST_F(FakeAgentCallerTest, AnAnswerThatIsLostWasDoneAllTheSame) {
  agents_.AddFault({.times = 1, .code = absl::StatusCode::kAborted, .after_effect = true});
  EXPECT_EQ(Do("1", "sync").status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(agents_.Look("web1").services["nginx"].hash, "new");
  const PerformOutcome again = Do("1", "sync");
  EXPECT_TRUE(again.status.ok());
  EXPECT_TRUE(again.response.repeated_operation());
}

TEST_F(FakeAgentCallerTest, HeldActionsRunTogetherAndThePeakIsKnown) {
  constexpr int kHosts = 5;
  agents_.Hold("sync");
  std::vector<std::future<bool>> done;
  for (int i = 0; i < kHosts; ++i) {
    const std::string address = absl::StrCat("db", i);
    agents_.Add(address);
    done.push_back(std::async(std::launch::async, [this, address] {
      return agents_.Perform(address, Request(address, "sync"), nullptr).status.ok();
    }));
  }
  ASSERT_TRUE(agents_.AwaitHeld(kHosts));
  agents_.Release();
  for (std::future<bool>& each : done) EXPECT_TRUE(each.get());
  EXPECT_EQ(agents_.peak(), kHosts);
}

TEST_F(FakeAgentCallerTest, AHeldActionCanBeGivenUpAndDoneLater) {
  agents_.Hold();
  std::atomic<bool> given_up = false;
  auto code = std::async(std::launch::async, [&] {
    return agents_.Perform("web1", Request("1", "sync"), [&] { return given_up.load(); })
        .status.code();
  });
  ASSERT_TRUE(agents_.AwaitHeld(1));
  given_up = true;
  EXPECT_EQ(code.get(), absl::StatusCode::kCancelled);
  agents_.Release();
  EXPECT_FALSE(Do("1", "sync").response.repeated_operation());
}

TEST_F(FakeAgentCallerTest, TwoActionsAtATimeOnOneHostFailTheTest) {
  agents_.AddFault({.times = 1, .hang = true});
  auto first = std::async(std::launch::async, [this] { return Do("1", "sync").status.ok(); });
  ASSERT_TRUE(agents_.AwaitHeld(1));
  EXPECT_NONFATAL_FAILURE(Do("2", "unfreeze"), "two actions at a time on web1");
  agents_.Release();
  EXPECT_TRUE(first.get());
}

TEST_F(FakeAgentCallerTest, ARepetitionWaitsForTheOneUnderWay) {
  agents_.Hold();
  auto first = std::async(std::launch::async, [this] { return Do("1", "sync").status.ok(); });
  ASSERT_TRUE(agents_.AwaitHeld(1));
  auto second = std::async(std::launch::async,
                           [this] { return Do("1", "sync").response.repeated_operation(); });
  agents_.Release();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST_F(FakeAgentCallerTest, RebootsGoAsTold) {
  const PerformOutcome reboot = Do("1", "reboot");
  const std::string before = FakeAgentCaller::BootId("web1", 1);
  EXPECT_EQ(reboot.response.boot_id(), before);
  EXPECT_EQ(*agents_.AwaitReboot("web1", before, absl::Minutes(5), nullptr),
            FakeAgentCaller::BootId("web1", 2));
  for (const FakeReboot how : {FakeReboot::kStaysDown, FakeReboot::kIgnores}) {
    agents_.Add("db", {.reboot = how});
    agents_.Perform("db", Request("1", "reboot"), nullptr).status.IgnoreError();
    EXPECT_EQ(agents_.AwaitReboot("db", FakeAgentCaller::BootId("db", 1), absl::Minutes(5), nullptr)
                  .status()
                  .code(),
              absl::StatusCode::kDeadlineExceeded);
  }
  agents_.Add("app", {.reboot = FakeReboot::kWaits});
  ASSERT_TRUE(agents_.Perform("app", Request("1", "reboot"), nullptr).status.ok());
  EXPECT_FALSE(agents_.Look("app").up);
  const std::string old = FakeAgentCaller::BootId("app", 1);
  EXPECT_EQ(agents_.AwaitReboot("app", old, absl::Minutes(5), [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
  agents_.BringBack("app");
  EXPECT_TRUE(agents_.AwaitReboot("app", old, absl::Minutes(5), nullptr).ok());
}

TEST_F(FakeAgentCallerTest, SecretsAreKept) {
  v1::PerformActionRequest upload = Request("1", "upload-secrets");
  upload.add_secrets()->set_destination("/etc/key");
  upload.mutable_secrets(0)->set_content("hush");
  ASSERT_TRUE(agents_.Perform("web1", upload, nullptr).status.ok());
  EXPECT_EQ(agents_.Look("web1").files["/etc/key"], "hush");
}

TEST_F(FakeAgentCallerTest, AHostThatWasConnectedAndIsDownFailsAsIfItHadGoneAway) {
  agents_.Change("web1", [](FakeAgent& agent) {
    agent.up = false;
    agent.connected = true;
  });
  const PerformOutcome lost = Do("1", "sync");
  EXPECT_EQ(lost.status.code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(lost.unknown);
  EXPECT_EQ(agents_.Status("web1").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace gitops
