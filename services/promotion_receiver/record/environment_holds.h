#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_ENVIRONMENT_HOLDS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_ENVIRONMENT_HOLDS_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/store/store.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// Which environments are held, stored and in memory. Names are "NAMESPACE/PIPELINE/ENVIRONMENT".
// Calls that change something are made one at a time; Find comes from any thread. Errors are those
// of Store.
class EnvironmentHolds {
 public:
  using Hold = record::v1::EnvironmentHold;

  // `store` is not owned; `prefix` is a literal.
  EnvironmentHolds(Store* store, const char* prefix) : store_(store), table_(store, prefix) {}

  // A damaged hold holds its environment too, by "unknown".
  absl::Status Read();

  absl::Status Put(const std::string& name, const Hold& hold);
  // The hold that ended; none: there was none.
  absl::StatusOr<std::optional<Hold>> Remove(const std::string& name);
  std::optional<Hold> Find(const std::string& name) const;
  // Its record was removed from the store.
  void Forget(const std::string& name);

 private:
  Store* const store_;
  const Table<Hold> table_;
  mutable Mutex mutex_;
  std::map<std::string, Hold> holds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_ENVIRONMENT_HOLDS_H_
