#include "services/promotion_receiver/engine/environment_queue.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "common/text/random_hex.h"

namespace gitops {
namespace {

using record::v1::Promotion;
using record::v1::PromotionState;
constexpr auto kRunning = record::v1::PROMOTION_STATE_RUNNING;

// Waits for a wall time are looked at again after this time, since the clock may be set meanwhile.
constexpr absl::Duration kLongestWait = absl::Minutes(10);
// When another queue promotes into the same environment.
constexpr absl::Duration kTargetInUse = absl::Seconds(1);
// Between two looks at an effect that has begun, whatever the strategy says.
constexpr absl::Duration kShortestPoll = absl::Milliseconds(100);
constexpr size_t kLongestMessage = 2000;

double Random() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

bool MayWorkLater(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsAborted(status) || absl::IsCancelled(status);
}

// What a strategy said, in the record. Returns the state before.
void Note(const absl::StatusOr<PromotionResult>& result, absl::Time now, Promotion& promotion) {
  using End = PromotionResult::End;
  if (!result.ok()) {
    const absl::Status& error = result.status();
    const std::string text(error.message().substr(0, kLongestMessage));
    promotion.set_attempt_count(promotion.attempt_count() + 1);
    promotion.set_last_error(text);
    if (!MayWorkLater(error)) {
      SetState(promotion, record::v1::PROMOTION_STATE_FAILED, text, now);
      return;
    }
    const absl::Duration pause =
        std::max(kPromotionBackoff.After(promotion.attempt_count(), Random()),
                 RetryDelayOf(error).value_or(absl::ZeroDuration()));
    *promotion.mutable_next_attempt_time() = ToTimestamp(now + pause);
    promotion.set_message(absl::StrCat("will be tried again: ", text));
    return;
  }
  promotion.clear_next_attempt_time();
  if (!result->result.empty()) promotion.set_result(result->result);
  const std::string message = result->message.substr(0, kLongestMessage);
  if (result->end == End::kInProgress) {
    promotion.set_message(message);
    return;
  }
  promotion.set_attempt_count(promotion.attempt_count() + 1);
  SetState(promotion,
           result->end == End::kDone ? record::v1::PROMOTION_STATE_SUCCEEDED
                                     : record::v1::PROMOTION_STATE_REJECTED,
           message, now);
}

bool SameProgress(const Promotion& a, const Promotion& b) {
  return a.state() == b.state() && a.message() == b.message() && a.result() == b.result() &&
         a.attempt_count() == b.attempt_count() &&
         a.has_next_attempt_time() == b.has_next_attempt_time();
}

}  // namespace

bool TargetsInUse::Take(const EnvironmentName& target) {
  MutexLock lock(mutex_);
  return targets_.insert(target).second;
}

void TargetsInUse::GiveBack(const EnvironmentName& target) {
  MutexLock lock(mutex_);
  targets_.erase(target);
}

EnvironmentQueue::EnvironmentQueue(EnvironmentName source, EngineShared* shared)
    : source_(std::move(source)), shared_(shared) {
  MutexLock lock(jobs_mutex_);
  decide_ = shared_->deciders->Add(absl::InfinitePast(), [this] { return Decide(); });
  call_ = shared_->callers->Add(absl::InfiniteFuture(), [this] { return Call(); });
}

EnvironmentQueue::~EnvironmentQueue() { Stop(); }

void EnvironmentQueue::Wake() {
  MutexLock lock(jobs_mutex_);
  if (decide_ != nullptr) decide_->Wake();
}

void EnvironmentQueue::Look() {
  MutexLock lock(jobs_mutex_);
  const SteadyTime now = shared_->clock->SteadyNow();
  if (now < paced_until_ || decide_ == nullptr) return;  // Decide() runs again then
  paced_until_ = now + shared_->pace;
  decide_->Wake();
}

void EnvironmentQueue::Stop() {
  std::unique_ptr<Scheduler::Job> decide, call;
  {
    MutexLock lock(jobs_mutex_);
    decide = std::move(decide_);
    call = std::move(call_);
  }
  call.reset();
  decide.reset();
}

absl::Time EnvironmentQueue::Decide() {
  if (*shared_->stopping) return absl::InfiniteFuture();
  const SteadyTime began = shared_->clock->SteadyNow();
  absl::Time again;
  {
    MutexLock lock(mutex_);
    const absl::StatusOr<absl::Time> settled = Settle();
    const absl::Time now = shared_->clock->Now();
    if (settled.ok()) {
      failures_ = 0;
      again =
          *settled == absl::InfiniteFuture() ? *settled : std::min(*settled, now + kLongestWait);
    } else {
      again = now + kStoreBackoff.After(++failures_);
      LogWarning("Promotions cannot be brought up to date now; trying again",
                 {{"environment", source_.Text()}, {"error", settled.status().ToString()}});
    }
  }
  MutexLock lock(jobs_mutex_);
  if (call_ != nullptr) call_->Wake();
  if (began < paced_until_) {
    const absl::Duration left = paced_until_ - shared_->clock->SteadyNow();
    again = std::min(again, shared_->clock->Now() + left);
  }
  return again;
}

EnvironmentPlan EnvironmentQueue::Plan() {
  EnvironmentSnapshot snapshot;
  snapshot.source = source_;
  {
    MutexLock lock(shared_->configuring);
    snapshot.pipeline = shared_->pipeline(source_);
    snapshot.observed = shared_->observer->Of(source_);
    if (snapshot.pipeline != nullptr) {
      if (const Environment* const next = snapshot.pipeline->After(source_.environment)) {
        snapshot.next_observed =
            shared_->observer->Of({source_.namespace_, source_.pipeline, next->name});
      }
    }
  }
  snapshot.unfinished =
      shared_->store->UnfinishedOf(source_.namespace_, source_.pipeline, source_.environment);
  snapshot.newest =
      shared_->store->Newest(source_.namespace_, source_.pipeline, source_.environment);
  snapshot.hold_of = [this](const std::string& target) {
    return shared_->store->HoldOf(source_.namespace_, source_.pipeline, target);
  };
  snapshot.blocked = [this](const Strategy& strategy) {
    if (shared_->promoter(strategy) != nullptr) return std::string();
    return absl::StrCat("this promotion receiver is not set up for the strategy ",
                        StrategyName(strategy));
  };
  snapshot.calling = calling_;
  snapshot.now = shared_->clock->Now();
  return PlanEnvironment(
      snapshot, [&] { return shared_->store->NewId(snapshot.now); }, [] { return RandomHex(32); });
}

absl::StatusOr<absl::Time> EnvironmentQueue::Settle() {
  EnvironmentPlan plan = Plan();
  absl::Status status;
  if (plan.exclusive) {
    status = shared_->store->Decide([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      plan = Plan();
      return Write(plan.writes);
    });
  } else {
    status = Write(plan.writes);
  }
  NoteDepth();
  // Something else has changed one of them: look again at once.
  if (absl::IsAborted(status)) return shared_->clock->Now();
  if (!status.ok()) return status;
  return plan.again;
}

void EnvironmentQueue::NoteDepth() {
  const std::vector<SharedPromotion> unfinished =
      shared_->store->UnfinishedOf(source_.namespace_, source_.pipeline, source_.environment);
  const int depth = static_cast<int>(
      std::count_if(unfinished.begin(), unfinished.end(),
                    [](const SharedPromotion& p) { return p->state() == kRunning; }));
  if (depth != depth_) shared_->depth(depth - depth_);
  depth_ = depth;
}

absl::Status EnvironmentQueue::Write(const std::vector<PromotionWrite>& writes,
                                     const std::vector<StoreWrite>& others) {
  if (writes.empty()) return absl::OkStatus();
  const absl::Status status = shared_->store->Write(writes, others);
  if (!status.ok()) return status;
  for (const PromotionWrite& write : writes) {
    const Promotion& promotion = *write.promotion;
    if (HasEnded(promotion.state())) shared_->ended(promotion);
    LogInfo("Promotion", {{"promotion", promotion.id()},
                          {"into", absl::StrCat(promotion.namespace_(), "/", promotion.pipeline(),
                                                "/", promotion.environment())},
                          {"revision", promotion.revision()},
                          {"state", record::v1::PromotionState_Name(promotion.state())},
                          {"message", promotion.message()}});
  }
  return absl::OkStatus();
}

absl::Status EnvironmentQueue::Write(const Promotion& promotion, PromotionState from) {
  PromotionWrite write;
  write.promotion = promotion;
  write.from = from;
  return Write({write});
}

absl::Time EnvironmentQueue::DueOf(const Promotion& promotion) const {
  const auto poll = polls_.find(promotion.id());
  if (poll != polls_.end()) return poll->second;
  if (promotion.has_next_attempt_time()) return FromTimestamp(promotion.next_attempt_time());
  return absl::InfinitePast();
}

Promoter* EnvironmentQueue::PromoterFor(const Pipeline& pipeline,
                                        const Promotion& promotion) const {
  const Environment* const target = pipeline.Find(promotion.environment());
  if (target == nullptr || !target->promotion.strategy.has_value()) return nullptr;
  return shared_->promoter(*target->promotion.strategy);
}

std::optional<EnvironmentQueue::Turn> EnvironmentQueue::NextTurn(absl::Time& next) {
  next = absl::InfiniteFuture();
  const std::shared_ptr<const Pipeline> pipeline = shared_->pipeline(source_);
  if (pipeline == nullptr) return std::nullopt;
  const absl::Time now = shared_->clock->Now();
  for (const SharedPromotion& shared :
       shared_->store->UnfinishedOf(source_.namespace_, source_.pipeline, source_.environment)) {
    const Promotion& promotion = *shared;
    if (promotion.state() != kRunning) continue;
    Promoter* const promoter = PromoterFor(*pipeline, promotion);
    if (promoter == nullptr) continue;
    absl::Time due = DueOf(promotion);
    if (due <= now) {
      if (shared_->targets.Take({source_.namespace_, source_.pipeline, promotion.environment()})) {
        return Turn{.order = {.promotion = promotion, .pipeline = *pipeline}, .promoter = promoter};
      }
      due = now + kTargetInUse;
    }
    next = std::min(next, due);
  }
  return std::nullopt;
}

void EnvironmentQueue::Finish(const std::string& id, absl::StatusOr<PromotionResult> result) {
  const absl::Time now = shared_->clock->Now();
  const auto retry = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    polls_[id] = now + kStoreBackoff.After(++failures_);
    outcomes_.insert_or_assign(id, std::move(result));
  };
  absl::StatusOr<Promotion> promotion = shared_->store->Get(id);
  if (!promotion.ok() && !absl::IsNotFound(promotion.status())) return retry();
  outcomes_.erase(id);
  polls_.erase(id);
  if (!promotion.ok() || promotion->state() != kRunning) return;
  const Promotion before = *promotion;
  Note(result, now, *promotion);
  if (!SameProgress(before, *promotion) || promotion->has_next_attempt_time()) {
    const absl::Status stored = Write(*promotion, kRunning);
    if (!stored.ok() && !absl::IsAborted(stored)) return retry();
  }
  failures_ = 0;
  if (promotion->state() == kRunning && result.ok()) {
    polls_[id] = now + std::max(result->again, kShortestPoll);
  }
}

absl::Time EnvironmentQueue::Call() {
  std::optional<Turn> turn;
  absl::StatusOr<PromotionResult> result = absl::UnknownError("");
  {
    MutexLock lock(mutex_);
    absl::Time next = absl::InfiniteFuture();
    if (*shared_->stopping) return next;
    turn = NextTurn(next);
    if (!turn.has_value()) return next;
    calling_ = turn->order.promotion.id();
    const auto kept = outcomes_.find(calling_);
    if (kept != outcomes_.end()) {
      result = kept->second;
      turn->promoter = nullptr;
    }
  }
  const Promotion& promotion = turn->order.promotion;
  if (turn->promoter != nullptr) {
    turn->order.give_up = [this] { return shared_->stopping->load(); };
    result = turn->promoter->Promote(turn->order);
  }
  shared_->targets.GiveBack({source_.namespace_, source_.pipeline, promotion.environment()});
  {
    MutexLock lock(mutex_);
    calling_.clear();
    // Told to give up: it goes on after the restart.
    if (*shared_->stopping && absl::IsCancelled(result.status())) return absl::InfiniteFuture();
    Finish(promotion.id(), std::move(result));
  }
  Wake();
  return absl::InfinitePast();
}

}  // namespace gitops
