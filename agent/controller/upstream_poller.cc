#include "agent/controller/upstream_poller.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/schedule/lane.h"

namespace gitops {
namespace {

constexpr std::chrono::milliseconds kCancelCheck{100};
// At a time, of one upstream.
constexpr int kMaxFetches = 2;

}  // namespace

UpstreamPoller::UpstreamPoller(std::shared_ptr<Upstream> upstream, Clock* clock,
                               Scheduler* scheduler,
                               std::function<void(const std::string&)> on_success, Scheduler* pool,
                               RecordStore* records, TipRounds rounds)
    : upstream_(std::move(upstream)),
      clock_(clock),
      on_success_(std::move(on_success)),
      fetches_(NewLane(pool != nullptr ? pool : scheduler, kMaxFetches)),
      records_(records),
      rounds_(std::move(rounds)),
      looks_(upstream_.get(), stop_.get_token()) {
  job_ = scheduler->Add(absl::InfiniteFuture(), [this] { return Run(); });
}

UpstreamPoller::~UpstreamPoller() {
  stop_.request_stop();
  job_.reset();
}

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

void UpstreamPoller::Tell(const Followers& followers, const absl::StatusOr<Upstream::Tips>& newest,
                          const TipLooks::Looked& looked, absl::Time next) {
  std::map<std::string, std::map<std::string, std::shared_ptr<TipNote>>> notes;  // by branch
  if (newest.ok() && rounds_.begin) {
    for (const auto& [ref, tip] : *newest) {
      if (!tip.ok() || told_[ref] == *tip) continue;
      told_[ref] = *tip;
      notes[ref] = {};
    }
  }
  if (!notes.empty()) rounds_.begin();
  {
    MutexLock telling(telling_);
    for (const auto& [service, follower] : followers) {
      {
        MutexLock lock(mutex_);
        if (!followers_.contains(service)) continue;
      }
      if (!newest.ok()) {
        follower.on_polled(newest.status(), next, {}, nullptr);
      } else if (auto tip = newest->find(follower.ref); tip != newest->end()) {
        TipLook look;
        const auto found = looked.untouched.find(service);
        if (found != looked.untouched.end()) {
          if (!found->second.ok()) {
            told_.erase(follower.ref);  // the next poll tells it
            follower.on_polled(found->second.status(), next, {}, nullptr);
            continue;
          }
          look.same_as = *found->second;
        }
        const auto ahead = looked.newest.find(service);
        if (ahead != looked.newest.end()) look.newest = ahead->second;
        const auto commit = looked.commits.find(follower.ref);
        if (commit != looked.commits.end()) look.commit = commit->second;
        std::shared_ptr<TipNote> note;
        if (auto of_ref = notes.find(follower.ref); of_ref != notes.end()) {
          note = of_ref->second[service] = std::make_shared<TipNote>();
        }
        follower.on_polled(tip->second, next, look, std::move(note));
      }
    }
  }
  if (notes.empty()) return;
  std::vector<TipRounds::Moved> moved;
  for (const auto& [ref, of_ref] : notes) {
    const auto commit = looked.commits.find(ref);
    TipRounds::Moved of_branch{.ref = ref, .tip = *newest->at(ref)};
    if (commit != looked.commits.end()) of_branch.commit = commit->second;
    for (const auto& [service, note] : of_ref) {
      if (note->Close()) of_branch.services.push_back(service);
    }
    if (!of_branch.services.empty()) moved.push_back(std::move(of_branch));
  }
  rounds_.end(std::move(moved));
}

void UpstreamPoller::StoreTips(const Followers& followers, const Upstream::Tips& tips) {
  if (records_ == nullptr) return;
  std::map<std::string, std::vector<Followers::const_pointer>> by_ref;
  for (const auto& entry : followers) by_ref[entry.second.ref].push_back(&entry);
  for (const auto& [ref, tip] : tips) {
    if (!tip.ok()) continue;
    std::pair<std::string, RecordStore::Generations>& before = stored_[ref];
    std::pair<std::string, RecordStore::Generations> now = {*tip, {}};
    std::string user;
    bool news = false;
    for (const auto* entry : by_ref[ref]) {
      const auto& [service, follower] = *entry;
      if (!follower.at) continue;
      const ServicePlace place = follower.at();
      if (place.revision != *tip) continue;
      user = follower.user;
      now.second[service] = place.generation;
      if (place.stored || news) continue;
      const auto known = before.second.find(service);
      news =
          before.first != *tip || known == before.second.end() || known->second != place.generation;
    }
    if (!news) continue;
    const absl::Status stored = records_->SaveTip({upstream_->name(), user, ref}, now.first,
                                                  looks_.Described(ref), now.second);
    if (stored.ok()) {
      before = std::move(now);
    } else {
      LogWarning("cannot store which revision was verified; it is verified again after a restart",
                 {{"upstream", upstream_->name()}, {"error", std::string(stored.message())}});
    }
  }
}

absl::Time UpstreamPoller::Run() {
  std::set<std::string> refs;
  std::map<std::string, Follower> followers;
  absl::Duration interval;
  int64_t ticket;
  bool asked;  // by a pull, or a new follower
  double fraction;
  {
    MutexLock lock(mutex_);
    followers = followers_;
    interval = Interval();
    ticket = requested_;
    asked = ticket > completed_;
    fraction = absl::Uniform(random_, 0.0, 1.0);
  }
  for (const auto& [service, follower] : followers) refs.insert(follower.ref);
  if (asked) looks_.AskAgain();
  // The period counts from the beginning of a poll.
  const absl::Time begun = clock_->Now();
  absl::Time next = begun + Jittered(interval, fraction);
  if (!refs.empty()) {
    auto newest = upstream_->Newest(refs, stop_.get_token());
    if (newest.ok() && on_success_) on_success_(upstream_->name());
    TipLooks::Looked looked;
    if (newest.ok()) looked = looks_.Look(followers, *newest);
    failures_ = newest.ok() && !looked.failed ? 0 : failures_ + 1;
    if (failures_ > 0) next = clock_->Now() + PollBackoff(interval).After(failures_, fraction);
    Tell(followers, newest, looked, next);
    if (newest.ok()) StoreTips(followers, *newest);
  }
  MutexLock lock(mutex_);
  completed_ = std::max(completed_, ticket);
  polled_.NotifyAll();
  return followers_.empty() ? absl::InfiniteFuture() : next;
}

}  // namespace gitops
