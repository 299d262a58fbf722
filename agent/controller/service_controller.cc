#include "agent/controller/service_controller.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace gitops {
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
  absl::StatusOr<std::optional<ServiceRecord>> stored =
      options_.records->Load(spec().service, &rebuilt_);
  const bool damaged = absl::IsDataLoss(stored.status());
  if (!stored.ok() && !damaged) return stored.status();
  const bool is_new = stored.ok() && !stored->has_value();
  record_ = stored.ok() && !is_new ? **stored : NewRecord(policy_);
  LoadTip(/*whole=*/stored.ok() && !is_new && rebuilt_.empty());
  std::set<std::string> links;
  for (const DirectorySpec& directory : spec().directories) links.insert(directory.link);
  // Not empty: that is what an older agent stored.
  if (links.empty()) links.insert("");
  if (record_.links != links) {
    record_ = OnLinks(std::move(record_), links);
    if (!is_new) ++record_.generation;
    // Stored before anything is verified for these links and kept in memory only. Of a frozen
    // service nothing is.
    unsaved_ = !is_new && !damaged && !record_.frozen;
  }
  // A move in progress was not recorded in the history yet.
  NoteLogged(
      record_.pending.empty() || record_.hash != record_.pending ? record_.hash : record_.last_good,
      record_);
  if (stored.ok() && stored->has_value()) logged_state_ = record_.state;
  if (!damaged) return absl::OkStatus();
  // It is not known any more whether it was frozen or pinned, so it does not move until somebody
  // unfreezes it. Other services are not affected.
  const std::string error(stored.status().message());
  LogError("the stored state of a service is damaged; the service is frozen until an unfreeze",
           {{"service", spec().service}, {"error", error}});
  ServiceRecord frozen = OnFreeze(record_, kAgent);
  frozen.change_time = options_.clock->Now();
  const auto entry = EntryFor(frozen, {.reason = absl::StrCat("freeze: ", error)});
  record_ = std::move(frozen);
  logged_state_ = record_.state;
  return options_.records->Save(spec().service, record_, entry);
}

void ServiceController::LoadTip(bool whole) {
  const auto tip = options_.records->VerifiedTip(spec().service,
                                                 {options_.upstream, spec().user, spec().branch});
  if (tip.has_value()) {
    const auto& [hash, generation, commit] = *tip;
    const bool at_tip = whole && !hash.empty() && generation >= record_.generation &&
                        !policy_.coordinated && !record_.frozen && record_.pending.empty() &&
                        record_.activation_error.empty() && !record_.published.empty();
    if (at_tip) {
      record_.hash = record_.target = hash;
      record_ = OnCommit(std::move(record_), commit);
      record_.generation = generation;
    } else if (!whole || generation > record_.generation) {
      // Other than what was seen with that generation. What is rebuilt has lost its own.
      record_.generation = std::max(record_.generation, generation + 1);
    }
  }
  stored_hash_ = record_.hash;
  stored_desired_ = DesiredRevision(record_, policy_);
}

void ServiceController::Begin() {
  ShowView();
  for (size_t i = 0; i < kPools; ++i) {
    const Pool pool = static_cast<Pool>(i);
    jobs_[i] = options_.pools[i]->Add(absl::InfiniteFuture(), [this, pool] {
      RunWork(pool);
      return absl::InfiniteFuture();
    });
  }
  timer_ = options_.scheduler->Add(absl::InfiniteFuture(), [this] {
    Post([this] {
      timer_at_ = absl::InfinitePast();
      wanted_ = true;
    });
    return absl::InfiniteFuture();
  });
  Post([] {});
}

ServiceController::~ServiceController() { Stop(); }

void ServiceController::RequestStop() {
  Post(
      [this] {
        if (std::exchange(stopping_, true)) return;
        Preempt();
        for (const auto& work : work_) work->stop.request_stop();
        drivers_.activator->Stop();
        // What waits for its turn need not wait behind units that hang.
        if (unit_work_.has_value() && TakeBack(unit_work_->pool)) {
          UnitDone(absl::CancelledError("the service ends first"));
        }
        waiters_.Refuse(Ending());
      },
      /*command=*/true);
}

void ServiceController::Announce() {
  Post([this] {
    if (options_.on_change) options_.on_change(/*noted=*/false);
  });
}

void ServiceController::Stop() {
  RequestStop();
  std::array<std::unique_ptr<Scheduler::Job>, kPools> jobs;
  std::unique_ptr<Scheduler::Job> timer;
  MutexLock lock(mutex_);
  while (!at_rest_ || in_turns_) ended_.Wait(mutex_);
  jobs.swap(jobs_);
  timer.swap(timer_);
  // Their destructors wait for runs that may need the lock.
  mutex_.Unlock();
  timer.reset();
  for (auto& job : jobs) job.reset();
  mutex_.Lock();
}

void ServiceController::ShowView() {
  auto view = std::make_shared<ServiceView>(ServiceView{
      record_, last_poll_, record_.frozen ? next_attempt_ : std::min(next_poll_, next_attempt_),
      SyncOf(record_, policy_, moving_)});
  // A move is not shown as complete before its activation has ended.
  if (!record_.pending.empty() && !record_.frozen) {
    view->record.hash = logged_hash_;
    view->record.commit = logged_commit_;
    if (record_.last_good.empty() && record_.state == State::kOk) {
      view->record.state = State::kDiff;
      view->record.info = "the first revision is being activated";
      view->record.state_reason = StateReason::kStarting;
    }
  }
  std::string& info = view->record.info;
  if (view->record.state == State::kOk && info.empty()) info = remark_;
  if (!rebuilt_.empty()) absl::StrAppend(&info, info.empty() ? "" : "; ", rebuilt_);
  MutexLock lock(mutex_);
  view_ = std::move(view);
  hash_stored_ = stored_hash_ == record_.hash;
}

ServiceView ServiceController::View() const {
  std::shared_ptr<const ServiceView> view;
  {
    MutexLock lock(mutex_);
    view = view_;
  }
  return *view;
}

CommitInfo ServiceController::Describe(const std::string& revision, std::stop_token stop) const {
  return drivers_.source->Describe(revision, std::move(stop));
}

bool ServiceController::Following() const {
  MutexLock lock(mutex_);
  return !view_->record.frozen;
}

std::vector<std::string> ServiceController::Revisions() const { return drivers_.source->Ready(); }

absl::StatusOr<std::vector<ChangeRecord>> ServiceController::Changes() const {
  return options_.records->Changes(spec().service);
}

std::string ServiceController::Named(absl::string_view message) const {
  return absl::StrCat(spec().service, ": ", message);
}

absl::Status ServiceController::Refuse(Reason reason, absl::string_view message) const {
  return MakeError(reason, Named(message), {{"service", spec().service}});
}

absl::Status ServiceController::Ending() const {
  return Refuse(Reason::kServerStopping,
                "its configuration is being changed, or the agent is stopping; try again");
}

ServicePlace ServiceController::At() const {
  MutexLock lock(mutex_);
  const ServiceRecord& record = view_->record;
  const bool there = !policy_.coordinated && !record.frozen && record.pending.empty() &&
                     record.activation_error.empty() && !record.published.empty();
  ServicePlace place;
  if (there) place = {record.hash, record.generation, hash_stored_};
  place.watched = policy_.coordinated || record.frozen;
  place.shows_tip = !record.frozen;
  place.described = record.target_commit.hash;
  if (!place.watched || record.published.empty()) return place;
  place.published = record.hash;
  place.newest = record.newest;
  return place;
}

void ServiceController::OnPolled(const absl::StatusOr<std::string>& tip, absl::Time next_poll,
                                 const TipLook& look, std::shared_ptr<TipNote> note) {
  if (absl::IsCancelled(tip.status())) return;  // the agent is stopping
  const std::string error(tip.status().message());
  const bool noted = note != nullptr;
  const StateReason why = StateReasonOf(tip.status());
  Post([this, tip = tip.value_or(""), error, why, answered = tip.ok(), next_poll, look,
        note = std::move(note)] {
    if (stopping_) return;
    next_poll_ = next_poll;
    if (answered) last_poll_ = options_.clock->Now();
    ShowView();
    const std::string reason =
        answered && !record_.poll_error.empty() ? "the upstream answers again" : error;
    auto moved = std::make_shared<bool>(false);
    Make({.make =
              [=](ServiceRecord record) {
                if (!answered) return OnPollFailed(std::move(record), error, why);
                *moved = !record.frozen && record.target != tip;
                const bool same = !look.same_as.empty() && record.hash == look.same_as &&
                                  record.pending.empty() && record.activation_error.empty();
                const bool watched = policy_.coordinated || record.frozen;
                record = OnTip(std::move(record), tip);
                if (watched && look.newest.has_value()) {
                  record = OnNewest(std::move(record), *look.newest);
                }
                record = OnCommit(std::move(record), look.commit);
                if (!same || DesiredRevision(record, policy_) != tip) return record;
                *moved = false;
                return OnSameContent(std::move(record), tip);
              },
          .why = {.reason = reason},
          .storing = Change::Storing::kMemory,
          .then =
              [this, moved](const absl::Status&) {
                if (*moved) WantPass(/*forced=*/false);
              },
          .note = note});
  });
  if (!noted) return;
  // Turns are short. What another thread handles now should not come too late for the note.
  MutexLock lock(mutex_);
  while (in_turns_) ended_.Wait(mutex_);
}

}  // namespace gitops
