#ifndef GITOPS_COMMON_STORE_DAMAGED_RECORDS_H_
#define GITOPS_COMMON_STORE_DAMAGED_RECORDS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "common/sync/mutex.h"

namespace gitops {

// The keys of a store whose values were found to be damaged. Any thread.
class DamagedRecords {
 public:
  // Logs it the first time. At most 10,000 keys are remembered.
  void Note(absl::string_view key, int64_t revision);
  // It was removed, or can be read again.
  void Forget(absl::string_view key);
  // With the revision of the damaged value.
  std::map<std::string, int64_t> Noted() const;
  bool empty() const { return count_ == 0; }

 private:
  mutable Mutex mutex_;
  std::atomic<size_t> count_ = 0;
  std::map<std::string, int64_t, std::less<>> revisions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_DAMAGED_RECORDS_H_
