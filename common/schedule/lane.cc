#include "common/schedule/lane.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

class Lane final : public Scheduler {
 public:
  Lane(Scheduler* scheduler, int width) : scheduler_(scheduler), width_(width) {}

  std::unique_ptr<Job> Add(absl::Time first, std::function<absl::Time()> run) override {
    auto member = std::make_unique<Member>(this, std::move(run));
    // A run that begins at once waits for the lock, and so sees `job`.
    MutexLock lock(mutex_);
    member->job = scheduler_->Add(first, [member = member.get()] { return member->Run(); });
    return member;
  }

 private:
  struct Member final : public Job {
    Member(Lane* in, std::function<absl::Time()> runs) : lane(in), run(std::move(runs)) {}
    ~Member() override { lane->Remove(this); }
    void Wake() override { job->Wake(); }
    void WakeAt(absl::Time time) override { job->WakeAt(time); }
    absl::Time Run() { return lane->Run(this); }

    Lane* const lane;
    const std::function<absl::Time()> run;
    std::unique_ptr<Job> job;
    // Guarded by the lane's mutex.
    bool removed = false;
    bool woken = false;  // to take a place
  };

  absl::Time Run(Member* member) {
    {
      MutexLock lock(mutex_);
      std::erase(waiting_, member);
      member->woken = false;
      if (member->removed) return absl::InfiniteFuture();
      if (running_ == width_) {
        waiting_.push_back(member);
        return absl::InfiniteFuture();
      }
      ++running_;
      // Two that ended at the same time may both have woken only this one.
      WakeNext();
    }
    const absl::Time next = member->run();
    MutexLock lock(mutex_);
    --running_;
    WakeNext();
    return next;
  }

  void Remove(Member* member) {
    std::unique_ptr<Job> job;
    {
      MutexLock lock(mutex_);
      member->removed = true;
      std::erase(waiting_, member);
      job = std::move(member->job);
      // It may have been woken to take a place that is free.
      WakeNext();
    }
    job.reset();
  }

  // It takes its place again, unless another one is quicker; then it waits on.
  void WakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (running_ == width_ || waiting_.empty() || waiting_.front()->woken) return;
    // Woken again while it is about to run, it would run once more.
    waiting_.front()->woken = true;
    waiting_.front()->job->Wake();
  }

  Scheduler* const scheduler_;
  const int width_;
  Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Member*> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Scheduler> NewLane(Scheduler* scheduler, int width) {
  return std::make_unique<Lane>(scheduler, std::max(1, width));
}

}  // namespace gitops
