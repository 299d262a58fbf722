#include "agent/git/reader_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr int kMaxReaders = 2;
// How often a waiter checks whether it was stopped.
constexpr std::chrono::milliseconds kCheck{50};

}  // namespace

ReaderPool::ReaderPool(Start start, absl::Duration idle)
    : start_(std::move(start)), idle_time_(absl::ToChronoNanoseconds(idle)) {}

ReaderPool::~ReaderPool() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
    changed_.NotifyAll();
  }
  if (thread.joinable()) thread.join();
}

absl::Status ReaderPool::With(const std::stop_token& stop,
                              absl::FunctionRef<absl::Status(ObjectReader&)> use) {
  for (bool again = true;; again = false) {
    int64_t generation = 0;
    auto reader = Take(stop, &generation);
    if (!reader.ok()) return reader.status();
    const bool was_idle = *reader != nullptr;
    if (!was_idle) reader = start_();
    if (!reader.ok()) {
      Give(nullptr, generation);
      return reader.status();
    }
    const absl::Status status = use(**reader);
    const bool ended_before = absl::IsAborted(status) && was_idle && (*reader)->silent();
    if (!status.ok()) reader->reset();
    Give(*std::move(reader), generation);
    if (!ended_before || !again) return status;
  }
}

void ReaderPool::Retire() {
  std::vector<Idle> ended;
  MutexLock lock(mutex_);
  ++generation_;
  ended.swap(idle_);
}

absl::StatusOr<std::unique_ptr<ObjectReader>> ReaderPool::Take(const std::stop_token& stop,
                                                               int64_t* generation) {
  MutexLock lock(mutex_);
  while (in_use_ >= kMaxReaders) {
    if (stop.stop_requested()) return absl::CancelledError("reading from the mirror was stopped");
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCheck);
  }
  ++in_use_;
  *generation = generation_;
  if (idle_.empty()) return nullptr;
  auto reader = std::move(idle_.back().reader);
  idle_.pop_back();
  return reader;
}

void ReaderPool::Give(std::unique_ptr<ObjectReader> reader, int64_t generation) {
  // A reader that is not kept ends outside of the lock.
  MutexLock lock(mutex_);
  --in_use_;
  if (reader != nullptr && generation == generation_ && StartEndingIdle()) {
    idle_.push_back({std::move(reader), std::chrono::steady_clock::now()});
  }
  changed_.NotifyAll();
}

// False: no thread can be started, so nothing may become idle.
bool ReaderPool::StartEndingIdle() {
  if (ending_) return true;
  absl::StatusOr<std::thread> thread = StartThread("end idle readers", [this] { EndIdle(); });
  if (!thread.ok()) return false;
  // The former thread has left EndIdle's lock, and ends.
  if (thread_.joinable()) thread_.join();
  thread_ = *std::move(thread);
  return ending_ = true;
}

void ReaderPool::EndIdle() {
  while (true) {
    std::vector<Idle> ended;  // ends outside of the lock
    MutexLock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    auto next = now + idle_time_;
    for (Idle& idle : std::exchange(idle_, {})) {
      const auto end = idle.since + idle_time_;
      next = std::min(next, std::max(end, now));
      (end <= now ? ended : idle_).push_back(std::move(idle));
    }
    if (!ended.empty()) continue;
    if (stopping_ || (idle_.empty() && in_use_ == 0)) {
      ending_ = false;
      return;
    }
    changed_.WaitUntil(mutex_, next);
  }
}

}  // namespace gitops
