#include "agent/controller/upstream_poller.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/state/decide.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/schedule/lane.h"

namespace gitops {
namespace {

constexpr std::chrono::milliseconds kCancelCheck{100};
// At a time, of one upstream.
constexpr int kFetches = 2;

// The upstream could not be asked for the revision: no service gets further by asking it again.
bool IsOfUpstream(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

}  // namespace

UpstreamPoller::UpstreamPoller(std::shared_ptr<Upstream> upstream, Clock* clock,
                               Scheduler* scheduler,
                               std::function<void(const std::string&)> on_success, Scheduler* pool,
                               RecordStore* records, TipRounds rounds)
    : upstream_(std::move(upstream)),
      clock_(clock),
      on_success_(std::move(on_success)),
      fetches_(NewLane(pool != nullptr ? pool : scheduler, kFetches)),
      records_(records),
      rounds_(std::move(rounds)) {
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

void UpstreamPoller::Compare(
    const Groups& groups, const Upstream::Tips& tips,
    absl::FunctionRef<void(const std::string& service, const std::string& from,
                           const absl::StatusOr<bool>& touched)>
        found) {
  for (const auto& [key, group] : groups) {
    const auto& [ref, from] = key;
    const auto touched =
        upstream_->Touched(ref, from, *tips.at(ref), group.paths, stop_.get_token());
    for (const auto& [service, follower] : group.followers) {
      if (!touched.ok()) {
        found(service, from, touched.status());
        continue;
      }
      const auto& paths = follower->paths;
      found(service, from,
            paths.empty() || std::any_of(paths.begin(), paths.end(), [&](const auto& path) {
              return touched->contains(path);
            }));
    }
  }
}

UpstreamPoller::Looked UpstreamPoller::Look(const Followers& followers,
                                            const Upstream::Tips& tips) {
  Looked looked;
  Groups all, since_newest;
  std::map<std::string, ServicePlace> watched;
  std::set<std::string> failed;
  const auto add = [](Groups& groups, const std::string& from, const auto& entry) {
    Group& group = groups[{entry.second.ref, from}];
    group.paths.insert(entry.second.paths.begin(), entry.second.paths.end());
    group.followers[entry.first] = &entry.second;
  };
  for (const auto& entry : followers) {
    const auto& [service, follower] = entry;
    const auto tip = tips.find(follower.ref);
    if (!follower.at || tip == tips.end() || !tip->second.ok()) continue;
    const ServicePlace place = follower.at();
    if (place.watched) {
      if (place.published.empty()) continue;
      if (compared_[service] == std::array{*tip->second, place.published, place.newest}) continue;
      if (incomparable_[service] == std::pair(*tip->second, place.published)) continue;
      watched[service] = place;
      if (place.published == *tip->second) looked.newest[service] = "";
    }
    const std::string& from = place.watched ? place.published : place.revision;
    if (!from.empty() && from != *tip->second) add(all, from, entry);
  }
  Compare(all, tips,
          [&](const std::string& service, const std::string& from,
              const absl::StatusOr<bool>& touched) {
            const auto place = watched.find(service);
            if (IsOfUpstream(touched.status())) {
              looked.failed = true;
              if (place == watched.end()) looked.untouched[service] = touched.status();
            } else if (place == watched.end()) {
              // Where it cannot be told, each service looks for itself, and tells why it cannot.
              if (touched.ok() && !*touched) looked.untouched[service] = from;
            } else if (touched.ok() && !*touched) {
              looked.newest[service] = "";
            } else if (const std::string& newest = place->second.newest;
                       newest.empty() || newest == *tips.at(followers.at(service).ref)) {
              looked.newest[service] = *tips.at(followers.at(service).ref);
              if (!touched.ok()) failed.insert(service);
            } else {
              add(since_newest, newest, *followers.find(service));
            }
          });
  // What came after the newest one may be nothing to the service.
  Compare(since_newest, tips,
          [&](const std::string& service, const std::string& from,
              const absl::StatusOr<bool>& touched) {
            if (IsOfUpstream(touched.status())) {
              looked.failed = true;
            } else {
              const bool same = touched.ok() && !*touched;
              looked.newest[service] = same ? from : *tips.at(followers.at(service).ref);
              if (!touched.ok()) failed.insert(service);
            }
          });
  for (const auto& [service, newest] : looked.newest) {
    const std::string& tip = *tips.at(followers.at(service).ref);
    if (failed.contains(service)) {
      incomparable_[service] = {tip, watched[service].published};
    } else {
      compared_[service] = {tip, watched[service].published, newest};
    }
  }
  if (!looked.failed) DescribeTips(followers, tips, looked);
  return looked;
}

void UpstreamPoller::DescribeTips(const Followers& followers, const Upstream::Tips& tips,
                                  Looked& looked) {
  // A service that has to be prepared fetches the commit itself; others have it now, or need no
  // more of it than this.
  std::set<std::string> refs;
  for (const auto& [service, follower] : followers) {
    if (!follower.at || refs.contains(follower.ref)) continue;
    const auto tip = tips.find(follower.ref);
    if (tip == tips.end() || !tip->second.ok()) continue;
    const ServicePlace place = follower.at();
    const auto newest = looked.newest.find(service);
    const bool news = newest != looked.newest.end() && newest->second == *tip->second;
    const bool shows = !place.revision.empty() || (place.watched && place.shows_tip);
    if (news || (shows && place.described != *tip->second)) refs.insert(follower.ref);
  }
  for (const std::string& ref : refs) {
    const std::string& tip = *tips.at(ref);
    if (described_[ref].hash != tip) {
      if (indescribable_[ref] == tip) continue;
      auto commit = upstream_->Describe(ref, tip, stop_.get_token());
      if (IsOfUpstream(commit.status())) {
        looked.failed = true;
      } else if (!commit.ok()) {
        indescribable_[ref] = tip;
      }
      if (!commit.ok()) continue;
      described_[ref] = *std::move(commit);
    }
    looked.commits[ref] = described_[ref];
  }
}

void UpstreamPoller::Tell(const Followers& followers, const absl::StatusOr<Upstream::Tips>& newest,
                          const Looked& looked, absl::Time next) {
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
    const absl::Status stored =
        records_->SaveTip({upstream_->name(), user, ref}, now.first, described_[ref], now.second);
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
  if (asked) {
    incomparable_.clear();
    indescribable_.clear();
  }
  std::erase_if(compared_, [&](const auto& entry) { return !followers.contains(entry.first); });
  // The period counts from the beginning of a poll.
  const absl::Time begun = clock_->Now();
  absl::Time next = begun + Jittered(interval, fraction);
  if (!refs.empty()) {
    auto newest = upstream_->Newest(refs, stop_.get_token());
    if (newest.ok() && on_success_) on_success_(upstream_->name());
    Looked looked;
    if (newest.ok()) looked = Look(followers, *newest);
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
