// What people and deployments ask of a ServiceController.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/controller/diff_work.h"
#include "agent/controller/service_controller.h"
#include "agent/controller/service_work.h"
#include "agent/controller/stop_before.h"

namespace gitops {
namespace {

std::string WithReason(absl::string_view what, const std::string& reason) {
  return reason.empty() ? std::string(what) : absl::StrCat(what, ": ", reason);
}

}  // namespace

absl::Status ServiceController::Frozen(const ServiceRecord& record) const {
  return MakeError(
      Reason::kServiceFrozen,
      Named(absl::StrCat("is frozen by ", record.frozen_by.text(), "; unfreeze it first")),
      {{"service", spec().service}, {"frozen_by", record.frozen_by.text()}});
}

absl::StatusOr<ServiceRecord> ServiceController::Freeze(const Actor& actor,
                                                        const std::string& reason,
                                                        const Patience& patience) {
  return Ask<ServiceRecord>(patience, [=, this](const auto& reply) {
    Preempt();
    Make({.make = [=](ServiceRecord record) { return OnFreeze(std::move(record), actor, reason); },
          .why = {WithReason("freeze", reason), actor, {}},
          .storing = Change::Storing::kFirst,
          .then =
              [=, this](const absl::Status& status) {
                if (!status.ok()) return reply->Give(status);
                ++commands_;
                Preempt();
                reply->Give(record_);
              },
          .command = true});
  });
}

absl::StatusOr<ServiceRecord> ServiceController::Unfreeze(const Actor& actor,
                                                          const std::string& reason,
                                                          const Patience& patience) {
  return Ask<ServiceRecord>(patience, [=, this](const auto& reply) {
    Make({.make = [](ServiceRecord record) -> absl::StatusOr<ServiceRecord> {
            if (!record.frozen) return absl::AlreadyExistsError("not frozen");
            return OnUnfreeze(std::move(record));
          },
          .why = {WithReason("unfreeze", reason), actor, {}},
          .storing = Change::Storing::kFirst,
          .then =
              [=, this](const absl::Status& status) {
                if (absl::IsAlreadyExists(status)) return reply->Give(record_);
                if (!status.ok()) return reply->Give(status);
                ++commands_;
                WantPass(/*forced=*/true);
                if (options_.poll_now) options_.poll_now();
                reply->Give(record_);
              },
          .command = true});
  });
}

absl::StatusOr<std::string> ServiceController::FindRevision(absl::string_view prefix,
                                                            const Patience& patience) {
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
  return Ask<std::string>(patience, [this, prefix = std::string(prefix)](const auto& reply) {
    // A fetch in progress may take forever; it is begun again afterwards.
    Preempt();
    ForCaller<std::string>(Pool::kGit, reply, [this, prefix](std::stop_token stop) {
      return drivers_.source->Resolve(prefix, stop);
    });
  });
}

absl::StatusOr<std::shared_ptr<AttemptWaiter>> ServiceController::Order(
    int64_t seen, const Patience& patience, Change change,
    std::function<bool(const ServiceRecord&)> superseded, std::string* from_hash) {
  // Finding the revision may have taken long: do nothing for a caller that is gone, and do not
  // override a newer command.
  if (!patience.Check(options_.clock).ok()) {
    return absl::DeadlineExceededError(
        Named("timed out while looking up the revision; nothing was changed"));
  }
  auto before = std::make_shared<std::string>();
  change.make = [this, seen, make = std::move(change.make),
                 before](ServiceRecord record) -> absl::StatusOr<ServiceRecord> {
    *before = logged_hash_;
    if (commands_ == seen) return make(std::move(record));
    return Refuse(Reason::kSuperseded,
                  "another command came in while the revision was looked up; nothing was changed");
  };
  change.storing = Change::Storing::kFirst;
  change.command = true;
  auto waiter = Ask<std::shared_ptr<AttemptWaiter>>(patience, [=, this](const auto& reply) mutable {
    change.then = [=, this](const absl::Status& status) {
      if (!status.ok()) return reply->Give(status);
      ++commands_;
      // A fetch in progress is obsolete, and its upstream may take forever.
      Preempt();
      WantPass(/*forced=*/true);
      reply->Give(AddWaiter(superseded));
    };
    Make(change);
  });
  if (waiter.ok() && from_hash != nullptr) *from_hash = *before;
  return waiter;
}

absl::StatusOr<ServiceRecord> ServiceController::Rollback(absl::string_view prefix,
                                                          const Actor& actor,
                                                          const std::string& reason,
                                                          const Patience& patience) {
  const int64_t seen = commands_;
  absl::StatusOr<std::string> found = FindRevision(prefix, patience);
  if (!found.ok()) return found.status();
  auto waiter = Order(
      seen, patience,
      {.make = [revision = *found, actor, reason](
                   ServiceRecord r) { return OnRollback(std::move(r), revision, actor, reason); },
       .why = {WithReason("rollback", reason), actor, {}}},
      [revision = *found](const ServiceRecord& record) { return record.pinned != revision; });
  if (!waiter.ok()) return waiter.status();
  return AwaitAttempt(*waiter, patience);
}

absl::Status ServiceController::MaySync(const ServiceRecord& record) const {
  if (!policy_.coordinated) {
    return Refuse(Reason::kServiceNotCoordinated,
                  "follows its branch by itself (tracking = auto); deployments do not move it");
  }
  return record.frozen ? Frozen(record) : absl::OkStatus();
}

absl::StatusOr<ServiceController::Sync> ServiceController::StartSync(absl::string_view prefix,
                                                                     const Actor& actor,
                                                                     const std::string& reason,
                                                                     const Patience& patience) {
  const int64_t seen = commands_;
  auto there = Ask<std::shared_ptr<AttemptWaiter>>(
      patience, [this, prefix = std::string(prefix)](const auto& reply) {
        if (absl::Status may = MaySync(record_); !may.ok()) return reply->Give(may);
        if (record_.coordinated != prefix || !IsHealthyAt(record_, prefix)) {
          return reply->Give(nullptr);
        }
        auto waiter = std::make_shared<AttemptWaiter>();
        waiter->reply.Give(record_);
        reply->Give(waiter);
      });
  if (!there.ok()) return there.status();
  if (*there != nullptr) return Sync{std::string(prefix), std::string(prefix), *there};
  absl::StatusOr<std::string> found = FindRevision(prefix, patience);
  if (!found.ok()) {
    const std::string message =
        Named(absl::StrCat("finding ", prefix, ": ", found.status().message()));
    const bool answered =
        absl::IsNotFound(found.status()) || absl::IsFailedPrecondition(found.status()) ||
        HasReason(found.status(), Reason::kServerStopping) || !patience.Check(options_.clock).ok();
    if (answered) return WithMessage(found.status(), message);
    return absl::InternalError(message);
  }
  Sync sync{.revision = *found};
  auto waiter = Order(
      seen, patience,
      {.make = [this, revision = *found](ServiceRecord record) -> absl::StatusOr<ServiceRecord> {
         if (absl::Status may = MaySync(record); !may.ok()) return may;
         return OnSync(std::move(record), revision);
       },
       .why = {WithReason(absl::StrCat("sync to ", *found), reason), actor, {}}},
      [revision = *found](const ServiceRecord& record) {
        return record.frozen || record.coordinated != revision;
      },
      &sync.from_hash);
  if (!waiter.ok()) return waiter.status();
  sync.attempt = *std::move(waiter);
  return sync;
}

absl::StatusOr<ServiceRecord> ServiceController::AwaitSync(const Sync& sync,
                                                           const Patience& patience) {
  absl::StatusOr<ServiceRecord> record = AwaitAttempt(sync.attempt, patience);
  if (!record.ok() || IsHealthyAt(*record, sync.revision)) return record;
  return absl::InternalError(Named(absl::StrCat(
      "is ", StateName(record->state),
      record->hash.empty() ? ", with nothing published" : absl::StrCat(" at ", record->hash),
      " after the attempt to move to ", sync.revision, record->info.empty() ? "" : ": ",
      record->info)));
}

absl::StatusOr<ServiceRecord> ServiceController::TakeUp(const Patience& patience) {
  auto waiter = Ask<std::shared_ptr<AttemptWaiter>>(patience, [this](const auto& reply) {
    // A change like any other, so that the pass begins after what the poll has found was stored.
    Make({.make = [](ServiceRecord record) { return record; },
          .storing = Change::Storing::kMemory,
          .then =
              [this, reply](const absl::Status&) {
                if (record_.frozen) return reply->Give(Frozen(record_));
                WantPass(/*forced=*/true);
                reply->Give(AddWaiter([](const ServiceRecord&) { return false; }));
              }});
  });
  if (!waiter.ok()) return waiter.status();
  return AwaitAttempt(*waiter, patience);
}

std::shared_ptr<AttemptWaiter> ServiceController::AddWaiter(
    std::function<bool(const ServiceRecord&)> superseded) {
  if (!stopping_) return waiters_.Add(std::move(superseded));
  auto waiter = std::make_shared<AttemptWaiter>();
  waiter->reply.Give(Ending());
  return waiter;
}

void ServiceController::CheckWaiters() {
  waiters_.Check(record_, [this] {
    return Refuse(Reason::kSuperseded, "another command came in between; look at its state");
  });
}

absl::StatusOr<ServiceRecord> ServiceController::AwaitAttempt(
    const std::shared_ptr<AttemptWaiter>& waiter, const Patience& patience) const {
  absl::Status impatience;
  absl::StatusOr<ServiceRecord> record = waiter->reply.Await(options_.clock, patience, &impatience);
  if (impatience.ok()) return record;
  return WithMessage(impatience, Named(impatience.message()));
}

absl::StatusOr<std::vector<DriftEntry>> ServiceController::Diff(const DiffWish& wish,
                                                                const Patience& patience) {
  return Ask<std::vector<DriftEntry>>(patience, [this, wish](const auto& reply) {
    if (record_.published.empty()) return reply->Give(NothingPublished());
    ForCaller<std::vector<DriftEntry>>(
        Pool::kDisk, reply, [this, wish, published = record_.published](std::stop_token stop) {
          return DiffOnHost(drivers_, options_.diff_texts, published, wish, stop);
        });
  });
}

absl::Status ServiceController::NothingPublished() const {
  return Refuse(Reason::kNothingPublished, "nothing is published yet");
}

absl::StatusOr<ServiceController::RevisionDiff> ServiceController::DiffTo(
    absl::string_view prefix, const DiffWish& wish, const Patience& patience) {
  if (View().record.published.empty()) return NothingPublished();
  const auto revision = FindRevision(prefix, patience);
  if (!revision.ok()) return revision.status();
  auto differences =
      Ask<std::vector<DriftEntry>>(patience, [this, wish, to = *revision](const auto& reply) {
        if (record_.published.empty()) return reply->Give(NothingPublished());
        ForCaller<std::vector<DriftEntry>>(
            Pool::kGit, reply, [this, wish, to, from = record_.published](std::stop_token stop) {
              return DiffOfRevisions(drivers_, options_.diff_texts, spec().directories, from, to,
                                     wish, stop);
            });
      });
  if (!differences.ok()) return differences.status();
  // The answer can do without it.
  const StopBefore stop(options_.clock, patience);
  CommitInfo commit = Describe(*revision, stop.token());
  commit.hash = *revision;
  return RevisionDiff{std::move(commit), *std::move(differences)};
}

}  // namespace gitops
