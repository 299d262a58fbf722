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
#include "common/sync/mutex.h"
#include "services/planner/fleet/fleet_state.h"
#include "services/planner/fleet/notifier.h"
#include "services/planner/fleet/reported.h"
#include "services/planner/fleet/seen_writer.h"

namespace gitops {
namespace {

constexpr absl::Duration kWarnEvery = absl::Seconds(10);

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
    const auto connect = [&]() -> absl::StatusOr<uint64_t> {
      if (absl::Status names = CheckNames(hello); !names.ok()) return names;
      const ServicesByHost services = CleanServices(hello.services());
      absl::StatusOr<uint64_t> stream = 0;
      Do([&](FleetState& state, absl::Time now) {
        stream = state.Connect(hello, peer, caller, services, now);
      });
      return stream;
    };
    const absl::StatusOr<uint64_t> stream = connect();
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
    {
      MutexLock lock(mutex_);
      const HostEntry* entry = state_.FindEntry(absl::AsciiStrToLower(host));
      if (entry == nullptr) return {};
      if (entry->facts == nullptr) return state_.Placed(*entry);
      name = entry->name;
      services = entry->services;
    }
    return services.List(name);
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
      });
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

  void Load() {
    const absl::Status loaded =
        LoadSeen(options_.store, [this](const std::string& key, const record::v1::SeenHost& seen) {
          MutexLock lock(mutex_);
          state_.Load(key, seen);
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
