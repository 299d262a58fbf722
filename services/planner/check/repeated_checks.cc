#include "services/planner/check/repeated_checks.h"

#include <algorithm>
#include <cstddef>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/sync/mutex.h"
#include "common/sync/side_by_side.h"
#include "common/text/plural.h"

namespace gitops {
namespace {

constexpr absl::Duration kAskEvery = absl::Milliseconds(200);
// A period of nothing must not become a busy loop.
constexpr absl::Duration kLeastPeriod = absl::Milliseconds(10);

// The progress of one check.
struct Standing {
  bool succeeded = false;
  bool decided = false;  // it has failed, and is not tried again
  bool under_way = false;
  int tries = 0;
  SteadyTime next;
  SteadyTime ended;
  std::string answer = "it was not tried";
};

class Run {
 public:
  Run(const std::vector<RepeatedCheck>& checks, Clock* clock, absl::Duration within,
      const std::function<bool()>& give_up, const TriesSeen& seen)
      : checks_(checks),
        clock_(clock),
        give_up_(give_up),
        seen_(seen),
        began_(clock->SteadyNow()),
        deadline_(began_ + within),
        standings_(checks.size()) {
    for (Standing& standing : standings_) standing.next = began_;
  }

  void Execute() {
    const std::thread::id caller = std::this_thread::get_id();
    const int threads = std::min(static_cast<int>(checks_.size()), kMostTries);
    SideBySide(threads, threads, [&](int) {
      const bool asks = std::this_thread::get_id() == caller;
      Work([this, asks] { return asks ? GaveUp() : is_over(); });
    });
  }

  absl::Status Result(absl::Duration within) {
    MutexLock lock(mutex_);
    if (gave_up_) return absl::CancelledError("gave up waiting for the checks");
    std::vector<std::string> failed;
    for (size_t i = 0; i < checks_.size(); ++i) {
      if (standings_[i].succeeded) continue;
      failed.push_back(absl::StrCat(checks_[i].name, ": ", standings_[i].answer));
    }
    if (failed.empty()) return absl::OkStatus();
    if (Settled()) {  // not for lack of time
      return absl::FailedPreconditionError(
          absl::StrCat(CountedOf(failed.size(), checks_.size(), "check"),
                       " failed: ", absl::StrJoin(failed, "; ")));
    }
    return absl::DeadlineExceededError(
        absl::StrCat(CountedOf(failed.size(), checks_.size(), "check"), " did not succeed within ",
                     absl::FormatDuration(within), ": ", absl::StrJoin(failed, "; ")));
  }

  std::string Output() {
    MutexLock lock(mutex_);
    std::string lines;
    for (size_t i = 0; i < checks_.size(); ++i) {
      const Standing& standing = standings_[i];
      absl::StrAppend(&lines, checks_[i].name, ": ", standing.succeeded ? "ok" : "failed",
                      " (tries: ", standing.tries);
      if (standing.succeeded) {
        const absl::Duration took = absl::Trunc(standing.ended - began_, absl::Milliseconds(1));
        absl::StrAppend(&lines, ", after ", absl::FormatDuration(took), ")\n");
      } else {
        absl::StrAppend(&lines, "): ", standing.answer, "\n");
      }
    }
    return lines;
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  // Asks the caller on behalf of all threads; from the caller's own thread only.
  bool GaveUp() {
    if (is_over()) return true;
    if (!give_up_ || !give_up_()) return false;
    MutexLock lock(mutex_);
    gave_up_ = true;
    changed_.NotifyAll();
    return true;
  }

  bool is_over() {
    MutexLock lock(mutex_);
    return gave_up_;
  }

  // Makes tries as they fall due until there are none left.
  void Work(const std::function<bool()>& give_up) {
    while (!give_up()) {
      size_t taken = kNone;
      absl::Duration timeout;
      {
        MutexLock lock(mutex_);
        const SteadyTime now = clock_->SteadyNow();
        if (now >= deadline_ || Settled()) break;
        const size_t due = EarliestDue();
        if (due != kNone && standings_[due].next <= now) {
          taken = due;
          timeout = std::min(checks_[due].timeout, deadline_ - now);
          Begin(standings_[due], now);
        } else {
          const SteadyTime next = due == kNone ? deadline_ : standings_[due].next;
          clock_->WaitUntil(mutex_, changed_, std::min({next, deadline_, now + kAskEvery}));
        }
      }
      if (taken != kNone) End(taken, checks_[taken].attempt(timeout, give_up));
    }
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  }

  // Nothing is left to try, whatever time remains.
  bool Settled() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return refused_ || std::all_of(standings_.begin(), standings_.end(),
                                   [](const Standing& s) { return s.succeeded || s.decided; });
  }

  // The check to try next; kNone: all are decided or under way.
  size_t EarliestDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    size_t earliest = kNone;
    for (size_t i = 0; i < standings_.size(); ++i) {
      if (standings_[i].succeeded || standings_[i].decided || standings_[i].under_way) continue;
      if (earliest == kNone || standings_[i].next < standings_[earliest].next) earliest = i;
    }
    return earliest;
  }

  void Begin(Standing& standing, SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    standing.under_way = true;
    ++standing.tries;
    ++tries_;
    standing.next = now;
  }

  void End(size_t index, const absl::Status& status) {
    MutexLock lock(mutex_);
    Standing& standing = standings_[index];
    standing.under_way = false;
    standing.ended = clock_->SteadyNow();
    standing.next =
        std::max(standing.next + std::max(checks_[index].period, kLeastPeriod), standing.ended);
    if (status.ok()) {
      standing.succeeded = true;
    } else if (!absl::IsCancelled(status)) {
      standing.answer = std::string(status.message());
      refused_ = refused_ || absl::IsPermissionDenied(status);
      standing.decided = checks_[index].once;
    }
    if (seen_) seen_(tries_, Failing(index));
    changed_.NotifyAll();
  }

  // Of `index` if that has not succeeded, else of another one that was tried.
  std::string Failing(size_t index) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (size_t i = 0; standings_[index].succeeded && i < standings_.size(); ++i) {
      if (!standings_[i].succeeded && standings_[i].ended != SteadyTime()) index = i;
    }
    if (standings_[index].succeeded) return "";
    return absl::StrCat(checks_[index].name, ": ", standings_[index].answer);
  }

  const std::vector<RepeatedCheck>& checks_;
  Clock* const clock_;
  const std::function<bool()>& give_up_;
  const TriesSeen& seen_;
  const SteadyTime began_, deadline_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<Standing> standings_ ABSL_GUARDED_BY(mutex_);
  bool gave_up_ ABSL_GUARDED_BY(mutex_) = false;
  bool refused_ ABSL_GUARDED_BY(mutex_) = false;
  int tries_ ABSL_GUARDED_BY(mutex_) = 0;  // of all checks
};

}  // namespace

absl::Status RunRepeatedly(const std::vector<RepeatedCheck>& checks, Clock* clock,
                           absl::Duration within, const std::function<bool()>& give_up,
                           std::string* output, const TriesSeen& seen) {
  if (checks.empty()) return absl::OkStatus();
  Run run(checks, clock, within, give_up, seen);
  run.Execute();
  if (output != nullptr) absl::StrAppend(output, run.Output());
  return run.Result(within);
}

}  // namespace gitops
