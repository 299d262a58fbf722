#include "agent/controller/service_controller.h"

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace gitops {
namespace {

// How often a waiting caller checks whether its client is gone.
constexpr std::chrono::milliseconds kCancelCheck{100};

bool SameVisibly(const ServiceRecord& a, const ServiceRecord& b) {
  return a.state == b.state && a.info == b.info && a.hash == b.hash && a.target == b.target &&
         a.pinned == b.pinned && a.frozen_by == b.frozen_by;
}

std::string WithReason(absl::string_view what, const std::string& reason) {
  return reason.empty() ? std::string(what) : absl::StrCat(what, ": ", reason);
}

}  // namespace

ServiceController::ServiceController(ServiceOptions options, ServiceDrivers drivers)
    : options_(std::move(options)),
      policy_{.coordinated = options_.spec.tracking == Tracking::kCoordinated,
              .rollback_on_failure = options_.spec.rollback_on_failure},
      drivers_(std::move(drivers)) {}

absl::StatusOr<std::unique_ptr<ServiceController>> ServiceController::Start(
    ServiceOptions options, ServiceDrivers drivers) {
  auto controller = std::unique_ptr<ServiceController>(
      new ServiceController(std::move(options), std::move(drivers)));
  if (absl::Status status = controller->Load(); !status.ok()) return status;
  controller->Begin();
  return controller;
}

absl::Status ServiceController::Load() {
  absl::StatusOr<std::optional<ServiceRecord>> stored = options_.records->Load(spec().service);
  const bool damaged = absl::IsDataLoss(stored.status());
  if (!stored.ok() && !damaged) return stored.status();
  absl::StatusOr<std::vector<ChangeRecord>> changes = options_.records->Changes(spec().service);
  if (!changes.ok() && !absl::IsDataLoss(changes.status())) return changes.status();
  const bool has_history = changes.ok() && !changes->empty();
  MutexLock lock(mutex_);
  const ServiceRecord fresh = NewRecord(policy_);
  record_ = stored.ok() && stored->has_value() ? **stored : fresh;
  // After a crash during the first activation, that move has not been recorded yet.
  logged_hash_ = has_history ? changes->front().to_hash : fresh.hash;
  if (has_history) logged_state_ = changes->front().to_state;
  if (!damaged) return absl::OkStatus();
  // It is not known any more whether it was frozen or pinned, so it does not move until somebody
  // unfreezes it. Other services are not affected.
  const std::string error(stored.status().message());
  LogError("the stored state of a service is damaged; the service is frozen until an unfreeze",
           {{"service", spec().service}, {"error", error}});
  return Save(OnFreeze(record_, kAgent), {.reason = absl::StrCat("freeze: ", error)});
}

void ServiceController::Begin() {
  MutexLock lock(job_mutex_);
  job_ = options_.scheduler->Add(options_.clock->Now(), [this] { return Run(); });
}

ServiceController::~ServiceController() { Stop(); }

void ServiceController::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    attempted_.NotifyAll();
  }
  InterruptSource();
  drivers_.activator->Stop();
  std::unique_ptr<Scheduler::Job> job;
  {
    MutexLock lock(job_mutex_);
    job = std::move(job_);
  }
}

void ServiceController::InterruptSource() {
  MutexLock lock(mutex_);
  source_stop_.request_stop();
}

std::stop_token ServiceController::SourceStop() {
  MutexLock lock(mutex_);
  return source_stop_.get_token();
}

void ServiceController::WakeJob() {
  MutexLock lock(job_mutex_);
  if (job_ != nullptr) job_->Wake();
}

ServiceView ServiceController::View() const {
  MutexLock lock(mutex_);
  ServiceView view{record_, last_poll_,
                   record_.frozen ? next_attempt_ : std::min(next_poll_, next_attempt_)};
  // A move is not shown as complete before its activation has ended.
  if (record_.pending.empty() || record_.frozen) return view;
  view.record.hash = logged_hash_;
  if (record_.last_good.empty() && record_.state == State::kOk) {
    view.record.state = State::kDiff;
    view.record.info = "the first revision is being activated";
  }
  return view;
}

bool ServiceController::Following() const {
  MutexLock lock(mutex_);
  return !record_.frozen;
}

std::vector<std::string> ServiceController::Revisions() const { return drivers_.source->Ready(); }

absl::StatusOr<std::vector<ChangeRecord>> ServiceController::Changes() const {
  return options_.records->Changes(spec().service);
}

absl::Status ServiceController::Save(ServiceRecord next, const Why& why, bool force) {
  const bool asked_for = !why.reason.empty() && why.actor != kAgent;
  if (next == record_ && !unsaved_ && !asked_for) return absl::OkStatus();
  if (!SameVisibly(next, record_)) {
    next.change_time = options_.clock->Now();
    ++next.generation;
  }
  // A move in progress is not a change yet; other events meanwhile are not its reason.
  const std::string& hash = next.pending.empty() || next.frozen ? next.hash : logged_hash_;
  const bool moved =
      !logged_state_.has_value() || hash != logged_hash_ || next.state != logged_state_;
  std::optional<ChangeRecord> change;
  if (asked_for || (moved && !why.reason.empty())) {
    change = ChangeRecord{.time = options_.clock->Now(),
                          .from_hash = logged_hash_,
                          .to_hash = hash,
                          .from_state = logged_state_.value_or(record_.state),
                          .to_state = next.state,
                          .reason = why.reason,
                          .actor = why.actor,
                          .duration = why.duration};
  }
  const bool tell = change.has_value() || (next.info != record_.info && !next.info.empty());
  absl::Status saved = options_.records->Save(spec().service, next, change);
  unsaved_ = !saved.ok() && force;
  if (!saved.ok() && !force) return saved;
  record_ = std::move(next);
  if (saved.ok() && change.has_value()) {
    logged_hash_ = change->to_hash;
    logged_state_ = change->to_state;
  }
  if (tell) {
    LogInfo("service changed", {{"service", spec().service},
                                {"state", std::string(StateName(record_.state))},
                                {"hash", record_.hash},
                                {"info", record_.info},
                                {"reason", why.reason},
                                {"actor", why.actor.text()}});
  }
  return saved;
}

void ServiceController::Change(const std::function<ServiceRecord(ServiceRecord)>& change,
                               const Why& why) {
  absl::Status saved;
  {
    MutexLock lock(mutex_);
    saved = Save(change(record_), why, /*force=*/true);
  }
  if (!saved.ok()) {
    LogError("cannot store the state of a service; it is kept in memory and stored when possible",
             {{"service", spec().service}, {"error", std::string(saved.message())}});
  }
  if (options_.on_change) options_.on_change();
}

std::string ServiceController::Named(absl::string_view message) const {
  return absl::StrCat(spec().service, ": ", message);
}

absl::Status ServiceController::Refuse(Reason reason, absl::string_view message) const {
  return MakeError(reason, Named(message), {{"service", spec().service}});
}

absl::Status ServiceController::Frozen() const {
  return MakeError(
      Reason::kServiceFrozen,
      Named(absl::StrCat("is frozen by ", record_.frozen_by.text(), "; unfreeze it first")),
      {{"service", spec().service}, {"frozen_by", record_.frozen_by.text()}});
}

absl::Status ServiceController::Ending() const {
  return Refuse(Reason::kServerStopping,
                "its configuration is being changed, or the agent is stopping; try again");
}

void ServiceController::OnPolled(const absl::StatusOr<std::string>& tip, absl::Time next_poll) {
  if (absl::IsCancelled(tip.status())) return;  // the agent is stopping
  bool work = false;
  bool answers_again = false;
  {
    MutexLock lock(mutex_);
    next_poll_ = next_poll;
    answers_again = !record_.poll_error.empty();
    if (tip.ok()) last_poll_ = options_.clock->Now();
    const bool same = tip.ok() ? record_.poll_error.empty() && record_.target == *tip
                               : record_.poll_error == tip.status().message();
    if (record_.frozen || same) return;
    work = tip.ok() && record_.target != *tip;
  }
  if (tip.ok()) {
    Change([&](ServiceRecord record) { return OnTip(std::move(record), *tip); },
           {.reason = answers_again ? "the upstream answers again" : ""});
  } else {
    const std::string error(tip.status().message());
    Change([&](ServiceRecord record) { return OnPollFailed(std::move(record), error); },
           {.reason = error});
  }
  if (work) WakeJob();
}

absl::StatusOr<ServiceRecord> ServiceController::Freeze(const Actor& actor,
                                                        const std::string& reason) {
  ServiceRecord after;
  {
    MutexLock publish(publish_mutex_);
    MutexLock lock(mutex_);
    if (stopping_) return Ending();
    absl::Status saved = Save(OnFreeze(record_, actor), {WithReason("freeze", reason), actor, {}});
    if (!saved.ok()) return saved;
    ++commands_;
    after = record_;
  }
  if (options_.on_change) options_.on_change();
  return after;
}

absl::StatusOr<ServiceRecord> ServiceController::Unfreeze(const Actor& actor,
                                                          const std::string& reason) {
  ServiceRecord after;
  {
    MutexLock publish(publish_mutex_);
    MutexLock lock(mutex_);
    if (stopping_) return Ending();
    if (!record_.frozen) return record_;
    absl::Status saved = Save(OnUnfreeze(record_), {WithReason("unfreeze", reason), actor, {}});
    if (!saved.ok()) return saved;
    ++commands_;
    ++requested_;
    after = record_;
  }
  if (options_.on_change) options_.on_change();
  WakeJob();
  if (options_.poll_now) options_.poll_now();
  return after;
}

absl::StatusOr<std::string> ServiceController::FindRevision(absl::string_view prefix) {
  std::string found;
  for (const std::string& revision : drivers_.source->Ready()) {
    if (!absl::StartsWith(revision, prefix)) continue;
    if (!found.empty()) {
      return Refuse(Reason::kRevisionAmbiguous,
                    absl::StrCat("several revisions on disk begin with ", prefix, ": ", found, ", ",
                                 revision, "; give more digits"));
    }
    found = revision;
  }
  if (!found.empty()) return found;
  // A fetch in progress may take forever; the job starts it again afterwards.
  {
    MutexLock lock(mutex_);
    ++source_wanted_;
    source_stop_.request_stop();
  }
  absl::StatusOr<std::string> resolved;
  {
    MutexLock source(source_mutex_);
    {
      MutexLock lock(mutex_);
      --source_wanted_;
      source_stop_ = {};
    }
    resolved = drivers_.source->Resolve(prefix);
    MutexLock lock(mutex_);
    if (source_wanted_ > 0) source_stop_.request_stop();
  }
  WakeJob();
  return resolved;
}

absl::StatusOr<ServiceRecord> ServiceController::Rollback(absl::string_view prefix,
                                                          const Actor& actor,
                                                          const std::string& reason,
                                                          const Patience& patience) {
  int64_t commands;
  {
    MutexLock lock(mutex_);
    commands = commands_;
  }
  absl::StatusOr<std::string> revision = FindRevision(prefix);
  if (!revision.ok()) return revision.status();
  int64_t ticket = 0;
  {
    MutexLock publish(publish_mutex_);
    MutexLock lock(mutex_);
    if (stopping_) return Ending();
    // Finding the revision may have taken long: do nothing for a caller that is gone, and do not
    // override a newer command.
    if (patience.cancelled() || options_.clock->Now() >= patience.deadline) {
      return absl::DeadlineExceededError(
          Named("timed out while looking up the revision; nothing was changed"));
    }
    if (commands_ != commands) {
      return Refuse(Reason::kSuperseded,
                    "another command came in while the revision was looked up; nothing was "
                    "changed");
    }
    absl::Status saved =
        Save(OnRollback(record_, *revision, actor), {WithReason("rollback", reason), actor, {}});
    if (!saved.ok()) return saved;
    ++commands_;
    ticket = ++requested_;
  }
  if (options_.on_change) options_.on_change();
  // A fetch in progress is obsolete, and its upstream may take forever. If the job has already
  // started with the new record, this costs one more run.
  InterruptSource();
  WakeJob();
  return AwaitAttempt(
      ticket, [&](const ServiceRecord& record) { return record.pinned != *revision; }, patience);
}

absl::Status ServiceController::MaySync() const {
  if (stopping_) return Ending();
  if (!policy_.coordinated) {
    return Refuse(Reason::kServiceNotCoordinated,
                  "follows its branch by itself (tracking = auto); deployments do not move it");
  }
  return record_.frozen ? Frozen() : absl::OkStatus();
}

absl::StatusOr<ServiceController::Sync> ServiceController::StartSync(absl::string_view prefix,
                                                                     const Actor& actor,
                                                                     const std::string& reason,
                                                                     const Patience& patience) {
  Sync sync;
  int64_t commands;
  {
    MutexLock lock(mutex_);
    if (absl::Status may = MaySync(); !may.ok()) return may;
    commands = commands_;
    if (record_.coordinated == prefix && IsHealthyAt(record_, prefix)) {
      return Sync{record_.hash, record_.hash, completed_};
    }
  }
  absl::StatusOr<std::string> revision = FindRevision(prefix);
  if (!revision.ok()) {
    const std::string message =
        Named(absl::StrCat("finding ", prefix, ": ", revision.status().message()));
    const bool answered =
        absl::IsNotFound(revision.status()) || absl::IsFailedPrecondition(revision.status());
    if (answered) return WithMessage(revision.status(), message);
    return absl::InternalError(message);
  }
  {
    MutexLock publish(publish_mutex_);
    MutexLock lock(mutex_);
    if (patience.cancelled() || options_.clock->Now() >= patience.deadline) {
      return absl::DeadlineExceededError(
          Named("timed out while looking up the revision; nothing was changed"));
    }
    if (commands_ != commands) {
      return Refuse(Reason::kSuperseded,
                    "another command came in while the revision was looked up; nothing was "
                    "changed");
    }
    if (absl::Status may = MaySync(); !may.ok()) return may;
    sync = {*revision, logged_hash_, 0};
    const std::string what = absl::StrCat("sync to ", *revision);
    absl::Status saved = Save(OnSync(record_, *revision), {WithReason(what, reason), actor, {}});
    if (!saved.ok()) return saved;
    ++commands_;
    sync.ticket = ++requested_;
  }
  if (options_.on_change) options_.on_change();
  // As in Rollback: a fetch in progress may be obsolete.
  InterruptSource();
  WakeJob();
  return sync;
}

absl::StatusOr<ServiceRecord> ServiceController::AwaitSync(const Sync& sync,
                                                           const Patience& patience) {
  absl::StatusOr<ServiceRecord> record = AwaitAttempt(
      sync.ticket,
      [&](const ServiceRecord& now) { return now.frozen || now.coordinated != sync.revision; },
      patience);
  if (!record.ok() || IsHealthyAt(*record, sync.revision)) return record;
  return absl::InternalError(Named(absl::StrCat(
      "is ", StateName(record->state),
      record->hash.empty() ? ", with nothing published" : absl::StrCat(" at ", record->hash),
      " after the attempt to move to ", sync.revision, record->info.empty() ? "" : ": ",
      record->info)));
}

absl::StatusOr<ServiceRecord> ServiceController::TakeUp(const Patience& patience) {
  int64_t ticket = 0;
  {
    MutexLock lock(mutex_);
    if (stopping_) return Ending();
    if (record_.frozen) return Frozen();
    ticket = ++requested_;
  }
  WakeJob();
  return AwaitAttempt(
      ticket, [](const ServiceRecord&) { return false; }, patience);
}

absl::StatusOr<ServiceRecord> ServiceController::AwaitAttempt(
    int64_t ticket, const std::function<bool(const ServiceRecord&)>& superseded,
    const Patience& patience) {
  MutexLock lock(mutex_);
  for (;;) {
    if (superseded(record_)) {
      return Refuse(Reason::kSuperseded, "another command came in between; look at its state");
    }
    if (completed_ >= ticket && record_.state != State::kRollback) return record_;
    if (stopping_) return Ending();
    if (patience.cancelled()) return absl::CancelledError(Named("the caller is gone"));
    if (options_.clock->Now() >= patience.deadline) {
      return absl::DeadlineExceededError(Named("timed out; it is still in progress"));
    }
    attempted_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCancelCheck);
  }
}

absl::StatusOr<std::vector<DriftEntry>> ServiceController::Diff() {
  MutexLock publish(publish_mutex_);
  std::string published;
  {
    MutexLock lock(mutex_);
    published = record_.published;
  }
  if (published.empty()) {
    return Refuse(Reason::kNothingPublished, "nothing is published yet");
  }
  return drivers_.publisher->Drift(published, /*with_untracked=*/true);
}

}  // namespace gitops
