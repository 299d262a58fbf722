// Services that come, change, stop and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <vector>

#include "agent/controller/host_agent_test_base.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST_F(HostAgentTest, StoppingDoesNotWaitForAFetchThatHangs) {
  host_.HoldFetches();
  Start({Spec()});
  ASSERT_TRUE(host_.AwaitHeldFetch());
  agent_.reset();
  host_.ReleaseFetches();
  Restart({Spec()});
  EXPECT_TRUE(AwaitAt(kA));
}

TEST_F(HostAgentTest, AChangedConfigurationKeepsStateAndAnUnchangedServiceUndisturbed) {
  Start({Spec("web"), Spec("db")});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Web()->Freeze("alice", "").ok());
  auto db = *agent_->Find("db");
  ServiceSpec changed = Spec("web");
  changed.keep_revisions = 9;
  ASSERT_TRUE(agent_->Configure({changed, Spec("db"), Spec("new")}).ok());
  EXPECT_EQ(Web()->spec().keep_revisions, 9);
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(*agent_->Find("db"), db);
  ASSERT_TRUE(agent_->Configure({Spec("db")}).ok());
  EXPECT_THAT(std::string(agent_->Find("web").status().message()), HasSubstr("there are: db"));
  ASSERT_TRUE(agent_->Configure({Spec("web"), Spec("db")}).ok());
  EXPECT_EQ(Record().state, State::kFreeze) << "a service that comes back is as it was left";
}

TEST_F(HostAgentTest, AServiceWhoseUnitWaitsItsTurnBehindOneThatHangsIsRemovedAtOnce) {
  const auto units = NewScheduler(&clock_, 1);
  pools_[static_cast<size_t>(Pool::kUnits)] = units.get();
  ServiceSpec web = Spec("web"), db = Spec("db");
  web.action = db.action = "restart";
  host_.HoldActivations();
  Start({web});
  ASSERT_TRUE(host_.AwaitHeld());
  ASSERT_TRUE(agent_->Configure({web, db, Spec("plain")}).ok());
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.published == kA; }, {}, "db"));
  auto removed = std::async(std::launch::async, [&] {
    return agent_->Configure({web, Spec("plain")});
  });
  EXPECT_EQ(removed.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(host_.Look("web").activations.size(), 1u) << "it hangs all the time";
  host_.Release();
  EXPECT_TRUE(removed.get().ok());
  EXPECT_THAT(host_.Look("db").activations, testing::IsEmpty());
  agent_.reset();
}

TEST_F(HostAgentTest, AConfigurationWithoutADriverIsRefusedWhole) {
  Start({Spec("web")});
  ASSERT_TRUE(AwaitAt(kA));
  ServiceSpec nix = Spec("nix");
  nix.nix.emplace();
  EXPECT_EQ(agent_->Configure({nix}).code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(agent_->Find("web").ok());
}

TEST_F(HostAgentTest, ADamagedRecordWithoutCopyFreezesItsServiceAndNoOther) {
  Start({Spec("web"), Spec("db")});
  ASSERT_TRUE(AwaitAt(kA));
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.hash == kA && r.state == State::kOk; },
                    absl::Seconds(1), "db"));
  agent_.reset();
  ASSERT_TRUE(store_.Put("agent/v1/service/web", "\xff\xff no protobuf").ok());
  ASSERT_TRUE(store_.Delete("agent/v1/copy/web").ok());
  host_.Push("main", kB);
  Restart({Spec("web"), Spec("db")});
  ASSERT_TRUE(Await([](const ServiceRecord& r) { return r.hash == kB && r.state == State::kOk; },
                    absl::Seconds(15), "db"));
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(host_.Look("web").published, kA);
  ASSERT_TRUE(Web()->Unfreeze("alice", "").ok());
  EXPECT_TRUE(AwaitAt(kB));
}

TEST_F(HostAgentTest, ServicesThatCannotStartAreNamedAndTriedAgainWhileTheOthersRun) {
  store_.FailKeys("agent/v1/service/web", absl::InternalError("the disk is ill"));
  store_.FailKeys("agent/v1/service/mail", absl::InternalError("the disk is ill"));
  Start({});
  const std::vector<ServiceSpec> specs = {Spec("web"), Spec("db"), Spec("mail")};
  const absl::Status in_part = agent_->Configure(specs);
  EXPECT_THAT(std::string(in_part.message()),
              AllOf(HasSubstr("service \"web\": "), HasSubstr("service \"mail\": "),
                    HasSubstr("the disk is ill")));
  const auto db = agent_->Find("db");
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_FALSE(agent_->Find("web").ok());
  store_.Heal();
  EXPECT_EQ(agent_->Configure(specs), absl::OkStatus());
  EXPECT_TRUE(agent_->Find("web").ok());
  EXPECT_EQ(*agent_->Find("db"), *db) << "what runs is left alone";
}

TEST_F(HostAgentTest, AStartThatCannotTellWhatIsPublishedActivatesNothing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  agent_.reset();
  host_.Set("web", [](FakeHost::Service& service) {
    service.published_error = absl::ResourceExhaustedError("too many open files");
  });
  Restart({Spec()});
  ASSERT_TRUE(Await(
      [](const ServiceRecord& r) {
        return r.state == State::kDiff && r.info.find("too many open files") != std::string::npos;
      },
      absl::Seconds(15)));
  host_.Set("web", [](FakeHost::Service& service) { service.published_error = absl::OkStatus(); });
  ASSERT_TRUE(AwaitAt(kA));
  EXPECT_EQ(host_.Look("web").activations.size(), 1u);
}

TEST_F(HostAgentTest, ADamagedRecordCostsNoPin) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  host_.Push("main", kB);
  ASSERT_TRUE(AwaitAt(kB));
  ASSERT_TRUE(Web()->Rollback(kA, "alice", "", Patience()).ok());
  agent_.reset();
  ASSERT_TRUE(store_.Put("agent/v1/service/web", "\xff\xff no protobuf").ok());
  Restart({Spec()});
  EXPECT_EQ(Record().state, State::kFreeze);
  EXPECT_EQ(Record().pinned, kA);
  EXPECT_EQ(Record().frozen_by.text(), "alice");
  EXPECT_NE(Record().info.find("damaged"), std::string::npos) << Record().info;
  EXPECT_EQ(host_.Look("web").published, kA);
}

TEST_F(HostAgentTest, AServiceThatIsBegunAnewIsNeverMissing) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  std::atomic<bool> done = false;
  auto missing = std::async(std::launch::async, [&] {
    int count = 0;
    while (!done) count += !agent_->Find("web").ok();
    return count;
  });
  for (int keep = 10; keep < 50; ++keep) {
    ServiceSpec spec = Spec();
    spec.keep_revisions = keep;
    EXPECT_EQ(agent_->Configure({spec}), absl::OkStatus());
  }
  done = true;
  EXPECT_EQ(missing.get(), 0);
}

TEST_F(HostAgentTest, ACommandForAServiceThatIsBegunAnewIsRefusedInsteadOfLost) {
  Start({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  auto before = Web();
  ServiceSpec spec = Spec();
  spec.keep_revisions = 2;
  ASSERT_EQ(agent_->Configure({spec}), absl::OkStatus());
  EXPECT_TRUE(absl::IsUnavailable(before->Freeze("me", "").status()));
  EXPECT_TRUE(absl::IsUnavailable(before->Unfreeze("me", "").status()));
  EXPECT_TRUE(absl::IsUnavailable(before->Rollback(kA, "me", "", Patience()).status()));
  EXPECT_TRUE(absl::IsUnavailable(before->TakeUp(Patience()).status()));
  EXPECT_FALSE(Web()->View().record.frozen);
}

TEST_F(HostAgentTest, StoppingDuringAnActivationLeavesItForTheNextStart) {
  host_.HoldActivations();
  Start({Spec()});
  ASSERT_TRUE(host_.AwaitHeld());
  agent_.reset();
  host_.Release();
  Restart({Spec()});
  ASSERT_TRUE(AwaitAt(kA));
  EXPECT_EQ(host_.Look("web").activated, kA);
}

TEST_F(HostAgentTest, WhoWaitsForAServiceThatIsBegunAnewGetsItsNewController) {
  Start({Spec("web"), Spec("db")});
  ASSERT_TRUE(AwaitAt(kA));
  const auto former = Web();
  auto successor = std::async(std::launch::async, [&] {
    return agent_->AwaitSuccessor(*former, absl::InfiniteDuration());
  });
  ServiceSpec spec = Spec();
  spec.keep_revisions = 2;
  ASSERT_EQ(agent_->Configure({spec, Spec("db")}), absl::OkStatus());
  const auto found = successor.get();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, Web());
  EXPECT_NE(*found, former);
}

TEST_F(HostAgentTest, WhoWaitsForAServiceThatLeavesOrStaysAsItIsIsTold) {
  Start({Spec("web"), Spec("db")});
  ASSERT_TRUE(AwaitAt(kA));
  const auto web = Web();
  const auto wait = [&](absl::Duration within) {
    return agent_->AwaitSuccessor(*web, within).status().code();
  };
  EXPECT_EQ(wait(absl::ZeroDuration()), absl::StatusCode::kDeadlineExceeded);
  auto leaves = std::async(std::launch::async, wait, absl::InfiniteDuration());
  ASSERT_EQ(agent_->Configure({Spec("db")}), absl::OkStatus());
  EXPECT_EQ(leaves.get(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
