#include "services/planner/lock/host_locks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

// The notice of a broken lock expires if its deployment never reads it.
constexpr absl::Duration kNoticeLife = absl::Hours(24);
// Between reading and breaking a lock, only its holder and the end of its lease can change it.
constexpr int kBreakAttempts = 10;
// How long a waiter pauses; also how long a change that does not free all hosts waits for more
// changes: a deployment that releases a thousand hosts one by one must not cause a thousand reads.
constexpr absl::Duration kPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestBetweenLooks = absl::Seconds(2);

std::string Since(const v1::HostLock& lock) {
  return absl::FormatTime(absl::RFC3339_sec, FromTimestamp(lock.acquire_time()),
                          absl::UTCTimeZone());
}

absl::Status Locked(const std::string& deployment, const std::vector<v1::HostLock>& holders) {
  const v1::HostLock& first = holders.front();
  const std::string more =
      holders.size() == 1 ? "" : absl::StrCat(" (and ", holders.size() - 1, " more)");
  return MakeError(
      Reason::kHostLocked,
      absl::StrCat("lock hosts for the deployment ", deployment, ": the host ", first.host(),
                   " is locked by the deployment ", first.deployment(), " of ", first.actor(),
                   " since ", Since(first), more, "; wait for its end, or break a stuck lock"),
      {{"host", first.host()}, {"deployment", first.deployment()}, {"actor", first.actor()}});
}

bool SameHolders(const std::vector<v1::HostLock>& a, const std::vector<v1::HostLock>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const v1::HostLock& one, const v1::HostLock& other) {
                      return one.host() == other.host() && one.fencing() == other.fencing();
                    });
}

// Tells when it is worth reading the locks of some hosts again. Follows them by a watch, and also
// suggests a look now and then in case the watch misses something. One thread uses it:
//   waiter.BeginLook();  read the locks;  waiter.EndLook(locks that others hold);
//   while (!waiter.Await()) { give up? }
class LockWaiter {
 public:
  LockWaiter(Store* store, Clock* clock, const std::vector<std::string>& hosts)
      : clock_(clock), hosts_(hosts.begin(), hosts.end()) {
    // Deleting a missing key changes nothing, and returns the store's revision.
    absl::StatusOr<int64_t> now = store->Write({{.key = "planner/v1/none"}});
    if (!now.ok()) return;
    auto watch = store->Watch(kLockPrefix, *now, [this](const StoreEvent& event) { See(event); });
    if (watch.ok()) watch_ = *std::move(watch);
  }

  // Changes after this are newer than the locks that the caller reads.
  void BeginLook() {
    MutexLock lock(mutex_);
    looking_ = true;
    changed_ = false;
    meanwhile_.clear();
  }

  void EndLook(const std::vector<v1::HostLock>& held) {
    MutexLock lock(mutex_);
    looking_ = false;
    looked_ = clock_->SteadyNow();
    held_.clear();
    for (const v1::HostLock& other : held) held_.insert(other.host());
    // Applies changes that the look may have seen too, which at worst causes an extra look.
    for (const auto& [host, locked] : meanwhile_) Apply(host, locked);
  }

  // Returns true when none of the hosts is held any more, some time after a change, and after a
  // longer time in any case. Otherwise returns false after a short time, so that the caller can do
  // something else.
  bool Await() {
    MutexLock lock(mutex_);
    const SteadyTime end = clock_->SteadyNow() + kPause;
    while (!held_.empty()) {
      if (clock_->WaitUntil(mutex_, wake_, end)) continue;
      return changed_ || clock_->SteadyNow() >= looked_ + kLongestBetweenLooks;
    }
    return true;
  }

 private:
  void See(const StoreEvent& event) {
    const std::string host(absl::StripPrefix(event.key, kLockPrefix));
    if (!hosts_.contains(host)) return;
    MutexLock lock(mutex_);
    if (looking_) meanwhile_.emplace_back(host, event.value.has_value());
    Apply(host, event.value.has_value());
  }

  void Apply(const std::string& host, bool locked) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    changed_ = true;
    if (locked) {
      held_.insert(host);
    } else {
      held_.erase(host);
    }
    if (held_.empty()) wake_.NotifyAll();
  }

  Clock* const clock_;
  const std::set<std::string> hosts_;
  Mutex mutex_;
  CondVar wake_;
  bool looking_ ABSL_GUARDED_BY(mutex_) = false;
  // Changes during a look: a host, and whether it was locked.
  std::vector<std::pair<std::string, bool>> meanwhile_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> held_ ABSL_GUARDED_BY(mutex_);
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime looked_ ABSL_GUARDED_BY(mutex_);
  // Destroyed first, so that no event comes later. Null: the store could not start one.
  std::unique_ptr<StoreWatch> watch_;
};

// Takes locks for one request. Waiters are not queued: whenever hosts are released, all waiters for
// them try, and the store lets one succeed. Deadlocks are impossible, since nobody holds a lock
// while waiting, and some waiter always makes progress; but smaller deployments can overtake one
// over many hosts again and again.
class Acquisition {
 public:
  Acquisition(const LockOptions& options, const HostLocks::Request& request)
      : options_(options), request_(request), hosts_(request.hosts) {
    std::sort(hosts_.begin(), hosts_.end());
    hosts_.erase(std::unique(hosts_.begin(), hosts_.end()), hosts_.end());
  }

  absl::StatusOr<TakenLocks> Run(LeaseKeeper& keeper) {
    if (absl::Status status = HeedNotices(); !status.ok()) return status;
    if (hosts_.empty()) return TakeNone();
    while (true) {
      absl::StatusOr<std::optional<TakenLocks>> taken = TryOnce(keeper);
      if (!taken.ok()) return taken.status();
      if (taken->has_value()) return **std::move(taken);
      if (absl::Status status = AwaitNextTry(); !status.ok()) return status;
    }
  }

 private:
  // Leaves out locks that were broken while this planner was not running.
  absl::Status HeedNotices() {
    if (request_.resume) return RemoveNotices(*options_.store, request_.deployment);
    const auto broken = HostsWithNotice(*options_.store, request_.deployment);
    if (!broken.ok()) return broken.status();
    std::erase_if(hosts_, [&](const std::string& host) { return broken->contains(host); });
    return absl::OkStatus();
  }

  // None: others hold some of the locks, or were faster.
  absl::StatusOr<std::optional<TakenLocks>> TryOnce(LeaseKeeper& keeper) {
    if (waiter_ != nullptr) waiter_->BeginLook();
    absl::StatusOr<std::map<std::string, StoredLock>> table = ReadLocks(*options_.store);
    if (!table.ok()) return table.status();
    std::vector<v1::HostLock> holders = Others(*table);
    if (waiter_ != nullptr) waiter_->EndLook(holders);
    if (holders.empty()) return Take(*table, keeper);
    if (request_.no_wait) return Locked(request_.deployment, holders);
    if (!SameHolders(holders, holders_) && request_.waiting != nullptr) request_.waiting(holders);
    holders_ = std::move(holders);
    return std::nullopt;
  }

  // The locks of our hosts, except those that this deployment held before a restart.
  std::vector<v1::HostLock> Others(const std::map<std::string, StoredLock>& table) const {
    std::vector<v1::HostLock> others;
    for (const std::string& host : hosts_) {
      auto found = table.find(host);
      if (found == table.end()) continue;
      const v1::HostLock& lock = found->second.lock;
      const bool own = lock.deployment() == request_.deployment &&
                       (lock.planner() == options_.planner || request_.take_over);
      if (!own) others.push_back(lock);
    }
    return others;
  }

  v1::HostLock Holder() const {
    v1::HostLock lock;
    lock.set_deployment(request_.deployment);
    WriteActor(request_.actor, lock);
    lock.set_planner(options_.planner);
    return lock;
  }

  absl::StatusOr<TakenLocks> TakeNone() {
    absl::StatusOr<std::map<std::string, StoredLock>> table = ReadLocks(*options_.store);
    if (!table.ok()) return table.status();
    absl::Status status = GiveBack(*options_.store, Holder(), *table);
    // A lock that changed since it was read is not from before the restart.
    if (!status.ok() && !absl::IsFailedPrecondition(status)) return status;
    return TakenLocks{};
  }

  absl::StatusOr<std::optional<TakenLocks>> Take(const std::map<std::string, StoredLock>& table,
                                                 LeaseKeeper& keeper) {
    const absl::Time now = options_.clock->Now();
    const SteadyTime granted = options_.clock->SteadyNow();
    absl::StatusOr<int64_t> lease = options_.store->GrantLease(options_.ttl);
    if (!lease.ok()) return lease.status();
    v1::HostLock lock = Holder();
    *lock.mutable_acquire_time() = ToTimestamp(now);
    absl::StatusOr<TakenLocks> taken = TakeLocks(*options_.store, now, *lease, lock, hosts_, table);
    if (taken.ok()) {
      keeper.Add(*lease, granted);
      return *std::move(taken);
    }
    // The lease has no locks, so it is of no use.
    (void)options_.store->RevokeLease(*lease);
    if (absl::IsFailedPrecondition(taken.status())) return std::nullopt;
    return taken.status();
  }

  // CANCELLED: gave up.
  absl::Status AwaitNextTry() {
    const bool faster = holders_.empty();
    if (GivesUp()) return Cancelled();
    if (faster) return absl::OkStatus();
    if (waiter_ == nullptr) {
      waiter_ = std::make_unique<LockWaiter>(options_.store, options_.clock, hosts_);
      // Only another look shows what changed between the first look and the start of the watch.
      return absl::OkStatus();
    }
    while (!waiter_->Await()) {
      if (GivesUp()) return Cancelled();
    }
    return GivesUp() ? Cancelled() : absl::OkStatus();
  }

  bool GivesUp() const { return request_.give_up != nullptr && request_.give_up(); }

  absl::Status Cancelled() const {
    return absl::CancelledError(absl::StrCat("lock hosts for the deployment ", request_.deployment,
                                             ": gave up waiting for others to release them"));
  }

  const LockOptions& options_;
  const HostLocks::Request& request_;
  std::vector<std::string> hosts_;
  std::vector<v1::HostLock> holders_;  // as told last
  std::unique_ptr<LockWaiter> waiter_;
};

}  // namespace

HostLocks::HostLocks(LockOptions options)
    : options_(std::move(options)),
      keeper_(std::make_shared<LeaseKeeper>(options_.store, options_.clock, options_.ttl)) {}

absl::StatusOr<std::unique_ptr<HeldLocks>> HostLocks::Acquire(const Request& request) {
  if (request.deployment.empty()) {
    return absl::InvalidArgumentError("lock hosts: no deployment is named to hold the locks");
  }
  absl::StatusOr<TakenLocks> taken = Acquisition(options_, request).Run(*keeper_);
  if (!taken.ok()) return taken.status();
  return std::make_unique<HeldLocks>(options_.store, keeper_, request.deployment,
                                     *std::move(taken));
}

absl::StatusOr<std::vector<v1::HostLock>> HostLocks::List() {
  absl::StatusOr<std::map<std::string, StoredLock>> table = ReadLocks(*options_.store);
  if (!table.ok()) return table.status();
  std::vector<v1::HostLock> locks;
  for (auto& [host, stored] : *table) locks.push_back(std::move(stored.lock));
  return locks;
}

absl::StatusOr<v1::HostLock> HostLocks::Get(const std::string& host) {
  absl::StatusOr<StoredLock> stored = ReadLock(*options_.store, host);
  if (!stored.ok()) return stored.status();
  return std::move(stored->lock);
}

absl::StatusOr<v1::HostLock> HostLocks::Break(const std::string& host, const Actor& actor,
                                              const std::string& reason) {
  v1::DeploymentEvent notice;
  *notice.mutable_time() = ToTimestamp(options_.clock->Now());
  WriteActor(actor, notice);
  notice.set_message(reason);
  absl::Status status;
  for (int attempt = 0; attempt < kBreakAttempts; ++attempt) {
    absl::StatusOr<StoredLock> stored = ReadLock(*options_.store, host);
    if (!stored.ok()) return stored.status();
    absl::StatusOr<int64_t> lease = options_.store->GrantLease(kNoticeLife);
    if (!lease.ok()) return lease.status();
    status = TakeAway(*options_.store, *stored, *lease, notice);
    if (status.ok()) return std::move(stored->lock);
    (void)options_.store->RevokeLease(*lease);
    if (!absl::IsFailedPrecondition(status)) return status;
  }
  return absl::UnavailableError(absl::StrCat("break the lock of host ", host,
                                             ": it is taken again and again: ", status.message()));
}

}  // namespace gitops
