#ifndef GITOPS_AGENT_RECORD_RECORD_SAVER_H_
#define GITOPS_AGENT_RECORD_RECORD_SAVER_H_

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/record/record.h"
#include "agent/state/state.h"
#include "common/sync/mutex.h"

namespace gitops {

// Stores records on a thread of its own, for callers that must not wait for the disk: what services
// save during a flush of the store shares the next one. Thread-safe.
class RecordSaver {
 public:
  explicit RecordSaver(RecordStore* records);  // not owned
  // Stores what was handed over, and calls back for it.
  ~RecordSaver();

  // As RecordStore::Save; `done` is called once, on any thread, without locks held. It must not
  // block: others are stored after it. Saves of one service must not overlap.
  void Save(const std::string& service, const ServiceRecord& record,
            const std::optional<ChangeRecord>& change, std::function<void(absl::Status)> done);

 private:
  using Done = std::function<void(absl::Status)>;

  absl::Status EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Work();

  RecordStore* const records_;
  Mutex mutex_;
  CondVar changed_;
  // What waits: a record, and at the same place its `done`.
  std::vector<RecordStore::Saving> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done> dones_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_RECORD_RECORD_SAVER_H_
