#ifndef GITOPS_COMMON_STORE_FAULTY_STORE_H_
#define GITOPS_COMMON_STORE_FAULTY_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/store/store.h"
#include "common/sync/mutex.h"

namespace gitops {

// A Store for tests that passes calls to another Store, or fails them on request. A failed call
// changes nothing, unless its answer is lost. Thread-safe.
class FaultyStore : public Store {
 public:
  // Not owned.
  explicit FaultyStore(Store* store) : store_(store) {}

  // The nth call from now (1: the next) fails, and only that one.
  void FailNthCall(int n, absl::Status status = absl::UnavailableError("told to fail"));
  // The nth Write from now (1: the next; Put and Delete count) fails, and only that one.
  void FailNthWrite(int n, absl::Status status = absl::UnavailableError("told to fail"));
  // The nth Write from now is made, and reported as failed.
  void LoseNthAnswer(int n);
  // Every Get, List, Write and Watch of a key or prefix that starts with `prefix` fails, and a List
  // that comes to such a key.
  void FailKeys(std::string prefix, absl::Status status = absl::UnavailableError("told to fail"));
  // Writes wait until Heal(), as on a disk that stalls.
  void StallWrites();
  // Everything works again.
  void Heal();

  // The number of calls so far, including failed ones.
  int calls();
  int writes();
  // Values that Get and List returned so far.
  int values_read();

  absl::StatusOr<StoredValue> Get(absl::string_view key) override;
  absl::StatusOr<std::vector<StoredValue>> List(absl::string_view prefix,
                                                absl::string_view after = "",
                                                int limit = 0) override;
  absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes) override;
  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(
      absl::string_view prefix, int64_t after_revision,
      std::function<void(const StoreEvent&)> on_event) override;
  absl::StatusOr<int64_t> GrantLease(absl::Duration ttl) override;
  absl::Status KeepLeaseAlive(int64_t lease) override;
  absl::Status RevokeLease(int64_t lease) override;

 private:
  struct Fault {
    int at = 0;  // the number of the call; 0: none
    absl::Status status;
  };

  absl::Status Enter(const std::vector<absl::string_view>& keys, bool write = false);
  absl::Status FaultOf(absl::string_view key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store* const store_;
  Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
  int values_read_ ABSL_GUARDED_BY(mutex_) = 0;
  Fault call_fault_ ABSL_GUARDED_BY(mutex_);
  Fault write_fault_ ABSL_GUARDED_BY(mutex_);
  int lost_answer_ ABSL_GUARDED_BY(mutex_) = 0;  // the number of the write; 0: none
  CondVar healed_;
  bool stalled_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<std::string, absl::Status>> key_faults_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_FAULTY_STORE_H_
