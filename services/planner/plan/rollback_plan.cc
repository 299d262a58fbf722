#include "services/planner/plan/rollback_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/plan/action.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

// The rollback of one host; without actions if there is nothing to roll back.
v1::PlannedHost PlanBack(const v1::HostDeployment& done) {
  v1::PlannedHost back;
  back.set_host(done.host());
  back.set_address(done.address());
  back.set_wave(1);
  for (v1::ServiceMove& move : NetMoves(done)) {
    if (move.from_hash().empty()) continue;
    v1::ServiceRevision* revision = back.add_revisions();
    revision->set_service(move.service());
    revision->set_hash(move.from_hash());
    move.mutable_from_hash()->swap(*move.mutable_to_hash());
    move.clear_commit();  // of the other one
    move.clear_changes_nothing();
    *back.add_moves() = std::move(move);
  }
  if (back.revisions_size() > 0) back.add_actions(NameOf(HostAction::kSync));
  return back;
}

// One wave that continues after failures, to roll back as much as possible.
v1::DeploymentSpec SpecBack(const v1::DeploymentSpec& done) {
  v1::DeploymentSpec spec = done;
  spec.clear_selection();
  spec.clear_actions();
  spec.add_actions(NameOf(HostAction::kSync));
  spec.clear_revision();
  spec.clear_rollout();
  spec.mutable_rollout()->set_max_parallel(done.rollout().max_parallel());
  spec.mutable_rollout()->set_on_failure(v1::Rollout::ON_FAILURE_CONTINUE);
  return spec;
}

}  // namespace

std::vector<v1::ServiceMove> NetMoves(const v1::HostDeployment& host) {
  std::vector<v1::ServiceMove> moves;
  for (auto move = host.moves().rbegin(); move != host.moves().rend(); ++move) {
    const auto known = std::find_if(moves.begin(), moves.end(), [&](const v1::ServiceMove& net) {
      return net.service() == move->service();
    });
    if (known != moves.end()) {
      known->set_from_hash(move->from_hash());
    } else {
      moves.push_back(*move);
    }
  }
  std::erase_if(moves, [](const v1::ServiceMove& net) { return net.from_hash() == net.to_hash(); });
  return moves;
}

absl::StatusOr<v1::Plan> RollbackPlan(const v1::Deployment& done) {
  v1::Plan plan;
  *plan.mutable_spec() = SpecBack(done.spec());
  std::set<std::string> first_publications;
  for (auto host = done.hosts().rbegin(); host != done.hosts().rend(); ++host) {
    v1::PlannedHost back = PlanBack(*host);
    if (back.actions_size() == 0) {
      for (const v1::ServiceMove& move : NetMoves(*host)) {
        first_publications.insert(move.service());
      }
      continue;
    }
    plan.mutable_spec()->mutable_selection()->add_on(back.host());
    *plan.add_hosts() = std::move(back);
  }
  plan.set_wave_count(1);
  if (plan.hosts_size() > 0) return plan;
  return MakeError(Reason::kNothingToRollBack,
                   absl::StrCat("deployment ", done.id(), " cannot be rolled back: ",
                                first_publications.empty()
                                    ? "it moved no service, or all are back where they were"
                                    : absl::StrCat("before it, nothing was published of ",
                                                   *first_publications.begin())),
                   {{"deployment", done.id()}});
}

}  // namespace gitops
