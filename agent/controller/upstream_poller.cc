#include "agent/controller/upstream_poller.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/state/decide.h"
#include "common/retry/backoff.h"
#include "common/schedule/lane.h"

namespace gitops {
namespace {

constexpr std::chrono::milliseconds kCancelCheck{100};
// At a time, of one upstream.
constexpr int kFetches = 2;

}  // namespace

UpstreamPoller::UpstreamPoller(std::shared_ptr<Upstream> upstream, Clock* clock,
                               Scheduler* scheduler,
                               std::function<void(const std::string&)> on_success, Scheduler* pool)
    : upstream_(std::move(upstream)),
      clock_(clock),
      on_success_(std::move(on_success)),
      fetches_(NewLane(pool != nullptr ? pool : scheduler, kFetches)) {
  job_ = scheduler->Add(absl::InfiniteFuture(), [this] { return Run(); });
}

UpstreamPoller::~UpstreamPoller() { job_.reset(); }

void UpstreamPoller::Add(const std::string& service, Follower follower) {
  {
    MutexLock lock(mutex_);
    followers_[service] = std::move(follower);
  }
  PollNow();
}

void UpstreamPoller::Remove(const std::string& service) {
  MutexLock telling(telling_);
  MutexLock lock(mutex_);
  followers_.erase(service);
}

bool UpstreamPoller::empty() const {
  MutexLock lock(mutex_);
  return followers_.empty();
}

void UpstreamPoller::PollNow() {
  {
    MutexLock lock(mutex_);
    ++requested_;
  }
  job_->Wake();
}

absl::Status UpstreamPoller::PollAndWait(const Patience& patience) {
  int64_t ticket;
  {
    MutexLock lock(mutex_);
    ticket = ++requested_;
  }
  job_->Wake();
  MutexLock lock(mutex_);
  while (completed_ < ticket) {
    if (patience.cancelled()) return absl::CancelledError("the caller is gone");
    if (clock_->Now() >= patience.deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("polling ", upstream_->name(), " took longer than the caller's time limit"));
    }
    polled_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCancelCheck);
  }
  return absl::OkStatus();
}

absl::Duration UpstreamPoller::Interval() const {
  absl::Duration interval = absl::InfiniteDuration();
  for (const auto& [service, follower] : followers_) interval = std::min(interval, follower.poll);
  return interval;
}

absl::Time UpstreamPoller::Run() {
  std::set<std::string> refs;
  std::map<std::string, Follower> followers;
  absl::Duration interval;
  int64_t ticket;
  double fraction;
  {
    MutexLock lock(mutex_);
    followers = followers_;
    interval = Interval();
    ticket = requested_;
    fraction = absl::Uniform(random_, 0.0, 1.0);
  }
  for (const auto& [service, follower] : followers) {
    if (follower.following()) refs.insert(follower.ref);
  }
  // The period counts from the beginning of a poll.
  const absl::Time begun = clock_->Now();
  absl::Time next = begun + Jittered(interval, fraction);
  if (!refs.empty()) {
    auto newest = upstream_->Newest(refs);
    failures_ = newest.ok() ? 0 : failures_ + 1;
    if (!newest.ok()) {
      next = clock_->Now() + PollBackoff(interval).After(failures_, fraction);
    }
    if (newest.ok() && on_success_) on_success_(upstream_->name());
    MutexLock telling(telling_);
    for (const auto& [service, follower] : followers) {
      {
        MutexLock lock(mutex_);
        if (!followers_.contains(service)) continue;
      }
      if (!newest.ok()) {
        follower.on_polled(newest.status(), next);
      } else if (auto tip = newest->find(follower.ref); tip != newest->end()) {
        follower.on_polled(tip->second, next);
      }
    }
  }
  MutexLock lock(mutex_);
  completed_ = std::max(completed_, ticket);
  polled_.NotifyAll();
  return followers_.empty() ? absl::InfiniteFuture() : next;
}

}  // namespace gitops
