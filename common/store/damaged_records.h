#ifndef GITOPS_COMMON_STORE_DAMAGED_RECORDS_H_
#define GITOPS_COMMON_STORE_DAMAGED_RECORDS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "common/sync/mutex.h"

namespace gitops {

// The keys of a store with damaged values. Thread-safe.
class DamagedRecords {
 public:
  // Logs the key the first time. Keeps at most 10,000 keys.
  void Note(absl::string_view key, int64_t revision);
  // The key was removed, or is readable again.
  void Forget(absl::string_view key);
  // The keys with the revision of the damaged value.
  std::map<std::string, int64_t> Noted() const;
  bool empty() const { return count_ == 0; }

 private:
  mutable Mutex mutex_;
  std::atomic<size_t> count_ = 0;
  std::map<std::string, int64_t, std::less<>> revisions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_DAMAGED_RECORDS_H_
