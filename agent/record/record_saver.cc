#include "agent/record/record_saver.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

// Writes from several threads share a commit of the store.
constexpr size_t kMaxThreads = 8;

}  // namespace

RecordSaver::RecordSaver(RecordStore* records) : records_(records) {}

RecordSaver::~RecordSaver() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    threads = std::move(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void RecordSaver::Save(const std::string& service, const ServiceRecord& record,
                       const std::optional<ChangeRecord>& change,
                       std::function<void(absl::Status)> done) {
  absl::Status begun;
  {
    MutexLock lock(mutex_);
    begun = EnsureThread();
    if (begun.ok()) {
      queue_.push_back({service, record, change, std::move(done)});
      changed_.NotifyOne();
    }
  }
  if (!begun.ok()) done(begun);
}

absl::Status RecordSaver::EnsureThread() {
  if (static_cast<size_t>(idle_) > queue_.size() || threads_.size() >= kMaxThreads) {
    return absl::OkStatus();
  }
  absl::StatusOr<std::thread> thread = StartThread("store records", [this] { Work(); });
  if (thread.ok()) threads_.push_back(*std::move(thread));
  return threads_.empty() ? thread.status() : absl::OkStatus();
}

void RecordSaver::Work() {
  MutexLock lock(mutex_);
  while (true) {
    while (queue_.empty()) {
      if (stopping_) return;
      ++idle_;
      changed_.Wait(mutex_);
      --idle_;
    }
    Request request = std::move(queue_.front());
    queue_.pop_front();
    mutex_.Unlock();
    request.done(records_->Save(request.service, request.record, request.change));
    request = {};
    mutex_.Lock();
  }
}

}  // namespace gitops
