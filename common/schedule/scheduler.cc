#include "common/schedule/scheduler.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

// What the queue knows of a job. Guarded by the scheduler's mutex.
struct Entry {
  std::function<absl::Time()> run;
  absl::Time due;
  bool running = false;
  bool woken = false;  // while running: run once more
  bool removed = false;
};

class ThreadedScheduler final : public Scheduler {
 public:
  ThreadedScheduler(Clock* clock, int max_threads) : clock_(clock), max_threads_(max_threads) {}

  ~ThreadedScheduler() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    for (std::thread& thread : threads_) thread.join();
  }

  std::unique_ptr<Job> Add(absl::Time first, std::function<absl::Time()> run) override {
    auto entry = std::make_unique<Entry>();
    entry->run = std::move(run);
    entry->due = first;
    Entry* raw = entry.get();
    MutexLock lock(mutex_);
    entries_.push_back(std::move(entry));
    EnsureThread();
    changed_.NotifyAll();
    return std::make_unique<Handle>(this, raw);
  }

 private:
  class Handle final : public Job {
   public:
    Handle(ThreadedScheduler* scheduler, Entry* entry) : scheduler_(scheduler), entry_(entry) {}
    ~Handle() override { scheduler_->Remove(entry_); }
    void Wake() override { scheduler_->Wake(entry_); }

   private:
    ThreadedScheduler* scheduler_;
    Entry* entry_;
  };

  void Wake(Entry* entry) {
    MutexLock lock(mutex_);
    if (entry->running) {
      entry->woken = true;
      return;
    }
    entry->due = absl::InfinitePast();
    EnsureThread();
    changed_.NotifyAll();
  }

  void Remove(Entry* entry) {
    MutexLock lock(mutex_);
    // Not run again, not even one that is always due at once.
    entry->removed = true;
    while (entry->running) finished_.Wait(mutex_);
    std::erase_if(entries_, [entry](const auto& owned) { return owned.get() == entry; });
  }

  void EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool room = static_cast<int>(threads_.size()) < max_threads_;
    if (idle_ == 0 && room && !stopping_) threads_.emplace_back([this] { Work(); });
  }

  Entry* Earliest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Entry* earliest = nullptr;
    for (const auto& entry : entries_) {
      if (entry->running || entry->removed) continue;
      if (earliest == nullptr || entry->due < earliest->due) earliest = entry.get();
    }
    return earliest;
  }

  void Work() {
    MutexLock lock(mutex_);
    while (!stopping_) {
      Entry* entry = Earliest();
      if (entry == nullptr || entry->due > clock_->Now()) {
        ++idle_;
        clock_->WaitUntil(mutex_, changed_, entry ? entry->due : absl::InfiniteFuture());
        --idle_;
        continue;
      }
      RunOne(entry);
    }
  }

  void RunOne(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    entry->running = true;
    entry->woken = false;
    // Somebody has to wait for what is due next while this thread is busy.
    EnsureThread();
    mutex_.Unlock();
    const absl::Time next = entry->run();
    mutex_.Lock();
    entry->running = false;
    entry->due = entry->woken ? absl::InfinitePast() : next;
    finished_.NotifyAll();
  }

  Clock* const clock_;
  const int max_threads_;
  Mutex mutex_;
  CondVar changed_;
  CondVar finished_;
  std::vector<std::unique_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<Scheduler> NewScheduler(Clock* clock, int max_threads) {
  return std::make_unique<ThreadedScheduler>(clock, std::max(1, max_threads));
}

}  // namespace gitops
