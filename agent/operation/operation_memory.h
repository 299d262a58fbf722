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

// So many operations are remembered, for so long.
inline constexpr int kKeptOperations = 1000;
inline constexpr absl::Duration kKeptFor = absl::Hours(7 * 24);

// Fencing numbers are the planner's clock in microseconds where that is higher than the last one.
// One that is ahead of this host's clock by more than kMostAhead is taken only if it is at most
// kMostAbove above the highest that was seen.
inline constexpr absl::Duration kMostAhead = absl::Hours(24);
inline constexpr int64_t kMostAbove = 1'000'000;

// What deployments have done on this host, by operation id, and the highest fencing number; both
// outlive crashes (keys agent/v1/operation/ID and agent/v1/fencing). Any thread.
class OperationMemory {
 public:
  // `store` and `clock` are not owned. Errors as Store; DATA_LOSS also: the fencing number is
  // damaged.
  static absl::StatusOr<std::unique_ptr<OperationMemory>> Load(Store* store, Clock* clock);

  // The highest that was admitted; 0: none.
  int64_t fencing() const;
  // FAILED_PRECONDITION: a higher one has been seen; or it is so far ahead that nobody could ever
  // have a higher one after it. A higher one is stored before this returns: errors as Store::Put.
  absl::Status Admit(int64_t fencing);

  // DATA_LOSS: what is stored of it is damaged. Others as Store.
  absl::StatusOr<std::optional<record::v1::Operation>> Find(const std::string& id) const;

  // Stores the operation and the fencing number in one write, and forgets what is too old. Errors
  // as Store::Write.
  absl::Status Save(const std::string& id, const record::v1::Operation& operation);

 private:
  OperationMemory(Store* store, Clock* clock);
  absl::Status ReadAll();
  absl::Status CheckNear(int64_t fencing) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those to forget when one more is remembered, the oldest first.
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
