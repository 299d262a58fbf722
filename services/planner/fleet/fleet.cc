#include "services/planner/fleet/fleet.h"

#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/log/log.h"
#include "common/store/convert.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "services/planner/fleet/fleet_state.h"
#include "services/planner/fleet/reported.h"

namespace gitops {
namespace {

constexpr absl::Duration kWarnEvery = absl::Seconds(10);
constexpr char kSeenPrefix[] = "planner/v1/seen/";
constexpr char kHealthPrefix[] = "planner/v1/health/";
constexpr size_t kLongestAnswer = 1024;  // of a failed check, as it is kept
constexpr size_t kBatch = 100;           // a transaction of etcd holds 128 writes
constexpr size_t kBatchBytes = 4 << 20;
constexpr absl::Duration kRetry = absl::Seconds(5);

// Tells subscribers which hosts changed, from a thread of its own, so that a slow subscriber does
// not hold up agents that report; each name once, however often it changed meanwhile. Any thread.
class Notifier {
 public:
  using Callback = std::function<void(const std::string& host)>;

  ~Notifier() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      wake_.NotifyAll();
    }
    thread_.join();
  }

  void Changed(const std::string& host) {
    MutexLock lock(mutex_);
    if (subscribers_.empty()) return;
    changed_.insert(host);
    wake_.NotifyAll();
  }

  // Calls `changed` for each change from now on, and perhaps for some just before. Never 0.
  int64_t Subscribe(Callback changed) {
    MutexLock lock(mutex_);
    subscribers_[++last_] = std::move(changed);
    return last_;
  }

  // Waits until its callback no longer runs, unless called from there.
  void Unsubscribe(int64_t id) {
    MutexLock lock(mutex_);
    subscribers_.erase(id);
    if (std::this_thread::get_id() == thread_.get_id()) return;
    while (telling_ == id && id != 0) told_.Wait(mutex_);
  }

 private:
  void Run() {
    MutexLock lock(mutex_);
    while (!stopping_) {
      if (changed_.empty()) {
        wake_.Wait(mutex_);
        continue;
      }
      const std::string host = std::move(changed_.extract(changed_.begin()).value());
      for (auto next = subscribers_.begin(); next != subscribers_.end();) {
        telling_ = next->first;
        // A copy, since the subscriber may unsubscribe during the call.
        const Callback callback = next->second;
        mutex_.Unlock();
        callback(host);
        mutex_.Lock();
        next = subscribers_.upper_bound(std::exchange(telling_, 0));
        told_.NotifyAll();
      }
    }
  }

  Mutex mutex_;
  CondVar wake_;
  CondVar told_;
  std::map<int64_t, Callback> subscribers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t telling_ ABSL_GUARDED_BY(mutex_) = 0;  // 0: none
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_{[this] { Run(); }};
};

// Stores the last reports of hosts, on a thread of its own, many in one write, so that a slow or
// full disk does not hold up agents. Retries a write that is UNAVAILABLE; after another error, the
// next reports of hosts are stored. Any thread.
class SeenWriter {
 public:
  // `current` returns what to store of a host at the time of the write; none: the host was
  // forgotten. Called without locks held. Neither pointer is owned.
  SeenWriter(Store* store, Clock* clock,
             std::function<std::optional<std::string>(const std::string& host)> current)
      : store_(store), clock_(clock), current_(std::move(current)) {}

  // Stores what is pending, but does not retry.
  ~SeenWriter() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      wake_.NotifyAll();
    }
    thread_.join();
  }

  // The host changed.
  void Touch(const std::string& host) {
    MutexLock lock(mutex_);
    pending_.insert(host);
    wake_.NotifyAll();
  }

 private:
  std::set<std::string> Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::set<std::string> batch;
    while (!pending_.empty() && batch.size() < kBatch) {
      batch.insert(pending_.extract(pending_.begin()));
    }
    return batch;
  }

  void Run() {
    bool failing = false;
    MutexLock lock(mutex_);
    while (true) {
      while (pending_.empty() && !stopping_) wake_.Wait(mutex_);
      if (pending_.empty()) return;
      std::set<std::string> batch = Take();
      mutex_.Unlock();
      const absl::Status written = Write(batch);
      mutex_.Lock();
      const bool retry = absl::IsUnavailable(written);
      if (!written.ok() && !failing) {
        LogWarning("cannot store which hosts were seen",
                   {{"error", std::string(written.message())}, {"retry", retry ? "yes" : "no"}});
      }
      failing = !written.ok();
      if (!retry) continue;
      pending_.merge(batch);
      if (stopping_) return;
      const SteadyTime again = clock_->SteadyNow() + kRetry;
      while (!stopping_ && clock_->WaitUntil(mutex_, wake_, again)) {
      }
    }
  }

  absl::Status Write(const std::set<std::string>& hosts) {
    std::vector<StoreWrite> writes;
    size_t bytes = 0;
    for (const std::string& host : hosts) {
      StoreWrite write{.key = absl::StrCat(kSeenPrefix, host), .value = current_(host)};
      bytes += write.value.has_value() ? write.value->size() : 0;
      // A host that is forgotten takes its mark along.
      if (!write.value.has_value()) writes.push_back({.key = absl::StrCat(kHealthPrefix, host)});
      writes.push_back(std::move(write));
      if (bytes < kBatchBytes && writes.size() < kBatch) continue;
      if (absl::Status written = store_->Write(writes).status(); !written.ok()) return written;
      writes.clear();
      bytes = 0;
    }
    return writes.empty() ? absl::OkStatus() : store_->Write(writes).status();
  }

  Store* const store_;
  Clock* const clock_;
  const std::function<std::optional<std::string>(const std::string& host)> current_;
  Mutex mutex_;
  CondVar wake_;
  std::set<std::string> pending_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_{[this] { Run(); }};
};

class FleetImpl final : public Fleet {
 public:
  explicit FleetImpl(FleetOptions options)
      : options_(options), state_(options.stale_after, options.limits) {
    if (options_.store != nullptr) Load();
    watcher_ = std::thread([this] { Watch(); });
  }

  ~FleetImpl() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      wake_.NotifyAll();
    }
    watcher_.join();
    writer_.reset();
  }

  void Configure(std::shared_ptr<const FleetConfig> config) override {
    Do([&](FleetState& state, absl::Time now) { state.Configure(std::move(config), now); });
  }

  std::shared_ptr<const FleetConfig> config() const override {
    MutexLock lock(mutex_);
    return state_.config();
  }

  absl::StatusOr<std::unique_ptr<AgentReport>> Connected(const v1::Hello& hello,
                                                         const std::string& peer,
                                                         const Principal& caller) override {
    absl::StatusOr<uint64_t> stream = 0;
    if (absl::Status names = CheckNames(hello); names.ok()) {
      const ServicesByHost services = CleanServices(hello.services());
      Do([&](FleetState& state, absl::Time now) {
        stream = state.Connect(hello, peer, caller, services, now);
      });
    } else {
      stream = names;
    }
    if (stream.ok()) return std::make_unique<Report>(this, *stream);
    Warn(Refusal(peer, stream.status()));
    return stream.status();
  }

  FleetView Hosts() const override {
    MutexLock lock(mutex_);
    return state_.Hosts();
  }

  absl::StatusOr<FleetHost> Find(const std::string& host) const override {
    MutexLock lock(mutex_);
    return state_.Find(host);
  }

  std::vector<v1::Service> Services(const std::string& host) const override {
    std::string name;
    ReportedServices services;
    std::optional<v1::FailedHealth> failed;
    bool stale = false;
    {
      MutexLock lock(mutex_);
      const std::string key = absl::AsciiStrToLower(host);
      const HostEntry* entry = state_.FindEntry(key);
      if (entry == nullptr) return {};
      if (entry->facts == nullptr) return state_.Placed(*entry);
      name = entry->name;
      services = entry->services;
      stale = entry->state == v1::HOST_STATE_STALE;
      if (const v1::FailedHealth* mark = state_.FailedHealthOf(key)) failed = *mark;
    }
    std::vector<v1::Service> list = services.List(name);
    for (v1::Service& service : list) {
      if (stale) service.set_sync(v1::SYNC_STATUS_UNKNOWN);
      if (failed.has_value()) *service.mutable_failed_health() = *failed;
    }
    return list;
  }

  absl::StatusOr<bool> MarkHealth(const std::string& host,
                                  std::optional<v1::FailedHealth> failed) override {
    const std::string key = absl::AsciiStrToLower(host);
    if (failed.has_value()) failed->set_message(CleanText(failed->message(), kLongestAnswer));
    MutexLock health(health_mutex_);
    {
      MutexLock lock(mutex_);
      if (state_.FindEntry(key) == nullptr) return state_.Find(host).status();
      if (!failed.has_value() && state_.FailedHealthOf(key) == nullptr) return false;
    }
    if (options_.store != nullptr) {
      const absl::Status stored = StoreHealth(host, key, failed);
      if (!stored.ok()) return stored;
    }
    Do([&](FleetState& state, absl::Time) { state.MarkHealth(key, std::move(failed)); });
    return true;
  }

  bool HasService(const std::string& host, const std::string& service) const override {
    MutexLock lock(mutex_);
    return state_.HasService(host, service);
  }

  bool AwaitsCoordinated(const std::string& host, const std::string& service) const override {
    MutexLock lock(mutex_);
    return state_.AwaitsCoordinated(host, service);
  }

  ReportMemory memory() const override {
    MutexLock lock(mutex_);
    return state_.memory();
  }

  int64_t Subscribe(std::function<void(const std::string& host)> changed) override {
    return notifier_.Subscribe(std::move(changed));
  }
  void Unsubscribe(int64_t id) override { notifier_.Unsubscribe(id); }

 private:
  class Report final : public AgentReport {
   public:
    Report(FleetImpl* fleet, uint64_t stream) : fleet_(fleet), stream_(stream) {}
    ~Report() override {
      fleet_->Do([this](FleetState& state, absl::Time now) { state.End(stream_, now); });
    }
    absl::Status Changed(const v1::ServicesChanged& changed) override {
      const ServicesByHost services = CleanServices(changed.services());
      const std::set<std::string> removed(changed.removed().begin(), changed.removed().end());
      absl::Status kept;
      fleet_->Do([&](FleetState& state, absl::Time now) {
        kept = state.Change(stream_, services, removed, now);
        if (kept.ok() && changed.has_config()) {
          state.TakeConfig(stream_, CleanConfig(changed.config()), now);
        }
      });
      return kept;
    }
    absl::Status TipVerified(const v1::TipVerified& verified) override {
      const VerifiedTip tip = CleanTip(verified);
      absl::Status kept;
      fleet_->Do(
          [&](FleetState& state, absl::Time now) { kept = state.TakeTip(stream_, tip, now); });
      return kept;
    }
    void Heartbeat() override {
      fleet_->Do([this](FleetState& state, absl::Time now) { state.Heartbeat(stream_, now); });
    }
    bool outdated() const override {
      MutexLock lock(fleet_->mutex_);
      return fleet_->state_.Outdated(stream_);
    }

   private:
    FleetImpl* const fleet_;
    const uint64_t stream_;
  };

  // Changes the state under the lock, then carries out the consequences without it.
  void Do(const std::function<void(FleetState&, absl::Time now)>& change) {
    FleetChanges changes;
    {
      MutexLock lock(mutex_);
      const absl::Time now = options_.clock->Now();
      change(state_, now);
      changes = state_.TakeChanges();
      if (now + options_.stale_after < next_look_) {
        next_look_ = now + options_.stale_after;
        wake_.NotifyAll();
      }
    }
    Tell(changes);
  }

  void Tell(const FleetChanges& changes) {
    for (const FleetChanges::Warning& warning : changes.warnings) Warn(warning);
    if (writer_ != nullptr) {
      for (const std::string& key : changes.to_store) writer_->Touch(key);
    }
    for (const std::string& host : changes.changed) notifier_.Changed(host);
  }

  // Limits the rate of each kind of warning, since agents can cause any number of them.
  void Warn(const FleetChanges::Warning& warning) {
    int64_t omitted = 0;
    {
      MutexLock lock(warned_mutex_);
      Warned& warned = warned_[warning.message];
      const SteadyTime now = options_.clock->SteadyNow();
      if (now < warned.next) {
        ++warned.omitted;
        return;
      }
      warned.next = now + kWarnEvery;
      omitted = std::exchange(warned.omitted, 0);
    }
    LogWarning(warning.message, {{"host", warning.host},
                                 {"peer", warning.peer},
                                 {"other_peer", warning.other_peer},
                                 {"error", warning.error},
                                 {"not_logged_before", absl::StrCat(omitted)}});
  }

  absl::Status StoreHealth(const std::string& host, const std::string& key,
                           const std::optional<v1::FailedHealth>& failed) {
    const Table<record::v1::HostHealth> table(options_.store, kHealthPrefix);
    if (!failed.has_value()) return options_.store->Write({table.Delete(key)}).status();
    record::v1::HostHealth record;
    record.set_host(host);
    Convert(*failed, *record.mutable_failed());
    return options_.store->Write({table.Put(key, record)}).status();
  }

  void LoadHealth() {
    const Table<record::v1::HostHealth> table(options_.store, kHealthPrefix);
    const absl::Status loaded =
        table.ForEach("", "", [this](Table<record::v1::HostHealth>::Row& row) {
          MutexLock lock(mutex_);
          if (row.message.ok()) {
            state_.MarkHealth(row.name, Converted<v1::FailedHealth>(row.message->failed()));
          }
          return true;
        });
    if (!loaded.ok()) {
      LogWarning("cannot load which hosts failed their health checks; going on without",
                 {{"error", std::string(loaded.message())}});
    }
  }

  void Load() {
    LoadHealth();
    const Table<record::v1::SeenHost> table(options_.store, kSeenPrefix);
    const absl::Status loaded =
        table.ForEach("", "", [this](Table<record::v1::SeenHost>::Row& row) {
          MutexLock lock(mutex_);
          if (row.message.ok()) state_.Load(row.name, *row.message);
          return true;
        });
    if (!loaded.ok()) {
      LogWarning("cannot load which hosts were seen before; going on without",
                 {{"error", std::string(loaded.message())}});
    }
    writer_ = std::make_unique<SeenWriter>(options_.store, options_.clock,
                                           [this](const std::string& key) { return Seen(key); });
  }

  // What to store of a host; none: it was forgotten.
  std::optional<std::string> Seen(const std::string& key) const {
    std::optional<HostEntry> entry;
    {
      MutexLock lock(mutex_);
      const HostEntry* found = state_.FindEntry(key);
      if (found != nullptr && found->facts != nullptr) entry = *found;
    }
    if (!entry.has_value()) return std::nullopt;
    return ToSeen(*entry).SerializeAsString();
  }

  // Looks for silent agents whenever the next one may have become silent.
  void Watch() {
    while (true) {
      FleetChanges changes;
      {
        MutexLock lock(mutex_);
        if (stopping_) return;
        next_look_ = state_.LookForSilent(options_.clock->Now());
        changes = state_.TakeChanges();
        if (changes.changed.empty()) options_.clock->WaitUntil(mutex_, wake_, next_look_);
      }
      Tell(changes);
    }
  }

  const FleetOptions options_;
  Notifier notifier_;
  mutable Mutex mutex_;
  CondVar wake_;
  mutable FleetState state_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Mutex health_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // one change of a mark at a time
  struct Warned {
    SteadyTime next = SteadyTime::InfinitePast();
    int64_t omitted = 0;
  };
  Mutex warned_mutex_;
  std::map<absl::string_view, Warned> warned_ ABSL_GUARDED_BY(warned_mutex_);  // by message
  std::unique_ptr<SeenWriter> writer_;
  std::thread watcher_;
};

}  // namespace

std::unique_ptr<Fleet> NewFleet(FleetOptions options) {
  return std::make_unique<FleetImpl>(options);
}

}  // namespace gitops
