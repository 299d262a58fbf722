#ifndef GITOPS_AGENT_OPERATION_OPERATION_MEMORY_H_
#define GITOPS_AGENT_OPERATION_OPERATION_MEMORY_H_

#include <cstdint>
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
#include "gitops/record/v1/operation.pb.h"

namespace gitops {

// The number and age up to which operations are kept.
inline constexpr int kMaxKeptOperations = 1000;
inline constexpr absl::Duration kKeptFor = absl::Hours(7 * 24);

// A fencing number is the planner's clock in microseconds, or one more than the previous number if
// that is higher. A number that is ahead of this host's clock by more than kMaxAhead is accepted
// only if it is at most kMaxAbove above the highest one seen.
inline constexpr absl::Duration kMaxAhead = absl::Hours(24);
inline constexpr int64_t kMaxAbove = 1'000'000;

// The operations of deployments on this host, by operation id, and the highest fencing number; both
// survive crashes (keys agent/v1/operation/ID and agent/v1/fencing). Thread-safe.
class OperationMemory {
 public:
  // `store` and `clock` are not owned. Errors are those of Store; DATA_LOSS also: the fencing
  // number is damaged.
  static absl::StatusOr<std::unique_ptr<OperationMemory>> Load(Store* store, Clock* clock);

  // The highest admitted number; 0: none.
  int64_t fencing() const;
  // FAILED_PRECONDITION: a higher number has been seen; or the number is so far ahead that no later
  // one could be higher. A new highest number is stored before this returns: errors of Store::Put.
  absl::Status Admit(int64_t fencing);

  // DATA_LOSS: the stored operation is damaged. Other errors are those of Store.
  absl::StatusOr<std::optional<record::v1::Operation>> Find(const std::string& id) const;

  // Stores the operation and the fencing number in one write, and removes old operations. Errors
  // are those of Store::Write.
  absl::Status Save(const std::string& id, const record::v1::Operation& operation);

 private:
  OperationMemory(Store* store, Clock* clock);
  absl::Status ReadAll();
  absl::Status CheckNear(int64_t fencing) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The operations to remove when one more is added, oldest first.
  std::vector<std::string> Outdated(const std::string& newest) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store* const store_;
  Clock* const clock_;
  const Table<record::v1::Operation> operations_;
  mutable Mutex mutex_;
  int64_t fencing_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, absl::Time> begun_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATION_MEMORY_H_
