#ifndef GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_STORE_H_
#define GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/store/store.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/record/v1/plan.pb.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/record/deployment_record.h"

namespace gitops {

// How long deployments are kept; one that has not ended is always kept.
struct Retention {
  int count = 1000;                               // the newest so many
  absl::Duration age = absl::InfiniteDuration();  // and none that ended longer ago
};

// How many plans are kept, and how many bytes of them.
struct PlanLimits {
  size_t count = 1000;
  size_t bytes = 256 << 20;
};

// Deployments, their hosts and steps, and plans, in a Store, as messages of
// gitops.record.v1. Keys, with ID as NewDeploymentId():
//   planner/v1/deployment/ID          DeploymentEntry
//   planner/v1/host/ID/NNNNNN         HostEntry
//   planner/v1/step/ID/NNNNNN/NNN     StepRecord
//   planner/v1/call/ID/NNNN           HookCall of a select point
//   planner/v1/plan/TOKEN             Plan
// Texts that hosts and hooks sent are capped and made valid UTF-8 here. Any thread. Errors as
// Store's. What reads one record answers DATA_LOSS, with its key, where it is damaged; what reads
// many leaves damaged ones out.
class DeploymentStore {
 public:
  // Not owned.
  DeploymentStore(Store* store, Clock* clock, PlanLimits plan_limits = {});

  // Sortable by time, unique: "20261122-221530-k7q2mx".
  std::string NewDeploymentId();

  // All of it or nothing, as one sees it: in one write, or for thousands of hosts in several of
  // which the last makes it visible. That one also makes the writes `also`. ALREADY_EXISTS: the id
  // is taken.
  absl::Status Create(const DeploymentRecord& record, const std::vector<HostRecord>& hosts,
                      const std::vector<v1::HookCall>& calls,
                      const std::vector<StoreWrite>& also = {});

  absl::StatusOr<DeploymentRecord> Load(const std::string& id);  // NOT_FOUND
  // In the order of the plan. DATA_LOSS: one of them is damaged or missing.
  absl::StatusOr<std::vector<HostRecord>> LoadHosts(const std::string& id);

  // Where a host stands, and the step it is in (may be null).
  struct Checkpoint {
    int index = 0;
    const HostRecord* host = nullptr;
    const v1::StepRecord* step = nullptr;
  };
  // With a host's checkpoint in the same write, where there is one. NOT_FOUND: it was removed, and
  // does not come back without its hosts.
  absl::Status Save(const DeploymentRecord& record, const Checkpoint* host = nullptr);
  // A host's checkpoint with the step it is in, in one write; `step` may be null.
  absl::Status SaveHost(const std::string& id, int index, const HostRecord& host,
                        const v1::StepRecord* step);
  // The checkpoints of many hosts, in few writes; after an error, some may be stored.
  absl::Status SaveHosts(const std::string& id, const std::vector<Checkpoint>& hosts);
  absl::StatusOr<v1::StepRecord> LoadStep(const std::string& id, int index, int number);

  // What GetDeployment answers: with hosts, steps and hook calls. A host whose record is damaged
  // has no name, and a message that says so.
  absl::StatusOr<v1::Deployment> Whole(const std::string& id);
  // One host with its steps, and without. NOT_FOUND: there are fewer.
  absl::StatusOr<v1::HostDeployment> WholeHost(const std::string& id, int index);
  absl::StatusOr<v1::HostDeployment> BareHost(const std::string& id, int index);
  // The hook calls of the select points.
  absl::StatusOr<std::vector<v1::HookCall>> SelectCalls(const std::string& id);
  // Without hosts; newest first; those whose id is less than `before` (empty: all), at most
  // `limit`.
  absl::StatusOr<std::vector<v1::Deployment>> List(const std::string& before, int limit);
  // Those that have not ended.
  absl::StatusOr<std::vector<DeploymentRecord>> Unfinished();

  // Removes what retention lets go, and plans that have expired. How many deployments.
  absl::StatusOr<int> Prune(const Retention& retention);

  // A plan, under a token that cannot be guessed. Without an expire_time it is good for a day.
  // Takes the place of those that expire first where there are more than may be.
  // `also` (may be empty) tells from the token what else the same write makes.
  absl::StatusOr<std::string> SavePlan(
      v1::Plan plan,
      const std::function<std::vector<StoreWrite>(const std::string& token)>& also = nullptr);
  // NOT_FOUND: never given, expired, or others took its place.
  absl::StatusOr<v1::Plan> LoadPlan(const std::string& token);

  // Calls back with the index of each host that was saved, or -1 for the deployment itself, one
  // call at a time, until the watch is destroyed. Every change up to `revision` of the store has
  // been told by then. Watch first, read then: what was saved in between is told again rather than
  // missed.
  using HostChanged = std::function<void(int index, int64_t revision)>;
  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(const std::string& id, HostChanged changed);
  // The same of the ids of all deployments that were saved or removed after a revision.
  // OUT_OF_RANGE: the store no longer knows changes as old as that.
  using DeploymentChanged = std::function<void(const std::string& id, int64_t revision)>;
  absl::StatusOr<std::unique_ptr<StoreWatch>> WatchAll(int64_t after, DeploymentChanged changed);
  // The store's now.
  absl::StatusOr<int64_t> Revision();
  // The one at which a host, or one of its steps, was saved last. NOT_FOUND: there are fewer.
  absl::StatusOr<int64_t> HostRevision(const std::string& id, int index);

 private:
  using Deployments = Table<record::v1::DeploymentEntry>;

  StoreWrite HostWrite(const std::string& id, int index, const HostRecord& host) const;
  absl::Status AddCheckpoint(const std::string& id, const Checkpoint& host,
                             std::vector<StoreWrite>& writes) const;
  absl::Status DeleteParts(const std::string& id);
  absl::Status RemoveOrphans(absl::Time now);
  absl::Status RemovePlans(absl::Time now);

  struct StoredPlan {
    absl::Time expire;
    size_t bytes;
  };
  absl::Status ReadPlans() ABSL_EXCLUSIVE_LOCKS_REQUIRED(plans_mutex_);
  // The tokens of those that go when one of so many bytes comes.
  std::vector<std::string> PlansToDrop(size_t bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(plans_mutex_);

  Store* const store_;
  Clock* const clock_;
  const PlanLimits plan_limits_;
  const Deployments deployments_;
  const Table<record::v1::HostEntry> hosts_;
  const Table<record::v1::StepRecord> steps_;
  const Table<record::v1::HookCall> calls_;
  const Table<record::v1::Plan> stored_plans_;
  Mutex plans_mutex_;
  bool plans_read_ ABSL_GUARDED_BY(plans_mutex_) = false;
  // What is stored, or was until Prune removed it, by token.
  std::map<std::string, StoredPlan> plans_ ABSL_GUARDED_BY(plans_mutex_);
};

// Whether a deployment in that state has ended (INTERRUPTED has: only resume goes on).
bool HasEnded(v1::DeploymentState state);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_STORE_H_
