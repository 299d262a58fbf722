#include "agent/operation/operations.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/rpc/error.h"
#include "common/store/convert.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

// How often a waiting call checks whether its client is gone.
constexpr std::chrono::milliseconds kCancelCheck{100};
constexpr size_t kLongestId = 500;
constexpr size_t kLongestActor = 400;
constexpr size_t kLongestReason = 1000;
constexpr size_t kLongestService = 255;  // as the config's
constexpr size_t kLongestMessage = 4000;
constexpr size_t kLongestOutput = 64 << 10;

// All of it is stored, so every length is limited.
absl::Status CheckOperation(const v1::PerformActionRequest& request) {
  const v1::Operation& operation = request.operation();
  if (operation.id().empty() || operation.id().size() > kLongestId) {
    return InvalidField("operation.id",
                        absl::StrCat("an operation needs an id of 1 to ", kLongestId,
                                     " bytes; this one has ", operation.id().size()));
  }
  if (operation.fencing() <= 0) {
    return InvalidField("operation.fencing", absl::StrCat("operation ", operation.id(),
                                                          ": it needs a fencing number above 0"));
  }
  const struct {
    const char* field;
    const std::string& text;
    size_t longest;
  } texts[] = {{"operation.deployment", operation.deployment(), kLongestId},
               {"operation.actor", operation.actor(), kLongestActor},
               {"operation.reason", operation.reason(), kLongestReason},
               {"service", request.service(), kLongestService}};
  for (const auto& [field, text, longest] : texts) {
    if (text.size() <= longest) continue;
    return InvalidField(field, absl::StrCat("operation ", operation.id(), ": ", field, " has ",
                                            text.size(), " bytes; the limit is ", longest));
  }
  return absl::OkStatus();
}

absl::Status CheckSame(const v1::PerformActionRequest& request, const std::string& action,
                       const std::string& service) {
  if (request.action() == action && request.service() == service) return absl::OkStatus();
  return MakeError(
      Reason::kOperationIdReused,
      absl::StrCat("operation ", request.operation().id(), " is \"", action, "\" of \"", service,
                   "\" already; use another id for another action"));
}

absl::Status Ending() {
  return MakeError(Reason::kServerStopping,
                   "the agent is stopping; try again with the same operation id");
}

ActionOutcome Remembered(const record::v1::Operation& stored) {
  ActionOutcome outcome{static_cast<absl::StatusCode>(stored.code()), stored.message(),
                        Converted<v1::PerformActionResponse>(stored.response()), stored.details()};
  outcome.response.set_repeated_operation(true);
  return outcome;
}

}  // namespace

Operations::Operations(OperationMemory* memory, ActionRunner* actions, Clock* clock,
                       Scheduler* scheduler)
    : memory_(memory), actions_(actions), clock_(clock) {
  job_ = scheduler->Add(absl::InfiniteFuture(), [this] { return Run(); });
}

Operations::~Operations() { Stop(); }

void Operations::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
}

bool Operations::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

ActionOutcome Operations::Perform(const v1::PerformActionRequest& request,
                                  const Patience& patience) {
  if (absl::Status good = CheckOperation(request); !good.ok()) return ActionOutcome::Of(good);
  if (absl::Status can = actions_->Check(request); !can.ok()) return ActionOutcome::Of(can);
  ActionOutcome answered;
  std::shared_ptr<Entry> entry = Enter(request, answered);
  if (entry == nullptr) return answered;
  job_->Wake();
  return Await(entry, patience);
}

std::shared_ptr<Operations::Entry> Operations::Enter(const v1::PerformActionRequest& request,
                                                     ActionOutcome& answered) {
  const std::string& id = request.operation().id();
  MutexLock lock(mutex_);
  const auto answer = [&](const absl::Status& status) {
    answered = ActionOutcome::Of(status);
    return nullptr;
  };
  if (stopping_) return answer(Ending());
  if (calls_ >= kMostOperationCalls) {
    return answer(
        MakeError(Reason::kTooManyCalls,
                  absl::StrCat(calls_, " calls already wait for operations of this host")));
  }
  absl::Status admitted = memory_->Admit(request.operation().fencing());
  if (!admitted.ok()) return answer(admitted);
  auto found = entries_.find(id);
  if (found == entries_.end()) {
    auto stored = memory_->Find(id);
    if (!stored.ok()) return answer(stored.status());
    if (const std::optional<record::v1::Operation>& known = *stored) {
      absl::Status same = CheckSame(request, known->action(), known->service());
      if (!same.ok()) return answer(same);
      if (known->ended()) {
        answered = Remembered(*known);
        return nullptr;
      }
    }
    found = entries_.emplace(id, std::make_shared<Entry>(request)).first;
    queue_.push_back(id);
  }
  const v1::PerformActionRequest& known = found->second->request;
  absl::Status same = CheckSame(request, known.action(), known.service());
  if (!same.ok()) return answer(same);
  ++calls_;
  ++found->second->waiting;
  return found->second;
}

ActionOutcome Operations::Await(const std::shared_ptr<Entry>& entry, const Patience& patience) {
  const std::string& id = entry->request.operation().id();
  MutexLock lock(mutex_);
  std::optional<absl::Status> gave_up;
  while (!entry->done && !gave_up.has_value()) {
    if (stopping_) {
      gave_up = Ending();
    } else if (patience.cancelled()) {
      gave_up = absl::CancelledError("the caller is gone");
    } else if (clock_->Now() >= patience.deadline) {
      gave_up = absl::DeadlineExceededError(absl::StrCat(
          "operation ", id, entry->begun ? " is still in progress" : " has not started",
          " at the time limit; try again with the same id"));
    } else {
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCancelCheck);
    }
  }
  --calls_;
  --entry->waiting;
  if (!gave_up.has_value()) return entry->outcome;
  if (!entry->begun && entry->waiting == 0) {
    entries_.erase(id);
    queue_.erase(std::find(queue_.begin(), queue_.end(), id));
  }
  return ActionOutcome::Of(*gave_up);
}

absl::Time Operations::Run() {
  std::shared_ptr<Entry> entry;
  {
    MutexLock lock(mutex_);
    if (queue_.empty() || stopping_) return absl::InfiniteFuture();
    entry = entries_[queue_.front()];
    queue_.pop_front();
    entry->begun = true;
  }
  ActionOutcome outcome = Do(*entry);
  MutexLock lock(mutex_);
  entry->outcome = std::move(outcome);
  entry->done = true;
  entries_.erase(entry->request.operation().id());
  changed_.NotifyAll();
  return queue_.empty() ? absl::InfiniteFuture() : clock_->Now();
}

ActionOutcome Operations::Do(const Entry& entry) {
  const v1::PerformActionRequest& request = entry.request;
  const std::string& id = request.operation().id();
  // A newer deployment may have come while this one waited.
  absl::Status admitted = memory_->Admit(request.operation().fencing());
  if (!admitted.ok()) return ActionOutcome::Of(admitted);
  auto stored = memory_->Find(id);
  if (!stored.ok()) return ActionOutcome::Of(stored.status());
  const std::optional<record::v1::Operation>& known = *stored;
  const bool again = known.has_value();
  record::v1::Operation operation = known.value_or(record::v1::Operation());
  if (!again) {
    operation.set_action(request.action());
    operation.set_service(request.service());
    *operation.mutable_begin_time() = ToTimestamp(clock_->Now());
    if (absl::Status noted = actions_->Note(request, operation); !noted.ok()) {
      return ActionOutcome::Of(noted);
    }
    if (absl::Status saved = memory_->Save(id, operation); !saved.ok())
      return ActionOutcome::Of(saved);
  }
  const auto abandoned = [&] {
    MutexLock lock(mutex_);
    return entry.waiting == 0;
  };
  ActionOutcome outcome = actions_->Perform(request, operation, again, abandoned);
  outcome.response.set_output(ValidUtf8(outcome.response.output(), kLongestOutput));
  if (!outcome.ok() && stopping()) return ActionOutcome::Of(Ending());
  if (outcome.code == absl::StatusCode::kCancelled && abandoned()) {
    outcome = ActionOutcome::Of(absl::UnavailableError(absl::StrCat(
        "operation ", id, " was given up, since its caller is gone; repeat it with the same id")));
  }
  LogInfo("operation", {{"id", id},
                        {"action", request.action()},
                        {"actor", request.operation().actor()},
                        {"result", absl::StatusCodeToString(outcome.code)},
                        {"message", outcome.message}});
  if (outcome.code == absl::StatusCode::kUnavailable) return outcome;
  operation.set_ended(true);
  operation.set_code(static_cast<int>(outcome.code));
  operation.set_message(ValidUtf8(outcome.message, kLongestMessage));
  Convert(outcome.response, *operation.mutable_response());
  *operation.mutable_details() = outcome.details;
  if (absl::Status saved = memory_->Save(id, operation); !saved.ok()) {
    return ActionOutcome::Of(absl::UnavailableError(
        absl::StrCat("operation ", id,
                     " has ended, but its outcome cannot be stored; try again with the same id: ",
                     saved.message())));
  }
  return outcome;
}

}  // namespace gitops
