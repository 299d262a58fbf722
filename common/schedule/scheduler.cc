#include "common/schedule/scheduler.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/schedule/thread_retry.h"
#include "common/sync/mutex.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

// Between attempts to start the only thread.
constexpr std::chrono::milliseconds kRetry(100);

// The queue's entry of a job. Guarded by the scheduler's mutex.
struct Entry {
  std::function<absl::Time()> run;
  SteadyTime due;
  uint64_t turn = 0;               // among those due at the same time
  bool running = false;            // and not in the queue
  bool woken = false;              // while running: run once more
  std::optional<SteadyTime> next;  // while running: the next run
  bool removed = false;
};

struct DueBefore {
  bool operator()(const Entry* a, const Entry* b) const {
    return a->due != b->due ? a->due < b->due : a->turn < b->turn;
  }
};

class ThreadedScheduler final : public Scheduler {
 public:
  ThreadedScheduler(Clock* clock, int max_threads, absl::Duration idle)
      : clock_(clock), max_threads_(max_threads), idle_time_(absl::ToChronoMilliseconds(idle)) {}

  ~ThreadedScheduler() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
      idlers_.NotifyAll();
    }
    retry_->Forget(this);
    JoinEnded();
    for (std::thread& thread : threads_) thread.join();
  }

  std::unique_ptr<Job> Add(absl::Time first, std::function<absl::Time()> run) override {
    auto entry = std::make_unique<Entry>();
    entry->run = std::move(run);
    MutexLock lock(mutex_);
    Queue(entry.get(), Steady(first));
    TellOne(entry.get());
    // Without any thread, nobody would try again.
    while (threads_.empty()) {
      mutex_.Unlock();
      std::this_thread::sleep_for(kRetry);
      mutex_.Lock();
      EnsureThread();
    }
    return std::make_unique<Handle>(this, std::move(entry));
  }

 private:
  class Handle final : public Job {
   public:
    Handle(ThreadedScheduler* scheduler, std::unique_ptr<Entry> entry)
        : scheduler_(scheduler), entry_(std::move(entry)) {}
    ~Handle() override { scheduler_->Remove(entry_.get()); }
    void Wake() override { scheduler_->Wake(entry_.get()); }
    void WakeAt(absl::Time time) override { scheduler_->WakeAt(entry_.get(), time); }

   private:
    ThreadedScheduler* const scheduler_;
    const std::unique_ptr<Entry> entry_;
  };

  void Wake(Entry* entry) {
    MutexLock lock(mutex_);
    if (entry->running) {
      entry->woken = true;
      return;
    }
    // If it was woken before, it keeps its turn.
    if (entry->due == SteadyTime::InfinitePast()) return;
    queue_.erase(entry);
    Queue(entry, SteadyTime::InfinitePast());
    TellOne(entry);
  }

  void WakeAt(Entry* entry, absl::Time time) {
    MutexLock lock(mutex_);
    const SteadyTime due = Steady(time);
    if (entry->running) {
      entry->next = due;
      return;
    }
    if (entry->due == SteadyTime::InfinitePast()) return;
    queue_.erase(entry);
    Queue(entry, due);
    TellOne(entry);
  }

  void Remove(Entry* entry) {
    MutexLock lock(mutex_);
    // Not run again, even if it is always due at once.
    entry->removed = true;
    while (entry->running) finished_.Wait(mutex_);
    queue_.erase(entry);
  }

  // When a wall time is reached if nobody sets the clock.
  SteadyTime Steady(absl::Time time) { return clock_->SteadyNow() + (time - clock_->Now()); }

  void Queue(Entry* entry, SteadyTime due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    entry->due = due;
    entry->turn = ++last_turn_;
    queue_.insert(entry);
  }

  // The new job may be due before the one that the idle threads wait for. The thread that takes it
  // wakes the next one, if there is more to do.
  void TellOne(const Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    EnsureThread();
    if (*queue_.begin() == entry) WakeOne();
  }

  void WakeOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    (timing_ ? changed_ : idlers_).NotifyOne();
  }

  bool LacksThread() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return idle_ == 0 && static_cast<int>(threads_.size()) < max_threads_ && !stopping_;
  }

  void EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    JoinEnded();
    if (!LacksThread()) return;
    const auto place = threads_.emplace(threads_.end());
    absl::StatusOr<std::thread> thread = StartThread("do work", [this, place] { Work(place); });
    const bool failed_before = std::exchange(failed_, !thread.ok());
    if (thread.ok()) {
      *place = *std::move(thread);
      ++idle_;
      return;
    }
    threads_.erase(place);
    // The threads that there are may be busy for long, and nobody may add or wake a job meanwhile.
    retry_->Until(this, [this] {
      MutexLock lock(mutex_);
      EnsureThread();
      return !LacksThread();
    });
    if (failed_before) return;
    LogError("the work waits for other threads, and a thread is tried again",
             {{"threads", absl::StrCat(threads_.size())},
              {"error", std::string(thread.status().message())}});
  }

  // They have left the lock, so this does not wait.
  void JoinEnded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (std::thread& thread : ended_) thread.join();
    ended_.clear();
  }

  void Work(std::list<std::thread>::iterator place) {
    MutexLock lock(mutex_);
    --idle_;
    while (!stopping_) {
      Entry* entry = queue_.empty() ? nullptr : *queue_.begin();
      if (entry == nullptr || entry->due > clock_->SteadyNow()) {
        ++idle_;
        bool ends = false;
        if (timing_) {
          ends = !idlers_.WaitUntil(mutex_, std::chrono::steady_clock::now() + idle_time_);
        } else {
          timing_ = true;
          clock_->WaitUntil(mutex_, changed_, entry ? entry->due : SteadyTime::Infinite());
          timing_ = false;
        }
        --idle_;
        // Not if there is work after all: the one that brought it counted on this thread.
        const bool due = !queue_.empty() && (*queue_.begin())->due <= clock_->SteadyNow();
        if (ends && timing_ && !due && !stopping_) {
          ended_.splice(ended_.end(), threads_, place);
          return;
        }
        continue;
      }
      RunOne(entry);
    }
  }

  void RunOne(Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    queue_.erase(entry);
    entry->running = true;
    entry->woken = false;
    entry->next.reset();
    // Another thread must wait for the next due job while this one is busy.
    EnsureThread();
    if (idle_ > 0 && !queue_.empty()) WakeOne();
    mutex_.Unlock();
    const absl::Time next = entry->run();
    mutex_.Lock();
    entry->running = false;
    // A removed entry may be destroyed as soon as the lock is free.
    if (!entry->removed) {
      Queue(entry, entry->woken ? SteadyTime::InfinitePast() : entry->next.value_or(Steady(next)));
      if (timing_ && *queue_.begin() == entry) changed_.NotifyOne();
    }
    finished_.NotifyAll();
  }

  Clock* const clock_;
  const std::shared_ptr<ThreadRetry> retry_ = ThreadRetry::Shared();
  const int max_threads_;
  const std::chrono::milliseconds idle_time_;
  Mutex mutex_;
  CondVar changed_;  // of the thread that waits for the next due time
  CondVar idlers_;   // of the other idle threads
  bool timing_ ABSL_GUARDED_BY(mutex_) = false;
  CondVar finished_;
  // The jobs that are not running now; each belongs to its handle.
  std::set<Entry*, DueBefore> queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_turn_ ABSL_GUARDED_BY(mutex_) = 0;
  // Lists, since each thread has its place.
  std::list<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::list<std::thread> ended_ ABSL_GUARDED_BY(mutex_);  // or about to end; to be joined
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;           // the last attempt to start a thread
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;                  // threads, with those that begin
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<Scheduler> NewScheduler(Clock* clock, int max_threads, absl::Duration idle) {
  return std::make_unique<ThreadedScheduler>(clock, std::max(1, max_threads), idle);
}

}  // namespace gitops
