#ifndef GITOPS_AGENT_CONTROLLER_SERVICE_CONTROLLER_H_
#define GITOPS_AGENT_CONTROLLER_SERVICE_CONTROLLER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/controller/attempt_waiters.h"
#include "agent/controller/drift_scans.h"
#include "agent/controller/reply.h"
#include "agent/controller/service_diff.h"
#include "agent/controller/service_options.h"
#include "agent/controller/service_view.h"
#include "agent/publish/publisher.h"
#include "agent/record/record.h"
#include "agent/source/source.h"
#include "agent/state/decide.h"
#include "agent/state/state.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/git/commit.h"
#include "common/rpc/error.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"

namespace gitops {

// Moves one service through its states: receives tips, prepares, publishes and activates revisions,
// retries after failures, checks for drift, and performs commands. agent/state/decide.h makes the
// decisions. This class is an actor: whatever happens comes as a message, and one message at a time
// is handled ("in a turn"), commands first, on the thread that brought it. Turns own the record and
// never block: what takes time (source, publisher, activator, store) runs elsewhere, and its result
// comes as a message. Readers see the last View(). Public methods are thread-safe.
class ServiceController {
 public:
  // Loads the stored record of the service and starts. Errors are those of RecordStore::Load.
  static absl::StatusOr<std::unique_ptr<ServiceController>> Start(ServiceOptions options,
                                                                  ServiceDrivers drivers);
  ~ServiceController();

  // Ends a wait for a unit, lets an exchange in progress finish, and fails waiting callers with
  // UNAVAILABLE. Published files stay. May be repeated; the destructor calls it too. RequestStop
  // does not wait for the end.
  void RequestStop();
  void Stop();

  // Has on_change called.
  void Announce();

  const ServiceSpec& spec() const { return options_.spec; }
  ServiceView View() const;
  // False for a frozen service, which needs no poll.
  bool Following() const;

  ServicePlace At() const;

  // The result of a poll: the newest revision, or an error; and the time of the next poll. `note`
  // may be null.
  void OnPolled(const absl::StatusOr<std::string>& tip, absl::Time next_poll, const TipLook& look,
                std::shared_ptr<TipNote> note);

  // See the RPCs of the same names; they return the record afterwards. Rollback and TakeUp wait
  // until the service has made its attempt. UNAVAILABLE after Stop(). DEADLINE_EXCEEDED, CANCELLED:
  // see Patience; what was ordered may still happen.
  //
  // Freeze stops an attempt, and answers once that is stored and no exchange can follow: one that
  // has begun ends before, an action of a unit goes on and is recorded.
  absl::StatusOr<ServiceRecord> Freeze(const Actor& actor, const std::string& reason,
                                       const Patience& patience = {});
  absl::StatusOr<ServiceRecord> Unfreeze(const Actor& actor, const std::string& reason,
                                         const Patience& patience = {});
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
    std::shared_ptr<AttemptWaiter> attempt;
  };
  absl::StatusOr<Sync> StartSync(absl::string_view prefix, const Actor& actor,
                                 const std::string& reason, const Patience& patience);
  // Waits until the attempt has been made. INTERNAL: it failed; the message has the service's state
  // and revision, and the cause. ABORTED: another command came in between.
  absl::StatusOr<ServiceRecord> AwaitSync(const Sync& sync, const Patience& patience);

  // The revision that starts with `prefix`: on disk, or else in the upstream. Errors are those of
  // Source::Resolve.
  absl::StatusOr<std::string> FindRevision(absl::string_view prefix, const Patience& patience = {});

  // Publishes the result of the last poll now, ignoring back-off. FAILED_PRECONDITION: frozen.
  absl::StatusOr<ServiceRecord> TakeUp(const Patience& patience);

  // What differs on this host from what is published. FAILED_PRECONDITION: nothing is.
  absl::StatusOr<std::vector<DriftEntry>> Diff(const DiffWish& wish = {},
                                               const Patience& patience = {});
  // What a move from the published revision to the one that starts with `prefix` would change. The
  // commit has only its hash if it is not described in time, see StopBefore.
  // Errors also those of FindRevision.
  struct RevisionDiff {
    CommitInfo commit;
    std::vector<DriftEntry> differences;
  };
  absl::StatusOr<RevisionDiff> DiffTo(absl::string_view prefix, const DiffWish& wish,
                                      const Patience& patience);
  absl::StatusOr<std::vector<ChangeRecord>> Changes() const;
  std::vector<std::string> Revisions() const;
  // See Source::Describe.
  CommitInfo Describe(const std::string& revision, std::stop_token stop = {}) const;

 private:
  static constexpr char kAgent[] = "agent";

  // Why a record changes, for the history; a change without a reason gets no entry. Commands always
  // get one, even if they changed nothing.
  struct Why {
    std::string reason;
    Actor actor = kAgent;
    absl::Duration duration;
  };

  // A change of the record. It waits until the one before it is stored, and until an exchange in
  // progress has ended.
  struct Change {
    // Of what is now the record; an error: it is not made.
    std::function<absl::StatusOr<ServiceRecord>(ServiceRecord)> make;
    Why why;
    enum class Storing {
      kFirst,          // made when it is stored, else an error
      kAnyway,         // it is true already: made, and if it cannot be stored now, then later
      kMemory,         // stored with the next one; kAnyway if it changes the state
      kUnlessOrdered,  // kMemory if what is stored already leads to the same move, else kFirst
    } storing = Storing::kAnyway;
    std::function<void(const absl::Status&)> then;  // may be empty
    bool command = false;                           // before others
    std::shared_ptr<TipNote> note;                  // of a poll; may be null
  };

  // One run through everything: what is published, a move, an inspection.
  struct Pass {
    std::stop_source stop;  // a command, or the end, made it obsolete
    bool forced = false;    // does not wait for back-off
    Step step;              // of its move
    bool afresh = false;    // the move corrects drift
    bool first = false;
    absl::Time began;
    std::string reason;
    bool made = false;            // something was published and activated
    std::set<std::string> ready;  // the revisions on disk
    std::string remark;           // Source::Remark of what it published
    CommitInfo commit;            // of it
  };

  // Work with source and publisher: one at a time.
  struct Work {
    Pool pool;
    std::stop_source stop;
    std::function<void()> run;     // in the pool
    std::function<void()> then;    // in a turn
    const void* caller = nullptr;  // the Reply of the waiting caller; null: none

    // The lowest goes first: what commands look up, since a fetch of the pass may take forever;
    // passes; what people look at.
    int urgency() const {
      if (caller == nullptr) return 1;
      return pool == Pool::kGit ? 0 : 2;
    }
  };

  ServiceController(ServiceOptions options, ServiceDrivers drivers);
  absl::Status Load();
  // `whole`: the record is as it was stored.
  void LoadTip(bool whole);
  void Begin();

  // The mailbox.
  void Post(std::function<void()> message, bool command = false) ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeTurns() ABSL_LOCKS_EXCLUDED(mutex_);
  // Has a command handled in a turn, and waits for its answer.
  template <typename T>
  using Handler = std::function<void(const std::shared_ptr<Reply<T>>&)>;
  template <typename T>
  absl::StatusOr<T> Ask(const Patience& patience, Handler<T> handle);

  // Any thread.
  void RunWork(Pool pool) ABSL_LOCKS_EXCLUDED(mutex_);
  // Of what was launched and has not begun, the pool forgets. False: it has begun.
  bool TakeBack(Pool pool) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status MayExchange(const std::shared_ptr<Pass>& pass, const std::string& revision,
                           bool fallback);
  absl::StatusOr<bool> WasEdited(const std::string& revision, const std::string& published,
                                 const std::set<std::string>& ready, const std::stop_token& stop);
  std::string Named(absl::string_view message) const;
  absl::Status Refuse(Reason reason, absl::string_view message) const;  // an error about this
  absl::Status Ending() const;
  absl::Status NothingPublished() const;
  absl::StatusOr<ServiceRecord> AwaitAttempt(const std::shared_ptr<AttemptWaiter>& waiter,
                                             const Patience& patience) const;
  // A command that has a revision, looked up since `commands_` was `seen`.
  absl::StatusOr<std::shared_ptr<AttemptWaiter>> Order(
      int64_t seen, const Patience& patience, Change change,
      std::function<bool(const ServiceRecord&)> superseded, std::string* from_hash = nullptr);

  // All below: only in turns.
  void GoOn();
  void Make(Change change);
  void MakeChanges();
  void StoreAndMake(ServiceRecord next, Change change);
  bool InMemory(const ServiceRecord& next, Change::Storing storing) const;
  void Made(ServiceRecord next, const Why& why, const std::optional<ChangeRecord>& entry,
            TipNote* note = nullptr);
  // Makes a change without storing it.
  void Remember(ServiceRecord next, TipNote* note = nullptr);
  std::optional<ChangeRecord> EntryFor(const ServiceRecord& next, const Why& why) const;
  void NoteLogged(const std::string& hash, const ServiceRecord& record);
  void SetMoving(bool moving);
  void ShowView() ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<AttemptWaiter> AddWaiter(std::function<bool(const ServiceRecord&)> superseded);
  void CheckWaiters();
  void WantPass(bool forced);
  void Preempt();
  absl::Status MaySync(const ServiceRecord& record) const;
  absl::Status Frozen(const ServiceRecord& record) const;

  // Work that a command stopped gives CANCELLED, and is to be repeated if it is still wanted.
  template <typename T>
  void UseFiles(Pool pool, std::stop_source stop, std::function<T(std::stop_token)> run,
                std::function<void(T&)> then, const void* caller = nullptr);
  // One at a time. CANCELLED: the end came before it began, or its activator was stopped.
  void UseUnit(Pool pool, std::function<absl::Status()> run,
               std::function<void(absl::Status&)> then);
  void UnitDone(absl::Status status);
  void StopWork() ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends upkeep, because something else wants the files; it is repeated.
  void Revoke() ABSL_LOCKS_EXCLUDED(mutex_);
  void Launch(Pool pool, std::function<void()> run, std::function<void()> then)
      ABSL_LOCKS_EXCLUDED(mutex_);
  template <typename T>
  void ForCaller(Pool pool, std::shared_ptr<Reply<T>> reply,
                 std::function<absl::StatusOr<T>(std::stop_token)> run);

  // A pass, in this order. service_pass.cc
  void BeginPass();
  void LookedAt(const absl::StatusOr<std::string>& visible);
  void BeginMove(Step step, bool first);
  void PrepareStep();
  void Exchange(const std::string& revision, bool fallback);
  // The exchanges are done; the publication is not at its end yet.
  void Exchanged(const std::string& revision, bool fallback);
  void Published(const std::string& revision, bool fallback, const absl::Status& status);
  void Activate();
  void Activated(const absl::Status& status);
  void FallBack();
  void FellBack(const std::string& fallback, const absl::Status& status);
  void SourceFailed(const absl::Status& error);
  void Prune();
  // The move was made, or it failed; or it was not attempted in the end.
  void EndMove(bool attempted, bool ok);
  void Inspect();
  void Inspected(const absl::StatusOr<std::vector<DriftEntry>>& entries);
  void CheckHealth();
  void EndPass();
  void NoteOutcome(const std::string& target, bool ok);
  void SetTimer();
  std::string ReasonFor(const Step& step) const;
  Why WhyMoved(std::string reason) const;
  std::string Desired() const { return DesiredRevision(record_, policy_); }

  const ServiceOptions options_;
  const Policy policy_;
  const ServiceDrivers drivers_;
  std::atomic<int64_t> commands_ = 0;  // freezes, unfreezes, rollbacks and syncs so far

  mutable Mutex mutex_;  // of the mailbox and of what is handed to other threads
  CondVar ended_;        // turns ended
  std::deque<std::function<void()>> orders_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> events_ ABSL_GUARDED_BY(mutex_);
  bool in_turns_ ABSL_GUARDED_BY(mutex_) = false;
  bool at_rest_ ABSL_GUARDED_BY(mutex_) = false;  // stopping, and nothing is in progress any more
  std::shared_ptr<const ServiceView> view_ ABSL_GUARDED_BY(mutex_);
  bool hash_stored_ ABSL_GUARDED_BY(mutex_) = false;
  std::array<std::function<void()>, kPools> launched_ ABSL_GUARDED_BY(mutex_);

  // Only in turns.
  ServiceRecord record_;
  bool unsaved_ = false;
  std::optional<Why> unlogged_;  // of a change that could not be stored with its entry
  std::string logged_hash_, stored_hash_;
  CommitInfo logged_commit_;           // of logged_hash_
  std::string stored_desired_;         // DesiredRevision of what is stored
  std::optional<State> logged_state_;  // nullopt: no history yet
  absl::Time last_poll_ = absl::InfinitePast();
  absl::Time next_poll_ = absl::InfiniteFuture();
  absl::Time next_attempt_ = absl::InfiniteFuture();
  absl::Time next_inspection_ = absl::InfinitePast();
  std::string failing_target_;
  int failures_ = 0;
  bool prepared_ = false;  // the activator
  std::string remark_;     // about what this process published last; shown while all is well
  std::string rebuilt_;    // how a damaged record was rebuilt; shown until a command
  absl::Time timer_at_ = absl::InfinitePast();
  bool moving_ = false;       // an attempt to move to another revision runs
  bool established_ = false;  // in this process, the right revision was published once
  DriftScans drift_scans_;
  bool stopping_ = false;
  bool wanted_ = true;  // a pass
  bool forced_ = false;
  std::deque<Change> changes_;
  bool storing_ = false;
  bool exchanging_ = false;  // from a granted MayExchange to Exchanged(), or a failure
  AttemptWaiters waiters_;
  std::shared_ptr<Pass> pass_;
  std::deque<std::shared_ptr<Work>> work_;
  bool prune_wanted_ = false;
  std::shared_ptr<Work> working_;
  struct UnitWork {
    Pool pool;
    std::function<void(absl::Status&)> then;
  };
  std::optional<UnitWork> unit_work_;

  // Used in turns until the end is reached, then only by Stop(). Declared last, so that they end
  // before the other members are destroyed.
  std::array<std::unique_ptr<Scheduler::Job>, kPools> jobs_;
  std::unique_ptr<Scheduler::Job> timer_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_SERVICE_CONTROLLER_H_
