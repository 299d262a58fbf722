#include "agent/record/record_saver.h"

#include <utility>

#include "common/sync/start_thread.h"

namespace gitops {

RecordSaver::RecordSaver(RecordStore* records) : records_(records) {}

RecordSaver::~RecordSaver() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void RecordSaver::Save(const std::string& service, const ServiceRecord& record,
                       const std::optional<ChangeRecord>& change,
                       std::function<void(absl::Status)> done) {
  absl::Status begun;
  {
    MutexLock lock(mutex_);
    begun = EnsureThread();
    if (begun.ok()) {
      waiting_.push_back({service, record, change});
      dones_.push_back(std::move(done));
      changed_.NotifyOne();
    }
  }
  if (!begun.ok()) done(begun);
}

absl::Status RecordSaver::EnsureThread() {
  if (thread_.joinable()) return absl::OkStatus();
  absl::StatusOr<std::thread> thread = StartThread("store records", [this] { Work(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

void RecordSaver::Work() {
  MutexLock lock(mutex_);
  while (true) {
    while (waiting_.empty()) {
      if (stopping_) return;
      changed_.Wait(mutex_);
    }
    const std::vector<RecordStore::Saving> saved = std::exchange(waiting_, {});
    const std::vector<Done> dones = std::exchange(dones_, {});
    mutex_.Unlock();
    const std::vector<absl::Status> results = records_->SaveAll(saved);
    for (size_t i = 0; i < dones.size(); ++i) dones[i](results[i]);
    mutex_.Lock();
  }
}

}  // namespace gitops
