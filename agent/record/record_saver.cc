#include "agent/record/record_saver.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

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
  try {
    threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error& error) {
    if (!threads_.empty()) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("cannot start a thread that stores records: ", error.what()));
  }
  return absl::OkStatus();
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
