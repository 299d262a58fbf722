#ifndef GITOPS_AGENT_CONTROLLER_SERVICE_CONTROLLER_H_
#define GITOPS_AGENT_CONTROLLER_SERVICE_CONTROLLER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/activate/activator.h"
#include "agent/controller/drift_scans.h"
#include "agent/publish/publisher.h"
#include "agent/record/record.h"
#include "agent/source/source.h"
#include "agent/state/decide.h"
#include "agent/state/state.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/rpc/error.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"

namespace gitops {

// The drivers of one service: git with bind mounts or symlinks and a unit; Nix later.
struct ServiceDrivers {
  std::unique_ptr<Source> source;
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<Activator> activator;
};

struct ServiceOptions {
  ServiceSpec spec;
  absl::Duration poll;  // the poll interval of this service
  // Not owned; must outlive the controller.
  RecordStore* records = nullptr;
  Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;
  // Called after every change that View() shows, without locks held, on any thread.
  std::function<void()> on_change;
  // Requests a poll of the upstream now. Thread-safe.
  std::function<void()> poll_now;
};

// The visible state of a service.
struct ServiceView {
  // As stored, but with the previous hash while a new one is being activated, so that waiting for a
  // hash includes the unit.
  ServiceRecord record;
  absl::Time last_poll = absl::InfinitePast();       // when the upstream last answered
  absl::Time next_attempt = absl::InfiniteFuture();  // of a poll, or a retry after a failure
};

// How long a caller waits, and whether it is gone meanwhile.
struct Patience {
  absl::Time deadline = absl::InfiniteFuture();
  std::function<bool()> cancelled = [] { return false; };
};

// Moves one service through its states: receives tips, prepares, publishes and activates revisions,
// retries after failures, checks for drift, and performs commands. agent/state/decide.h makes the
// decisions; this class performs them, in one job of the scheduler. Public methods are thread-safe.
class ServiceController {
 public:
  // Loads the stored record of the service and starts. Errors are those of RecordStore::Load.
  static absl::StatusOr<std::unique_ptr<ServiceController>> Start(ServiceOptions options,
                                                                  ServiceDrivers drivers);
  ~ServiceController();

  // Ends a wait for a unit, lets a step in progress finish, and fails waiting callers with
  // UNAVAILABLE. Published files stay. May be repeated; the destructor calls it too.
  void Stop();

  const ServiceSpec& spec() const { return options_.spec; }
  ServiceView View() const;
  // False for a frozen service, which needs no poll.
  bool Following() const;

  // The result of a poll: the newest revision, or an error; and the time of the next poll.
  void OnPolled(const absl::StatusOr<std::string>& tip, absl::Time next_poll);

  // See the RPCs of the same names; they return the record afterwards. Rollback and TakeUp wait
  // until the service has made its attempt. UNAVAILABLE after Stop().
  absl::StatusOr<ServiceRecord> Freeze(const Actor& actor, const std::string& reason);
  absl::StatusOr<ServiceRecord> Unfreeze(const Actor& actor, const std::string& reason);
  absl::StatusOr<ServiceRecord> Rollback(absl::string_view prefix, const Actor& actor,
                                         const std::string& reason, const Patience& patience);

  // A deployment's sync of a coordinated service, in two parts, so that several services can move
  // at the same time. StartSync finds the revision that starts with `prefix` and starts the move to
  // it. NOT_FOUND; FAILED_PRECONDITION: several revisions match; or the service follows its branch
  // by itself; or it is frozen (the message says by whom); INTERNAL: the upstream does not answer;
  // ABORTED: another command came in between; DEADLINE_EXCEEDED. After an error nothing was
  // changed.
  struct Sync {
    std::string revision;
    std::string from_hash;  // before; empty: nothing was published
    int64_t ticket = 0;
  };
  absl::StatusOr<Sync> StartSync(absl::string_view prefix, const Actor& actor,
                                 const std::string& reason, const Patience& patience);
  // Waits until the attempt has been made. INTERNAL: it failed; the message has the service's state
  // and revision, and the cause. ABORTED: another command came in between.
  absl::StatusOr<ServiceRecord> AwaitSync(const Sync& sync, const Patience& patience);

  // The revision that starts with `prefix`: on disk, or else in the upstream. Errors are those of
  // Source::Resolve.
  absl::StatusOr<std::string> FindRevision(absl::string_view prefix);

  // Publishes the result of the last poll now, ignoring back-off. FAILED_PRECONDITION: frozen.
  absl::StatusOr<ServiceRecord> TakeUp(const Patience& patience);

  absl::StatusOr<std::vector<DriftEntry>> Diff();
  absl::StatusOr<std::vector<ChangeRecord>> Changes() const;
  std::vector<std::string> Revisions() const;

 private:
  static constexpr char kAgent[] = "agent";

  // Why a record changes, for the history; a change without a reason gets no entry. Commands always
  // get one, even if they changed nothing.
  struct Why {
    std::string reason;
    Actor actor = kAgent;
    absl::Duration duration;
  };

  ServiceController(ServiceOptions options, ServiceDrivers drivers);
  absl::Status Load();
  void Begin();

  // Stores `next` and makes it the record. After an error the record is unchanged, unless `force`
  // is set: then it is changed in memory, because it is already true, and stored later.
  absl::Status Save(ServiceRecord next, const Why& why, bool force = false)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same for a change that a function of decide.h makes to the current record; logs errors of
  // the store.
  void Change(const std::function<ServiceRecord(ServiceRecord)>& change, const Why& why)
      ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Time Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns false if it was interrupted: this was no attempt, and the interrupting call wakes the
  // job again.
  bool Reconcile(bool forced);
  absl::Status Execute(const Step& step, bool afresh, bool first);
  std::string ReasonFor(const Step& step, bool afresh) const;
  // Whether the files of a revision that is on disk, but not published, were changed.
  bool WasEdited(const std::string& revision);
  absl::Status Publish(const Step& step);
  absl::Status Activate(const Step& step, bool first, absl::Time began, const std::string& reason);
  void FallBack(absl::Time began);
  void Inspect();
  void CorrectDrift(const ServiceRecord& record, const DriftScans::Finding& found);
  absl::Status EnsurePrepared();
  void NoteOutcome(const std::string& target, bool ok);
  // `superseded`: a newer command has replaced this one.
  absl::StatusOr<ServiceRecord> AwaitAttempt(
      int64_t ticket, const std::function<bool(const ServiceRecord&)>& superseded,
      const Patience& patience);
  absl::Status MaySync() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Named(absl::string_view message) const;
  // An error about this service.
  absl::Status Refuse(Reason reason, absl::string_view message) const;
  absl::Status Frozen() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Ending() const;
  // Ends the job's use of the source, until the job begins again.
  void InterruptSource();
  std::stop_token SourceStop();

  const ServiceOptions options_;
  const Policy policy_;
  const ServiceDrivers drivers_;

  // Held during a publication or comparison, and by code that must not interfere with them. Locked
  // before mutex_.
  Mutex publish_mutex_;
  // Held while the source is used, other than for Ready(). Locked before publish_mutex_.
  Mutex source_mutex_;

  mutable Mutex mutex_;
  CondVar attempted_;
  ServiceRecord record_ ABSL_GUARDED_BY(mutex_);
  bool unsaved_ ABSL_GUARDED_BY(mutex_) = false;
  // Callers that wait for the source; they have priority over the job.
  std::stop_source source_stop_ ABSL_GUARDED_BY(mutex_);  // of the job's use of the source
  int source_wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string logged_hash_ ABSL_GUARDED_BY(mutex_);
  std::optional<State> logged_state_ ABSL_GUARDED_BY(mutex_);  // nullopt: no history yet
  absl::Time last_poll_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time next_poll_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // Attempts are numbered, so that a caller can wait for the one it asked for.
  // Freezes, unfreezes, rollbacks and syncs so far.
  int64_t commands_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t requested_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t completed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time next_attempt_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();

  // Only used by the job.
  std::string failing_target_;
  int failures_ = 0;
  bool prepared_ = false;
  bool established_ = false;  // in this process, the right revision was published once
  absl::Time next_inspection_ = absl::InfinitePast();
  DriftScans drift_scans_;

  void WakeJob() ABSL_LOCKS_EXCLUDED(job_mutex_);
  Mutex job_mutex_;
  // Null once stopped. Declared last, so that it ends before the other members are destroyed.
  std::unique_ptr<Scheduler::Job> job_ ABSL_GUARDED_BY(job_mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_SERVICE_CONTROLLER_H_
