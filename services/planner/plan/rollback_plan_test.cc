#include "services/planner/plan/rollback_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::ServiceMove MoveOf(const std::string& service, const std::string& from, const std::string& to) {
  v1::ServiceMove move;
  move.set_service(service);
  move.set_from_hash(from);
  move.set_to_hash(to);
  return move;
}

TEST(NetMoves, TellWhereEachServiceWasAndIsTheLastMovedFirst) {
  v1::HostDeployment host;
  *host.add_moves() = MoveOf("a", "1", "2");
  *host.add_moves() = MoveOf("b", "1", "2");
  *host.add_moves() = MoveOf("a", "2", "3");
  *host.add_moves() = MoveOf("c", "1", "2");
  *host.add_moves() = MoveOf("c", "2", "1");
  std::vector<std::string> moves;
  for (const v1::ServiceMove& move : NetMoves(host)) {
    moves.push_back(move.service() + " from " + move.from_hash() + " to " + move.to_hash());
  }
  EXPECT_THAT(moves, ElementsAre("a from 1 to 3", "b from 1 to 2"));
}

TEST(RollbackPlan, RefusesWhereNothingCanBeBroughtBack) {
  v1::Deployment nothing;
  nothing.add_hosts();
  EXPECT_TRUE(absl::IsFailedPrecondition(RollbackPlan(nothing).status()));
  *nothing.mutable_hosts(0)->add_moves() = MoveOf("fresh", "", "1");
  const absl::Status first = RollbackPlan(nothing).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(first));
  EXPECT_THAT(std::string(first.message()), HasSubstr("nothing was published of fresh"));
}

TEST(RollbackPlan, NamesTheHostsThatMovedInReverseOrderWithTheRevisionsTheyHad) {
  v1::Deployment done;
  for (const char* name : {"web1", "web2", "web3"}) done.add_hosts()->set_host(name);
  *done.mutable_hosts(0)->add_moves() = MoveOf("nginx", "1", "2");
  *done.mutable_hosts(2)->add_moves() = MoveOf("nginx", "3", "2");
  const absl::StatusOr<v1::Plan> plan = RollbackPlan(done);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->spec().selection().on(), ElementsAre("web3", "web1"));
  ASSERT_EQ(plan->hosts_size(), 2);
  EXPECT_EQ(plan->hosts(0).host(), "web3");
  EXPECT_EQ(plan->hosts(0).revisions(0).hash(), "3");
  EXPECT_THAT(plan->hosts(0).actions(), ElementsAre("sync"));
}

}  // namespace
}  // namespace gitops
