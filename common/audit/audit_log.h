#ifndef GITOPS_COMMON_AUDIT_AUDIT_LOG_H_
#define GITOPS_COMMON_AUDIT_AUDIT_LOG_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/audit_sink.h"
#include "common/audit/audit_storage.h"
#include "common/audit/refusals.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/audit.pb.h"

namespace gitops {

// The audit of a program. One thread of its own stores entries, together where several come at a
// time, counts refused calls, removes old entries, and sends entries to the sink. Thread-safe.
//
// A sink that fails loses nothing: what it has not got is read from the store and sent when it
// works again, also after a restart. Then, and after a crash, it may get an entry twice; their
// numbers tell.
class AuditLog {
 public:
  // `sink` may be null.
  AuditLog(AuditStorageOptions storage, std::unique_ptr<AuditSink> sink);
  // Stores what waits, and the counts of refused calls.
  ~AuditLog();

  // Stores an entry, whose time this sets, and returns its number when it is durable. UNAVAILABLE,
  // DATA_LOSS: it was not stored.
  absl::StatusOr<int64_t> Record(record::v1::AuditEntry entry);
  // Stores an entry soon. If it cannot be stored now, that is tried until it can, with up to 10,000
  // entries; how many more there were is recorded then.
  void RecordSoon(record::v1::AuditEntry entry);
  // The same for a refused call, if it gets an entry of its own; else counts it (refusals.h).
  void RecordRefusal(record::v1::AuditEntry entry);

  // Waits until everything that was recorded is stored and sent, or one of both has failed. For
  // tests, and for reads that should have all.
  void Settle();

  struct Condition {
    record::v1::AuditHead head;
    int64_t refused = 0;   // calls, since the start
    int64_t unstored = 0;  // entries that wait for the store
    int64_t unsent = 0;    // entries that wait for the sink
    absl::Status stored;   // of the last attempt
    absl::Status sent;
  };
  Condition condition() const;

  AuditStorage& storage() { return storage_; }

 private:
  struct Waiting {
    record::v1::AuditEntry entry;
    bool refusal = false;
    std::optional<absl::StatusOr<int64_t>>* result = nullptr;  // null: nobody waits
  };
  using Batch = std::vector<Waiting>;

  absl::Status StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(Waiting waiting) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop();
  // Waits until something is due. False: the end, and everything is done.
  bool Await(Batch& batch);
  void Store(Batch batch);
  void Answer(Batch& batch, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Send();
  absl::Status SendNext(int64_t& sent, int64_t count);
  void Tell(absl::Status status, absl::Status& told, const char* problem, const char* solved);

  AuditStorage storage_;
  const std::unique_ptr<AuditSink> sink_;
  Clock* const clock_;

  mutable Mutex mutex_;
  CondVar wake_, answered_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  Refusals refusals_ ABSL_GUARDED_BY(mutex_);
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime retry_store_ ABSL_GUARDED_BY(mutex_) = SteadyTime::InfinitePast();
  SteadyTime retry_send_ ABSL_GUARDED_BY(mutex_) = SteadyTime::Infinite();
  absl::Status stored_ ABSL_GUARDED_BY(mutex_);
  absl::Status sent_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_AUDIT_LOG_H_
