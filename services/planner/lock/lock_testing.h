#ifndef GITOPS_SERVICES_PLANNER_LOCK_LOCK_TESTING_H_
#define GITOPS_SERVICES_PLANNER_LOCK_LOCK_TESTING_H_

#include <map>
#include <string>

#include "common/store/faulty_store.h"
#include "common/sync/mutex.h"

namespace gitops {

// A FaultyStore whose renewals can be made to fail and counted, and whose Get can be made to answer
// as it did before. For tests; any thread.
class LeaseStore : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;

  void FailRenewals(bool fail, absl::Status error = absl::UnavailableError("the disk is full"));
  int renewals();  // that were tried
  // Get of `key` answers what it has now, for good.
  void Freeze(const std::string& key);

  absl::Status KeepLeaseAlive(int64_t lease) override;
  absl::StatusOr<StoredValue> Get(absl::string_view key) override;

 private:
  Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  int renewals_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, StoredValue, std::less<>> frozen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_LOCK_TESTING_H_
