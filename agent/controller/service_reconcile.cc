// The job of a ServiceController: one attempt to bring the service to where it should be.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/controller/service_controller.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"

namespace gitops {
namespace {

constexpr absl::Duration kShortestInspection = absl::Seconds(1);
// The minimum between two runs without a wake-up, so that the job never spins.
constexpr absl::Duration kShortestPause = absl::Milliseconds(10);
// Drift checks take at most this part of the time.
constexpr int kInspectionShare = 50;

}  // namespace

absl::Time ServiceController::Run() {
  int64_t ticket;
  bool forced;
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::InfiniteFuture();
    ticket = requested_;
    forced = requested_ > completed_;
  }
  const bool attempted = Reconcile(forced);
  Inspect();
  MutexLock lock(mutex_);
  if (attempted) completed_ = std::max(completed_, ticket);
  attempted_.NotifyAll();
  return std::max(std::min(next_attempt_, next_inspection_),
                  options_.clock->Now() + kShortestPause);
}

absl::Status ServiceController::EnsurePrepared() {
  if (prepared_) return absl::OkStatus();
  absl::Status status = drivers_.activator->Prepare();
  prepared_ = status.ok();
  // A package may have created the user that the fetch needs.
  if (prepared_ && !spec().package.empty() && options_.poll_now) options_.poll_now();
  return status;
}

void ServiceController::NoteOutcome(const std::string& target, bool ok) {
  MutexLock lock(mutex_);
  if (ok) {
    failures_ = 0;
    failing_target_.clear();
    next_attempt_ = absl::InfiniteFuture();
    return;
  }
  failures_ = target == failing_target_ ? failures_ + 1 : 1;
  failing_target_ = target;
  next_attempt_ = options_.clock->Now() + PollBackoff(options_.poll).After(failures_);
}

bool ServiceController::Reconcile(bool forced) {
  ServiceRecord record;
  bool waiting;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    // An interrupting call first changes the record, or is counted, and wakes the job afterwards.
    if (source_wanted_ == 0) source_stop_ = {};
    record = record_;
    waiting = options_.clock->Now() < next_attempt_ && next_attempt_ != absl::InfiniteFuture();
    if (unsaved_) (void)Save(record_, {}, /*force=*/true);
  }
  if (waiting && !forced && DesiredRevision(record, policy_) == failing_target_) return true;
  if (absl::Status status = EnsurePrepared(); !status.ok()) {
    Change(
        [&](ServiceRecord r) {
          return OnSourceFailed(std::move(r), std::string(status.message()));
        },
        {.reason = std::string(status.message())});
    NoteOutcome(DesiredRevision(record, policy_), false);
    return true;
  }
  absl::StatusOr<std::string> visible;
  {
    MutexLock publish(publish_mutex_);
    visible = drivers_.publisher->Published();
  }
  if (!visible.ok()) {
    LogWarning("cannot determine the published revision",
               {{"service", spec().service}, {"error", std::string(visible.status().message())}});
    visible = std::string();
  }
  const Step step = NextStep(record, policy_, *visible);
  if (step.kind == Step::Kind::kNone) {
    established_ = !record.published.empty();
    NoteOutcome("", true);
    if (!record.source_error.empty() && record.drift.empty() && established_) {
      Change(
          [](ServiceRecord r) {
            r.source_error.clear();
            return Settled(std::move(r));
          },
          {.reason = "the problem is solved"});
    }
    return true;
  }
  // Files that somebody removed by hand are drift: Inspect() reports or corrects it.
  const bool taken_away = established_ && step.kind == Step::Kind::kPublish &&
                          step.hash == record.hash && record.pending.empty();
  if (taken_away && !forced) {
    NoteOutcome("", true);
    return true;
  }
  const bool first = record.last_good.empty() || visible->empty();
  absl::Status status = Execute(step, /*afresh=*/false, first);
  if (status.ok()) established_ = true;
  if (absl::IsCancelled(status)) return false;
  NoteOutcome(step.hash, status.ok());
  return true;
}

absl::Status ServiceController::Execute(const Step& step, bool afresh, bool first) {
  const absl::Time began = options_.clock->Now();
  const std::string reason = ReasonFor(step, afresh);
  if (step.kind == Step::Kind::kActivate) return Activate(step, first, began, reason);
  {
    MutexLock source(source_mutex_);
    absl::Status status;
    bool same = false;
    if (step.kind == Step::Kind::kCompare) {
      absl::StatusOr<bool> compared =
          drivers_.source->SameContent(View().record.published, step.hash, SourceStop());
      status = compared.status();
      same = compared.ok() && *compared;
    }
    if (status.ok() && !same) {
      status =
          drivers_.source->Prepare(step.revision, afresh || WasEdited(step.revision), SourceStop());
    }
    if (absl::IsCancelled(status)) return status;
    if (!status.ok()) {
      const std::string error(status.message());
      Change([&](ServiceRecord r) { return OnSourceFailed(std::move(r), error); },
             {.reason = error});
      return status;
    }
    if (same) {
      Change(
          [&](ServiceRecord r) {
            return DesiredRevision(r, policy_) == step.hash ? OnSameContent(std::move(r), step.hash)
                                                            : r;
          },
          {.reason = absl::StrCat(
               policy_.coordinated ? "requested by a deployment" : "new commit upstream",
               ", but no file of this service changed")});
      return absl::OkStatus();
    }
  }
  CrashPoint("after-checkout");
  if (absl::Status status = Publish(step); !status.ok()) return status;
  absl::Status status = Activate(step, first, began, reason);
  const ServiceRecord record = View().record;
  MutexLock source(source_mutex_);
  absl::Status pruned = drivers_.source->Prune(
      spec().keep_revisions,
      {record.published, record.last_good, record.pinned, record.pending, record.hash});
  if (!pruned.ok()) {
    LogWarning("cannot remove old revisions",
               {{"service", spec().service}, {"error", std::string(pruned.message())}});
  }
  return status;
}

std::string ServiceController::ReasonFor(const Step& step, bool afresh) const {
  if (afresh) return "the drift was corrected";
  MutexLock lock(mutex_);
  if (logged_hash_ != step.hash) {
    return policy_.coordinated ? "requested by a deployment" : "new commit upstream";
  }
  return step.kind == Step::Kind::kActivate ? "activated by a retry" : "published again";
}

// Inspect() and the service's drift policy handle published files.
bool ServiceController::WasEdited(const std::string& revision) {
  if (revision == View().record.published) return false;
  const std::vector<std::string> ready = drivers_.source->Ready();
  if (std::find(ready.begin(), ready.end(), revision) == ready.end()) return false;
  MutexLock publish(publish_mutex_);
  const absl::StatusOr<bool> intact = drivers_.publisher->IsIntact(revision);
  if (intact.ok() && *intact) return false;
  LogWarning("a revision on disk is written again, because its files were changed",
             {{"service", spec().service},
              {"revision", revision},
              {"error", std::string(intact.status().message())}});
  return true;
}

absl::Status ServiceController::Publish(const Step& step) {
  absl::Status status;
  {
    MutexLock publish(publish_mutex_);
    {
      MutexLock lock(mutex_);
      if (stopping_) return absl::CancelledError("the agent is stopping");
      if (DesiredRevision(record_, policy_) != step.hash) {
        return absl::AbortedError("a newer command has replaced this one");
      }
      status = Save(OnPublishing(record_, step.revision), {});
    }
    if (!status.ok()) {
      const std::string error =
          absl::StrCat("not published, because the state cannot be stored: ", status.message());
      Change([&](ServiceRecord r) { return OnSourceFailed(std::move(r), error); },
             {.reason = error});
      return status;
    }
    CrashPoint("before-publish");
    status = drivers_.publisher->Publish(step.revision);
    CrashPoint("after-publish");
    if (status.ok()) Change([&](ServiceRecord r) { return OnPublished(std::move(r), step); }, {});
    CrashPoint("after-published-stored");
  }
  if (!status.ok()) {
    const std::string error = absl::StrCat("publishing ", step.revision, ": ", status.message());
    Change([&](ServiceRecord r) { return OnSourceFailed(std::move(r), error); }, {.reason = error});
  }
  return status;
}

absl::Status ServiceController::Activate(const Step& step, bool first, absl::Time began,
                                         const std::string& reason) {
  // After a crash between exchange and store, the record does not have the published revision yet.
  if (View().record.published != step.revision) {
    Change([&](ServiceRecord r) { return OnPublished(std::move(r), step); }, {});
  }
  CrashPoint("before-activate");
  absl::Status status = drivers_.activator->Activate(first);
  CrashPoint("after-activate");
  const absl::Duration took = options_.clock->Now() - began;
  if (status.code() == absl::StatusCode::kCancelled) return status;  // pending: done after restart
  if (status.ok()) {
    const ServiceRecord record = View().record;
    Why why{.reason = reason, .actor = kAgent, .duration = took};
    if (record.pinned == step.hash) why = {"rolled back", record.frozen_by, took};
    Change([](ServiceRecord r) { return OnActivated(std::move(r)); }, why);
    CrashPoint("after-activated-stored");
    return status;
  }
  const std::string error(status.message());
  Change([&](ServiceRecord r) { return OnActivationFailed(std::move(r), error); },
         {.reason = error, .actor = "agent", .duration = took});
  FallBack(began);
  return status;
}

void ServiceController::FallBack(absl::Time began) {
  const ServiceRecord record = View().record;
  const std::string fallback = FallbackRevision(record, policy_);
  if (fallback.empty()) return;
  CrashPoint("before-fallback");
  absl::Status status;
  {
    MutexLock source(source_mutex_);
    status = drivers_.source->Prepare(fallback, WasEdited(fallback), SourceStop());
  }
  if (status.ok()) {
    MutexLock publish(publish_mutex_);
    {
      // A command since the failure takes precedence.
      MutexLock lock(mutex_);
      if (stopping_ || record_.failed != record.failed ||
          FallbackRevision(record_, policy_) != fallback) {
        return;
      }
    }
    status = drivers_.publisher->Publish(fallback);
    if (status.ok()) {
      Change([&](ServiceRecord r) { return OnFallbackPublished(std::move(r), fallback); }, {});
    }
  }
  if (!status.ok()) {
    const std::string error = absl::StrCat("cannot return to ", fallback, ": ", status.message());
    Change([&](ServiceRecord r) { return OnSourceFailed(std::move(r), error); }, {.reason = error});
    return;
  }
  status = drivers_.activator->Activate(/*first=*/true);
  if (absl::IsCancelled(status)) return;  // pending: done after restart
  const std::string error(status.message());
  Change([&](ServiceRecord r) { return OnFellBack(std::move(r), fallback, error); },
         {.reason = absl::StrCat("returned to the last good revision; ", record.activation_error),
          .actor = "agent",
          .duration = options_.clock->Now() - began});
}

void ServiceController::Inspect() {
  const absl::Time began = options_.clock->Now();
  if (began < next_inspection_) return;
  const ServiceRecord record = View().record;
  if (record.published.empty() || !record.pending.empty()) {
    next_inspection_ = began + std::max(options_.poll, kShortestInspection);
    return;
  }
  absl::StatusOr<std::vector<DriftEntry>> entries;
  {
    MutexLock publish(publish_mutex_);
    entries = drivers_.publisher->Drift(record.published, /*with_untracked=*/false);
  }
  const absl::Duration took = options_.clock->Now() - began;
  next_inspection_ =
      began + std::max({options_.poll, kShortestInspection, took * kInspectionShare});
  if (const auto found = drift_scans_.Judge(entries)) CorrectDrift(record, *found);
  if (!entries.ok()) {
    LogWarning("cannot check for drift",
               {{"service", spec().service}, {"error", std::string(entries.status().message())}});
  }
  absl::Status health = drivers_.activator->CheckHealth();
  if (health.code() == absl::StatusCode::kUnavailable || View().record.frozen) return;
  const std::string error(health.message());
  if (error == View().record.activation_error) return;
  Change([&](ServiceRecord r) { return OnHealth(std::move(r), error); },
         {.reason = error.empty() ? "the unit is healthy again" : error});
  if (!View().record.activation_error.empty() && View().record.failed.empty()) {
    NoteOutcome(DesiredRevision(View().record, policy_), false);
  }
}

void ServiceController::CorrectDrift(const ServiceRecord& record,
                                     const DriftScans::Finding& found) {
  const std::string& drift = found.drift;
  if (drift.empty() && record.drift.empty()) return;
  if (!found.correct || spec().drift == DriftPolicy::kReport) {
    Change([&](ServiceRecord r) { return OnDrift(std::move(r), drift); },
           {.reason = drift.empty() ? "there is no drift any more" : drift});
    return;
  }
  LogInfo("correcting drift", {{"service", spec().service}, {"drift", drift}});
  Change([&](ServiceRecord r) { return OnDrift(std::move(r), drift); }, {.reason = drift});
  const Step step{Step::Kind::kPublish, record.published, record.hash};
  absl::Status status = Execute(step, /*afresh=*/true, /*first=*/false);
  if (!status.ok()) {
    LogWarning("cannot correct drift",
               {{"service", spec().service}, {"error", std::string(status.message())}});
  }
}

}  // namespace gitops
