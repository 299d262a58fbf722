#include "services/planner/run/deployment_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"

namespace gitops {
namespace {

constexpr int kMostEvents = 200;
// The shortest time between two writes of counts alone.
constexpr absl::Duration kSavePeriod = absl::Milliseconds(300);

// The plan was checked, so a policy that cannot be read, which means one host at a time, is not
// expected.
RolloutPolicy PolicyOf(const DeploymentRecord& entry) {
  absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf(entry.deployment.spec().rollout());
  return policy.ok() ? *policy : RolloutPolicy();
}

// What a decision's reason says beyond the counts of failed hosts ("1 host failed, more than
// --max-failures 0"), which the tally tells with the hosts' names. Only counts begin with a digit.
std::string BeyondCounts(const std::string& reason) {
  if (reason.empty() || !absl::ascii_isdigit(reason[0])) return reason;
  const size_t more = reason.find(", more than ");
  return more == std::string::npos ? "" : reason.substr(more + 2);
}

}  // namespace

void AddEvent(DeploymentRecord& entry, absl::Time now, const std::string& message,
              const Actor& actor) {
  auto& events = *entry.deployment.mutable_events();
  // The first one tells how it began.
  if (events.size() >= kMostEvents) events.DeleteSubrange(1, events.size() - kMostEvents + 1);
  v1::DeploymentEvent* event = events.Add();
  *event->mutable_time() = ToTimestamp(now);
  event->set_message(message);
  WriteActor(actor, *event);
}

void EndHost(HostRecord& host, v1::HostDeploymentState state, const std::string& message,
             absl::Time now) {
  host.host.set_state(state);
  host.host.set_message(message);
  *host.host.mutable_end_time() = ToTimestamp(now);
}

DeploymentRun::DeploymentRun(Parts parts, DeploymentRecord entry, std::vector<HostRecord> hosts,
                             std::unique_ptr<HeldLocks> locks)
    : parts_(std::move(parts)),
      facts_(entry),
      policy_(PolicyOf(entry)),
      began_(Now()),
      steady_began_(SteadyNow()),
      locks_(std::move(locks)),
      probes_(options().agents, options().clock),
      entry_(std::move(entry)) {
  MutexLock lock(mutex_);
  cancelled_ = entry_.state.cancel_requested();
  slots_.reserve(hosts.size());
  for (HostRecord& host : hosts) {
    slots_.push_back({.entry = std::move(host)});
  }
}

void DeploymentRun::Run() {
  int64_t subscription = 0;
  if (policy_.catch_up) {
    subscription = options().fleet->Subscribe([this](const std::string& host) { HeardOf(host); });
  }
  ProbeFirstHosts();
  if (TakeLocks() && Start()) {
    while (Turn()) {
    }
  }
  probes_.Stop();
  AwaitWorkers();
  if (subscription != 0) options().fleet->Unsubscribe(subscription);
  if (lost_ && !stopping_) Interrupt();
  if (parts_.counted) parts_.counted({});
}

void DeploymentRun::Stop() {
  stopping_ = true;
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

bool DeploymentRun::Pause(absl::Duration pause) {
  const SteadyTime end = SteadyNow() + pause;
  MutexLock lock(mutex_);
  while (!leaving() && options().clock->WaitUntil(mutex_, changed_, end)) {
  }
  return !leaving();
}

void DeploymentRun::SaveCounts() {
  {
    MutexLock lock(mutex_);
    if (!dirty_ || SteadyNow() < saved_ + kSavePeriod) return;
  }
  saved_ = SteadyNow();
  // If it fails, the next write stores it.
  (void)Change([](Entry&) {});
}

absl::StatusOr<v1::Deployment> DeploymentRun::Cancel(const Actor& actor,
                                                     const std::string& reason) {
  const absl::Status status = Change([&](Entry& entry) {
    entry.state.set_cancel_requested(true);
    entry.deployment.set_state(v1::DEPLOYMENT_STATE_CANCELLING);
    AddEvent(entry, Now(), absl::StrCat("cancelled", reason.empty() ? "" : ": ", reason), actor);
  });
  if (!status.ok()) return status;
  MutexLock lock(mutex_);
  return entry_.deployment;
}

// Stores that it runs, and continues hosts that an earlier process had begun.
bool DeploymentRun::Start() {
  const bool stored = ChangeUntilStored([&](Entry& entry) {
    v1::Deployment& deployment = entry.deployment;
    deployment.set_state(entry.state.cancel_requested() ? v1::DEPLOYMENT_STATE_CANCELLING
                                                        : v1::DEPLOYMENT_STATE_RUNNING);
    deployment.clear_message();
    if (!deployment.has_start_time()) *deployment.mutable_start_time() = ToTimestamp(Now());
  });
  if (!stored) return false;
  CrashPoint("planner-after-lock");
  std::vector<int> begun, rolling_back;
  {
    MutexLock lock(mutex_);
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (!IsUnderWay(slots_[i].state())) continue;
      (slots_[i].entry.rolling_back ? rolling_back : begun).push_back(static_cast<int>(i));
    }
  }
  Work(begun, /*roll_back=*/false, /*recovered=*/true);
  Work(rolling_back, /*roll_back=*/true, /*recovered=*/true);
  return true;
}

// Decides once, carries out the decision, and waits until something changes. False: the deployment
// has ended, or this process is leaving.
bool DeploymentRun::Turn() {
  if (leaving()) return false;
  const absl::Time now = DecisionTime();
  const SteadyTime began = SteadyNow();
  Decision decision;
  {
    MutexLock lock(mutex_);
    woken_ = false;
    decision = Decide(policy_, Stand(now), now);
    stop_after_step_ = decision.stop_running;
  }
  Count(decision.reason);
  const absl::Duration took = SteadyNow() - began;
  if (Ends(decision)) return false;
  if (Apply(decision)) return true;
  Await(decision);
  SaveCounts();
  AwaitWork(decision, now);
  RestAfter(took);
  return true;
}

// Whether the decision is that the deployment has ended, which is then stored.
bool DeploymentRun::Ends(const Decision& decision) {
  static const std::map<Decision::End, v1::DeploymentState> kStates = {
      {Decision::End::kSucceeded, v1::DEPLOYMENT_STATE_SUCCEEDED},
      {Decision::End::kFailed, v1::DEPLOYMENT_STATE_FAILED},
      {Decision::End::kCancelled, v1::DEPLOYMENT_STATE_CANCELLED}};
  const auto state = kStates.find(decision.end);
  if (state == kStates.end()) return false;
  Finish(state->second, decision.reason);
  return true;
}

// Whether anything was done that needs another decision.
bool DeploymentRun::Apply(const Decision& decision) {
  if (decision.pause_after_wave > 0) {
    saved_ = SteadyTime::InfinitePast();  // so that its message is stored at once
    const absl::Time until = DecisionTime() + policy_.pause_between;
    return ChangeUntilStored([&](Entry& entry) {
      entry.state.set_paused_after(decision.pause_after_wave);
      *entry.state.mutable_pause_until() = ToTimestamp(until);
    });
  }
  if (decision.begin_rollback_wave > 0) {
    saved_ = SteadyTime::InfinitePast();
    return ChangeUntilStored([&](Entry& entry) {
      entry.state.set_rollback_wave(decision.begin_rollback_wave);
      entry.state.set_rollback_reason(decision.reason);
      AddEvent(entry, Now(),
               absl::StrCat("wave ", decision.begin_rollback_wave,
                            " is rolled back: ", decision.reason));
    });
  }
  BeginHosts(decision.begin);
  Work(decision.roll_back, /*roll_back=*/true, /*recovered=*/false);
  return !decision.begin.empty() || !decision.roll_back.empty();
}

RolloutStand DeploymentRun::Stand(absl::Time now) {
  RolloutStand stand;
  stand.hosts.reserve(slots_.size());
  for (const Slot& slot : slots_) {
    stand.hosts.push_back({.wave = slot.entry.host.wave(),
                           .state = slot.retry ? v1::HOST_DEPLOYMENT_STATE_PENDING : slot.state()});
  }
  const record::v1::DeploymentEntry& state = entry_.state;
  stand.cancelled = state.cancel_requested();
  stand.halted = state.halt_reason();
  if (state.has_pause_until()) stand.pause_until = FromTimestamp(state.pause_until());
  stand.paused_after = state.paused_after();
  stand.rollback_wave = state.rollback_wave();
  stand.catch_up_over = state.has_catch_up_until() && now >= FromTimestamp(state.catch_up_until());
  return stand;
}

// Waits until something changes, or until the time of the next decision. That may be now, since
// storing takes time.
void DeploymentRun::AwaitWork(const Decision& decision, absl::Time decided) {
  MutexLock lock(mutex_);
  SteadyTime deadline = SteadyTime::Infinite();
  const auto until = [&](absl::Time time) {
    if (time > decided) deadline = std::min(deadline, steady_began_ + (time - began_));
  };
  const record::v1::DeploymentEntry& state = entry_.state;
  if (state.has_pause_until()) until(FromTimestamp(state.pause_until()));
  if (state.has_catch_up_until()) until(FromTimestamp(state.catch_up_until()));
  if (!decision.await.empty()) deadline = std::min(deadline, next_try_);
  if (dirty_) deadline = std::min(deadline, saved_ + kSavePeriod);
  while (!woken_ && !leaving() && options().clock->WaitUntil(mutex_, changed_, deadline)) {
  }
}

// Updates counts and message from the hosts, in memory.
void DeploymentRun::Count(const std::string& reason) {
  PhaseCounts phases{};
  {
    MutexLock lock(mutex_);
    Tally tally;
    for (const Slot& slot : slots_) Add(slot.entry, tally);
    std::string why = reason;
    if (!tally.failed.empty() || !tally.unreachable.empty()) why = BeyondCounts(why);
    phases = tally.phases;
    v1::Deployment& deployment = entry_.deployment;
    std::vector<std::string> told;
    for (const std::string& text :
         {trouble_, TroubleText(tally), entry_.state.rollback_reason(), why}) {
      const bool said = absl::StrContains(absl::StrJoin(told, "; "), text);
      if (!text.empty() && !said) told.push_back(text);
    }
    const absl::Time pause_until = FromTimestamp(entry_.state.pause_until());
    if (entry_.state.has_pause_until() && DecisionTime() < pause_until) {
      told.push_back(
          absl::StrCat("pauses after wave ", entry_.state.paused_after(), " until ",
                       absl::FormatTime(absl::RFC3339_sec, pause_until, absl::UTCTimeZone())));
    }
    const std::string message = absl::StrJoin(told, "; ");
    const std::string cause = CauseText(tally, deployment.cause());
    dirty_ |= SetCounts(tally, deployment) || message != deployment.message() ||
              cause != deployment.cause();
    deployment.set_message(message);
    deployment.set_cause(cause);
  }
  if (phases == told_ || !parts_.counted) return;
  told_ = phases;
  parts_.counted(phases);
}

// Call it before the end is stored, so that the next deployment over these hosts need not wait.
void DeploymentRun::ReleaseLocks() {
  if (locks_ == nullptr) return;
  // Locks that are not released now end with the lease.
  if (absl::Status status = locks_->ReleaseAll(); !status.ok()) {
    LogWarning("locks of a deployment that has ended could not be released",
               {{"deployment", id()}, {"error", std::string(status.message())}});
  }
}

void DeploymentRun::Finish(v1::DeploymentState state, const std::string& reason) {
  CrashPoint("planner-before-end");
  ReleaseLocks();
  End(state, [&](Entry& entry) {
    if (entry.deployment.message().empty()) entry.deployment.set_message(reason);
  });
}

// Stores that it has ended in this state, together with `change`.
void DeploymentRun::End(v1::DeploymentState state, const std::function<void(Entry&)>& change) {
  absl::Duration took;
  const bool stored = ChangeUntilStored([&](Entry& entry) {
    change(entry);
    v1::Deployment& deployment = entry.deployment;
    deployment.set_state(state);
    *deployment.mutable_end_time() = ToTimestamp(Now());
    took = Now() - FromTimestamp(deployment.has_start_time() ? deployment.start_time()
                                                             : deployment.create_time());
  });
  if (stored && options().observer.ended) options().observer.ended(state, took);
}

}  // namespace gitops
