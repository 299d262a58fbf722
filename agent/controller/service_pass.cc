// A pass of a ServiceController: a look at what is published, the move to what is wanted, and an
// inspection. Each step runs in a pool, and the next one begins in the turn that has its result.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/controller/service_controller.h"
#include "agent/controller/service_work.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

// The minimum between two passes that nobody asked for, so that a service never spins.
constexpr absl::Duration kMinPause = absl::Milliseconds(10);

}  // namespace

void ServiceController::BeginPass() {
  wanted_ = false;
  pass_ = std::make_shared<Pass>();
  pass_->forced = std::exchange(forced_, false);
  if (waiters_.Begin()) pass_->forced = true;
  if (unsaved_) Make({.make = [](ServiceRecord record) { return record; }});
  const bool waits =
      options_.clock->Now() < next_attempt_ && next_attempt_ != absl::InfiniteFuture();
  if (waits && !pass_->forced && Desired() == failing_target_) return Inspect();
  const auto look = [this] {
    UseFiles<absl::StatusOr<std::string>>(
        Pool::kDisk, pass_->stop,
        [this, pass = pass_](std::stop_token) {
          const std::vector<std::string> ready = drivers_.source->Ready();
          pass->ready = {ready.begin(), ready.end()};
          return drivers_.publisher->Published();
        },
        [this](absl::StatusOr<std::string>& visible) { LookedAt(visible); });
  };
  // What has no package does not wait behind a package manager that hangs.
  if (prepared_ || spec().package.empty()) return look();
  UseUnit(
      Pool::kPackages, [this] { return drivers_.activator->Prepare(); },
      [this, look](absl::Status& status) {
        prepared_ = status.ok();
        if (stopping_) return EndMove(false, false);
        if (!status.ok()) return SourceFailed(status);
        // A package may have created the user that the fetch needs.
        if (options_.poll_now) options_.poll_now();
        look();
      });
}

void ServiceController::LookedAt(const absl::StatusOr<std::string>& visible) {
  if (pass_->stop.stop_requested()) return EndMove(false, false);
  if (!visible.ok()) {
    LogWarning("cannot determine the published revision",
               {{"service", spec().service}, {"error", std::string(visible.status().message())}});
    // It is not as if nothing were published: no unit is restarted because of it. Where there is
    // nothing to do otherwise, Inspect() tells of it if it goes on.
    const bool idle = established_ && !pass_->forced &&
                      NextStep(record_, policy_, record_.published).kind == Step::Kind::kNone;
    if (idle) return EndMove(true, true);
    if (!Desired().empty()) return SourceFailed(visible.status());
  }
  const std::string published = visible.value_or("");
  const Step step = NextStep(record_, policy_, published);
  pass_->step = step;
  // Files that somebody removed by hand are drift: Inspect() reports or corrects it.
  const bool taken_away = established_ && step.kind == Step::Kind::kPublish &&
                          step.hash == record_.hash && record_.pending.empty();
  if (step.kind != Step::Kind::kNone && (!taken_away || pass_->forced)) {
    return BeginMove(step, /*first=*/record_.last_good.empty() || published.empty());
  }
  pass_->step = {};
  if (step.kind == Step::Kind::kNone) established_ = !record_.published.empty();
  if (step.kind != Step::Kind::kNone || record_.source_error.empty() || !record_.drift.empty() ||
      !established_) {
    return EndMove(true, true);
  }
  Make({.make =
            [](ServiceRecord record) {
              record.source_error.clear();
              record.source_reason = StateReason::kNone;
              return Settled(std::move(record));
            },
        .why = {.reason = "the problem is solved"},
        .then = [this](const absl::Status&) { EndMove(true, true); }});
}

std::string ServiceController::ReasonFor(const Step& step) const {
  if (logged_hash_ != step.hash) {
    return policy_.coordinated ? "requested by a deployment" : "new commit upstream";
  }
  return step.kind == Step::Kind::kActivate ? "activated by a retry" : "published again";
}

// A pin that is only published again, after a reboot or drift, was reached before.
ServiceController::Why ServiceController::WhyMoved(std::string reason) const {
  Why why{.reason = std::move(reason), .duration = options_.clock->Now() - pass_->began};
  if (record_.pinned == pass_->step.hash && MovingToPin(record_)) {
    why.reason = "rolled back";
    why.actor = record_.frozen_by;
  }
  return why;
}

void ServiceController::BeginMove(Step step, bool first) {
  pass_->began = options_.clock->Now();
  pass_->reason = pass_->afresh ? "the drift was corrected" : ReasonFor(step);
  pass_->first = first;
  pass_->step = std::move(step);
  if (pass_->step.kind == Step::Kind::kActivate) return Activate();
  // A retry is not told before it has prepared the revision.
  if (pass_->step.hash != record_.hash && pass_->step.hash != failing_target_) SetMoving(true);
  PrepareStep();
}

void ServiceController::PrepareStep() {
  struct Result {
    absl::Status status;
    bool same = false;
    CommitInfo commit = {};
  };
  const Step step = pass_->step;
  // What is on disk does not wait behind those that wait for the upstream.
  const bool local = step.kind == Step::Kind::kPublish && pass_->ready.contains(step.revision);
  UseFiles<Result>(
      local ? Pool::kDisk : Pool::kGit, pass_->stop,
      [this, step, pass = pass_, published = record_.published](std::stop_token stop) {
        Result result;
        if (step.kind == Step::Kind::kCompare) {
          const auto same = drivers_.source->SameContent(published, step.hash, stop);
          result = {same.status(), same.value_or(false)};
          if (result.same) result.commit = drivers_.source->Describe(step.hash, stop);
        }
        if (!result.status.ok() || result.same) return result;
        const absl::StatusOr<bool> edited = WasEdited(step.revision, published, pass->ready, stop);
        result.status = edited.ok()
                            ? drivers_.source->Prepare(step.revision, pass->afresh || *edited, stop)
                            : edited.status();
        return result;
      },
      [this, step](Result& result) {
        if (pass_->stop.stop_requested()) return EndMove(false, false);
        if (!result.status.ok()) return SourceFailed(result.status);
        if (!result.same) {
          CrashPoint("after-checkout");
          return Exchange(step.revision, /*fallback=*/false);
        }
        Make({.make =
                  [this, step, commit = result.commit](ServiceRecord record) {
                    moving_ = false;
                    if (DesiredRevision(record, policy_) != step.hash) return record;
                    return OnCommit(OnSameContent(std::move(record), step.hash), commit);
                  },
              .why = WhyMoved(absl::StrCat(
                  policy_.coordinated ? "requested by a deployment" : "new commit upstream",
                  ", but no file of this service changed")),
              .storing = policy_.coordinated ? Change::Storing::kAnyway : Change::Storing::kMemory,
              .then =
                  [this](const absl::Status&) {
                    established_ = true;
                    EndMove(true, true);
                  }});
      });
}

// Inspect() and the service's drift policy handle published files. An error of this host, such as
// too many open files, says nothing about them.
absl::StatusOr<bool> ServiceController::WasEdited(const std::string& revision,
                                                  const std::string& published,
                                                  const std::set<std::string>& ready,
                                                  const std::stop_token& stop) {
  if (revision == published || !ready.contains(revision)) return false;
  const absl::StatusOr<bool> intact = drivers_.publisher->IsIntact(revision, stop);
  const absl::Status& status = intact.status();
  const bool lost = absl::IsNotFound(status) || absl::IsDataLoss(status) ||
                    absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status);
  if (!status.ok() && !lost) return status;
  if (status.ok() && *intact) return false;
  LogWarning("a revision on disk is written again, because its files were changed",
             {{"service", spec().service},
              {"revision", revision},
              {"error", std::string(status.message())}});
  return true;
}

void ServiceController::Exchange(const std::string& revision, bool fallback) {
  UseFiles<absl::Status>(
      Pool::kDisk, pass_->stop,
      [this, revision, fallback, pass = pass_](std::stop_token stop) {
        absl::Status refused;
        const absl::Status status = drivers_.publisher->Publish(
            revision, [&] { return refused = MayExchange(pass, revision, fallback); },
            [=, this] { Post([=, this] { Exchanged(revision, fallback); }); }, stop);
        CrashPoint("after-publish");
        if (status.ok()) {
          pass->remark = drivers_.source->Remark(revision);
          pass->commit = drivers_.source->Describe(fallback ? revision : pass->step.hash, stop);
        }
        if (status.ok() || !refused.ok() || absl::IsCancelled(status)) return status;
        return WithMessage(status, absl::StrCat(fallback ? "cannot return to " : "publishing ",
                                                revision, ": ", status.message()));
      },
      [=, this](absl::Status& status) { Published(revision, fallback, status); });
}

absl::Status ServiceController::MayExchange(const std::shared_ptr<Pass>& pass,
                                            const std::string& revision, bool fallback) {
  auto reply = std::make_shared<Reply<bool>>();
  Post([=, this] {
    Make({.make = [=, this](ServiceRecord record) -> absl::StatusOr<ServiceRecord> {
            if (pass->stop.stop_requested()) return absl::CancelledError("stopped");
            if (fallback) return record;
            if (DesiredRevision(record, policy_) == pass->step.hash) {
              return OnPublishing(std::move(record), revision);
            }
            WantPass(pass->forced);
            return absl::CancelledError("a newer target has replaced this one");
          },
          .storing = Change::Storing::kUnlessOrdered,
          .then =
              [=, this](const absl::Status& status) {
                exchanging_ = status.ok();
                if (status.ok()) return reply->Give(true);
                if (absl::IsCancelled(status)) return reply->Give(status);
                const bool full = absl::IsResourceExhausted(status);
                reply->Give(WithStateReason(
                    full ? StateReason::kDisk : StateReason::kNone,
                    WithMessage(status,
                                absl::StrCat("not published, because the state cannot be stored: ",
                                             status.message()))));
              }});
  });
  absl::Status impatience;
  const absl::Status may = reply->Await(options_.clock, Patience(), &impatience).status();
  if (may.ok()) CrashPoint("before-publish");
  return may;
}

void ServiceController::Exchanged(const std::string& revision, bool fallback) {
  exchanging_ = false;
  Remember(fallback ? OnFallbackPublished(record_, revision) : OnPublished(record_, pass_->step));
  if (!fallback) return;
  unsaved_ = true;
  Make({.make = [](ServiceRecord record) { return record; }});
}

void ServiceController::Published(const std::string& revision, bool fallback,
                                  const absl::Status& status) {
  exchanging_ = false;
  if (absl::IsCancelled(status)) return EndMove(false, false);
  if (!status.ok()) return SourceFailed(status);
  remark_ = pass_->remark;
  if (!fallback) {
    CrashPoint("after-published-stored");
    return Activate();
  }
  UseUnit(
      Pool::kUnits, [this] { return drivers_.activator->Activate(/*first=*/true); },
      [=, this](absl::Status& result) { FellBack(revision, result); });
}

void ServiceController::SourceFailed(const absl::Status& status) {
  const std::string error(status.message());
  const StateReason reason = StateReasonOf(status);
  Make({.make =
            [=, this](ServiceRecord record) {
              moving_ = false;
              return OnSourceFailed(std::move(record), error, reason);
            },
        .why = {.reason = error},
        .then = [this](const absl::Status&) { EndMove(true, false); }});
}

// Not during a pass, whose revision is not in the record before it is published.
void ServiceController::Prune() {
  prune_wanted_ = false;
  const std::set<std::string> in_use = {record_.published, record_.last_good, record_.pinned,
                                        record_.pending, record_.hash};
  UseFiles<absl::Status>(
      Pool::kUpkeep, std::stop_source(),
      [this, in_use](std::stop_token stop) {
        return drivers_.source->Prune(spec().keep_revisions, in_use, stop);
      },
      [this](absl::Status& pruned) {
        if (pruned.ok()) return;
        if (absl::IsCancelled(pruned)) {  // something else came first
          prune_wanted_ = true;
          return;
        }
        LogWarning("cannot remove old revisions",
                   {{"service", spec().service}, {"error", std::string(pruned.message())}});
      });
}

void ServiceController::NoteOutcome(const std::string& target, bool ok) {
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

void ServiceController::EndMove(bool attempted, bool ok) {
  if (moving_) SetMoving(false);
  if (pass_->afresh) {
    if (!ok) LogWarning("the drift is not corrected yet", {{"service", spec().service}});
    return CheckHealth();
  }
  if (attempted) {
    NoteOutcome(pass_->step.kind == Step::Kind::kNone ? Desired() : pass_->step.hash, ok);
    pass_->forced = false;
  }
  ShowView();
  waiters_.End(attempted);
  CheckWaiters();
  if (!attempted) return EndPass();
  Inspect();
}

void ServiceController::EndPass() {
  if (pass_->stop.stop_requested()) WantPass(pass_->forced);
  const bool made = pass_->made;
  pass_ = nullptr;
  prune_wanted_ = prune_wanted_ || made;
}

void ServiceController::SetTimer() {
  if (pass_ != nullptr) return;
  const absl::Time next = std::min(next_attempt_, next_inspection_);
  const absl::Time now = options_.clock->Now();
  if (next == timer_at_ && next > now) return;
  timer_at_ = next;
  timer_->WakeAt(std::max(next, now + kMinPause));
}

}  // namespace gitops
