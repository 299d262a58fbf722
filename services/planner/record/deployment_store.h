#ifndef GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_STORE_H_
#define GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_STORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
#include "services/planner/record/deployment_index.h"
#include "services/planner/record/deployment_record.h"

namespace gitops {

// How long deployments are kept. One that has not ended is always kept.
struct Retention {
  int count = 1000;                               // the newest
  absl::Duration age = absl::InfiniteDuration();  // since their end
};

// How many plans are kept, and how large they may be.
struct PlanLimits {
  size_t count = 1000;
  size_t bytes = 256 << 20;
  size_t plan_bytes = 64 << 20;  // of one
};

// Deployments, their hosts and steps, and plans, in a Store, as messages of gitops.record.v1. Keys,
// with ID as NewDeploymentId():
//   planner/v1/deployment/ID          DeploymentEntry
//   planner/v1/host/ID/NNNNNN         HostEntry
//   planner/v1/step/ID/NNNNNN/NNN     StepRecord
//   planner/v1/call/ID/NNNN           HookCall of a select point
//   planner/v1/plan/TOKEN             Plan
// Texts that hosts and hooks sent are capped and made valid UTF-8 here. Any thread. Errors as
// Store's. A method that reads one record returns DATA_LOSS, with the key, if it is damaged;
// methods that read many skip damaged ones.
//
// The first call that needs it reads all deployments into an index in memory. After that, the cost
// of a call does not depend on how many deployments are kept. Write deployments through one
// DeploymentStore only: the index of another one would miss them.
class DeploymentStore {
 public:
  // Not owned.
  DeploymentStore(Store* store, Clock* clock, PlanLimits plan_limits = {});

  // Sortable by time, unique: "20261122-221530-k7q2mx".
  std::string NewDeploymentId();

  // Stores a deployment, all of it or nothing: in one write or, with thousands of hosts, in
  // several, of which the last makes it visible. The last one also makes the writes `also`.
  // ALREADY_EXISTS: the id is taken.
  absl::Status Create(const DeploymentRecord& record, const std::vector<HostRecord>& hosts,
                      const std::vector<v1::HookCall>& calls,
                      const std::vector<StoreWrite>& also = {});

  absl::StatusOr<DeploymentRecord> Load(const std::string& id);  // NOT_FOUND
  // In the order of the plan. DATA_LOSS: one of them is damaged or missing.
  absl::StatusOr<std::vector<HostRecord>> LoadHosts(const std::string& id);

  // The progress of a host, and the step it is in (may be null).
  struct Checkpoint {
    int index = 0;
    const HostRecord* host = nullptr;
    const v1::StepRecord* step = nullptr;
  };
  // Replaces a deployment, and in the same write a host's checkpoint unless it is null. NOT_FOUND:
  // the deployment was removed.
  absl::Status Save(const DeploymentRecord& record, const Checkpoint* host = nullptr);
  // Stores a host's checkpoint in one write; `step` may be null.
  absl::Status SaveHost(const std::string& id, int index, const HostRecord& host,
                        const v1::StepRecord* step);
  // The checkpoints of many hosts, in few writes; after an error, some may be stored.
  absl::Status SaveHosts(const std::string& id, const std::vector<Checkpoint>& hosts);
  absl::StatusOr<v1::StepRecord> LoadStep(const std::string& id, int index, int number);

  // One host, with its steps and without. A host whose record is damaged has no name, and a message
  // that says so. NOT_FOUND: the deployment has fewer hosts.
  absl::StatusOr<v1::HostDeployment> WholeHost(const std::string& id, int index);
  absl::StatusOr<v1::HostDeployment> BareHost(const std::string& id, int index);
  // The hook calls of the select points.
  absl::StatusOr<std::vector<v1::HookCall>> SelectCalls(const std::string& id);
  // Calls `visit` for each host, without steps, in the order of the plan, until it returns false.
  absl::Status ForEachHost(const std::string& id,
                           const std::function<bool(const record::v1::HostDeployment&)>& visit);

  // Those with after < id < before; empty: no such bound.
  struct IdRange {
    std::string after;
    std::string before;
  };
  // A range that contains all deployments created at `since` or later and before `until`, and few
  // others.
  IdRange CreatedBetween(absl::Time since, absl::Time until) const;
  // Calls `visit` for each deployment in the range, without hosts and hook calls, newest first,
  // until it returns false or an error. Reads at most 128 more than it visits.
  absl::Status ForEachNewestFirst(
      const IdRange& ids, const std::function<absl::StatusOr<bool>(v1::Deployment&)>& visit);
  // Those that have not ended; reads only them.
  absl::StatusOr<std::vector<DeploymentRecord>> Unfinished();

  // Removes deployments that `retention` does not keep, plans that have expired, and parts that an
  // interrupted Create or Prune left. Returns the number of deployments removed.
  absl::StatusOr<int> Prune(const Retention& retention);

  // Stores a plan and returns its token, which cannot be guessed. Without an expire_time the plan
  // is valid for a day. Where the limits are exceeded, the plans that expire first are removed.
  // `also` (may be empty) returns further writes to make in the same write. RESOURCE_EXHAUSTED: the
  // plan alone is too large.
  absl::StatusOr<std::string> SavePlan(
      v1::Plan plan,
      const std::function<std::vector<StoreWrite>(const std::string& token)>& also = nullptr);
  // NOT_FOUND: no such token, or the plan has expired or was removed for newer ones.
  absl::StatusOr<v1::Plan> LoadPlan(const std::string& token);
  // The same without conversion, for callers that need a part of it.
  absl::StatusOr<record::v1::Plan> LoadStoredPlan(const std::string& token);

  // Calls back with the index of each host that is saved, or -1 for the deployment itself, one call
  // at a time, until the watch is destroyed. All changes up to `revision` of the store have been
  // reported by then. Begin the watch before you read, so that no change is missed.
  using HostChanged = std::function<void(int index, int64_t revision)>;
  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(const std::string& id, HostChanged changed);
  // The same with the ids of all deployments that are saved or removed after a revision.
  // OUT_OF_RANGE: the store no longer has changes as old as that.
  using DeploymentChanged = std::function<void(const std::string& id, int64_t revision)>;
  absl::StatusOr<std::unique_ptr<StoreWatch>> WatchAll(int64_t after, DeploymentChanged changed);
  // The store's current revision.
  absl::StatusOr<int64_t> Revision();
  // The revision at which a host or one of its steps was last saved. NOT_FOUND: as for BareHost.
  absl::StatusOr<int64_t> HostRevision(const std::string& id, int index);

 private:
  using Deployments = Table<record::v1::DeploymentEntry>;

  StoreWrite HostWrite(const std::string& id, int index, const HostRecord& host) const;
  absl::Status AddCheckpoint(const std::string& id, const Checkpoint& host,
                             std::vector<StoreWrite>& writes) const;
  absl::Status DeleteParts(const std::string& id);
  absl::Status FindOrphans();
  absl::Status RemoveOrphans(absl::Time now);
  absl::Status RemovePlans(absl::Time now);

  absl::Status ReadIndex() ABSL_EXCLUSIVE_LOCKS_REQUIRED(index_mutex_);
  // Updates the index from the store; if that fails, the index is read again at its next use.
  void Refresh(const std::string& id);

  struct StoredPlan {
    absl::Time expire;
    size_t bytes;
  };
  absl::Status ReadPlans() ABSL_EXCLUSIVE_LOCKS_REQUIRED(plans_mutex_);
  // The tokens of the plans to remove for a new one of so many bytes.
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
  Mutex index_mutex_;
  bool index_read_ ABSL_GUARDED_BY(index_mutex_) = false;
  DeploymentIndex index_ ABSL_GUARDED_BY(index_mutex_);
  std::atomic<bool> orphans_read_ = false;
  // Ids that may have parts without an entry.
  std::set<std::string> orphans_ ABSL_GUARDED_BY(index_mutex_);
  Mutex plans_mutex_;
  bool plans_read_ ABSL_GUARDED_BY(plans_mutex_) = false;
  // What is stored, by token.
  std::map<std::string, StoredPlan> plans_ ABSL_GUARDED_BY(plans_mutex_);
};

// Whether a deployment in that state has ended (INTERRUPTED has: only resume goes on).
bool HasEnded(v1::DeploymentState state);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_STORE_H_
