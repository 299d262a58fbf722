#include "services/planner/testing/fake_agent_services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace gitops {
namespace {

using ::testing::HasSubstr;

class FakeAgentServicesTest : public ::testing::Test {
 protected:
  FakeAgentServicesTest() { agents_.Add("web1", {{"nginx", "old"}}); }

  template <typename Request>
  absl::Status Call(const std::string& actor, Request request = {}) {
    request.set_service("nginx");
    outcome_.Clear();
    return agents_.Call("web1", {.on_behalf_of = actor, .give_up = nullptr}, request, &outcome_);
  }

  FakeAgentServices agents_;
  v1::HostOutcome outcome_;
};

TEST_F(FakeAgentServicesTest, AFrozenServiceIsNotPulledUntilItIsUnfrozen) {
  agents_.SetTip("tip");
  ASSERT_TRUE(Call<v1::FreezeServiceRequest>("alice").ok());
  EXPECT_EQ(outcome_.service().frozen_by(), "alice");
  EXPECT_THAT(std::string(Call<v1::PullServiceRequest>("bob").message()),
              HasSubstr("frozen by alice"));
  ASSERT_TRUE(Call<v1::UnfreezeServiceRequest>("bob").ok());
  ASSERT_TRUE(Call<v1::PullServiceRequest>("bob").ok());
  EXPECT_TRUE(outcome_.changed());
  EXPECT_EQ(agents_.Look("web1", "nginx").hash, "tip");
  ASSERT_TRUE(Call<v1::DiffServiceRequest>("bob").ok());
  EXPECT_EQ(outcome_.diff().hash(), "tip");
}

TEST_F(FakeAgentServicesTest, ARolledBackServiceIsPinned) {
  v1::RollbackServiceRequest back;
  back.set_hash("older");
  ASSERT_TRUE(Call("carol", back).ok());
  EXPECT_EQ(outcome_.service().pinned_hash(), "older");
  EXPECT_EQ(agents_.Look("web1", "nginx").frozen_by, "carol");
}

TEST_F(FakeAgentServicesTest, RevisionsAreTheTipOrAWholeHash) {
  v1::ResolveRevisionRequest request;
  request.set_service("nginx");
  EXPECT_EQ(agents_.ResolveRevision("web1", request, nullptr).status().code(),
            absl::StatusCode::kNotFound);
  agents_.SetTip(std::string(40, 'a'));
  EXPECT_EQ(agents_.ResolveRevision("web1", request, nullptr)->hash(), std::string(40, 'a'));
  agents_.SetUp("web1", false);
  EXPECT_EQ(agents_.ResolveRevision("web1", request, nullptr).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(FakeAgentServicesTest, AHangingCallCanBeGivenUp) {
  agents_.Hang("DiffServiceRequest");
  std::atomic<bool> given_up = false;
  auto code = std::async(std::launch::async, [&] {
    v1::DiffServiceRequest diff;
    diff.set_service("nginx");
    v1::HostOutcome outcome;
    const CallFor caller{.on_behalf_of = "", .give_up = [&] { return given_up.load(); }};
    return agents_.Call("web1", caller, diff, &outcome).code();
  });
  ASSERT_TRUE(agents_.AwaitHung(1));
  given_up = true;
  EXPECT_EQ(code.get(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(agents_.AwaitNoneHung());
}

}  // namespace
}  // namespace gitops
