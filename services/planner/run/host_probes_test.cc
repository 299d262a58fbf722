#include "services/planner/run/host_probes.h"

#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "services/planner/testing/fake_agent_caller.h"

namespace gitops {
namespace {

class HostProbesTest : public ::testing::Test {
 protected:
  HostProbesTest() {
    for (const char* address : {"web1", "web2"}) agents_.Add(address);
  }

  FakeAgentCaller agents_;
  FakeClock clock_;
  HostProbes probes_{&agents_, &clock_};
};

TEST_F(HostProbesTest, AnAnswerGivenAheadIsUsedOnce) {
  probes_.Expect({"web1", "web2"});
  EXPECT_TRUE(probes_.AskNext());
  EXPECT_TRUE(probes_.AskNext());
  EXPECT_FALSE(probes_.AskNext());
  EXPECT_EQ(agents_.status_calls(), 2);
  agents_.SetUp("web2", false);
  EXPECT_TRUE(probes_.Reach("web1").ok());
  EXPECT_TRUE(probes_.Reach("web2").ok());
  EXPECT_EQ(agents_.status_calls(), 2);
  EXPECT_TRUE(absl::IsUnavailable(probes_.Reach("web2")));
}

TEST_F(HostProbesTest, AnAnswerDoesNotCountAfterASecond) {
  probes_.Expect({"web1"});
  EXPECT_TRUE(probes_.AskNext());
  agents_.SetUp("web1", false);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(probes_.Reach("web1")));
}

TEST_F(HostProbesTest, AHostThatItsWorkerHasAskedIsNotAskedAgain) {
  probes_.Expect({"web1", "web2"});
  EXPECT_TRUE(probes_.Reach("web1").ok());
  EXPECT_TRUE(probes_.AskNext());
  EXPECT_FALSE(probes_.AskNext());
  EXPECT_EQ(agents_.status_calls(), 2);
}

TEST_F(HostProbesTest, NothingIsAskedAheadOnceItIsStopped) {
  probes_.Expect({"web1", "web2"});
  probes_.Stop();
  EXPECT_FALSE(probes_.AskNext());
  EXPECT_TRUE(probes_.Reach("web1").ok());
}

}  // namespace
}  // namespace gitops
