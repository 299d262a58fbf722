#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/planner/fleet/reported.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

Principal Claimed(const std::string& address = "ipv4:10.0.0.7") { return {.address = address}; }
Principal Proven(const std::string& name, Principal::Kind kind = Principal::Kind::kAgent) {
  return {.kind = kind,
          .name = name,
          .authentication = Principal::Authentication::kTls,
          .address = "ipv4:10.0.0.7"};
}

TEST(ReporterRuleTest, ProvenAgentReportsForItsOwnNameOnly) {
  EXPECT_THAT(*ReportableNames(Claimed(), {"web1", "www"}), ElementsAre("web1", "www"));
  EXPECT_THAT(*ReportableNames(Proven("web1"), {"www", "WEB1"}), ElementsAre("WEB1"));
  EXPECT_TRUE(absl::IsPermissionDenied(ReportableNames(Proven("web2"), {"web1"}).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(
      ReportableNames(Proven("web1", Principal::Kind::kUser), {"web1"}).status()));
}

TEST(ReporterRuleTest, LiveStreamIsTakenOverByTheSamePrincipalOrABetterProof) {
  struct Case {
    const char* why;
    Principal older, newer;
    bool same_run, allowed;
  };
  for (const Case& c : {
           Case{"restarted, same address", Claimed(), Claimed(), false, true},
           Case{"another address", Claimed(), Claimed("ipv4:10.0.0.8"), false, false},
           Case{"the same run at a new address", Claimed(), Claimed("ipv4:10.0.0.8"), true, true},
           Case{"the socket against the network", Claimed("unix"), Claimed(), false, false},
           Case{"a certificate against a claim", Claimed("ipv4:10.0.0.8"), Proven("web1"), false,
                true},
           Case{"a claim against a certificate", Proven("web1"), Claimed(), true, false},
           Case{"its own certificate", Proven("web1"), Proven("web1"), false, true},
           Case{"another certificate", Proven("web1"), Proven("web2"), true, false},
       }) {
    EXPECT_EQ(MayTakeOver(c.older, c.newer, c.same_run), c.allowed) << c.why;
  }
}

}  // namespace
}  // namespace gitops
