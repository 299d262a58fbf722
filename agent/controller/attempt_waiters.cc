#include "agent/controller/attempt_waiters.h"

#include <utility>

namespace gitops {

std::shared_ptr<AttemptWaiter> AttemptWaiters::Add(
    std::function<bool(const ServiceRecord&)> superseded) {
  std::erase_if(waiters_, [](const auto& other) { return other->reply.abandoned(); });
  auto waiter = std::make_shared<AttemptWaiter>();
  waiter->superseded = std::move(superseded);
  waiters_.push_back(waiter);
  return waiter;
}

bool AttemptWaiters::Begin() {
  bool asked = false;
  for (const auto& waiter : waiters_) {
    if (waiter->stage != AttemptWaiter::Stage::kAsked) continue;
    waiter->stage = AttemptWaiter::Stage::kUnderWay;
    asked = true;
  }
  return asked;
}

void AttemptWaiters::End(bool attempted) {
  for (const auto& waiter : waiters_) {
    if (waiter->stage != AttemptWaiter::Stage::kUnderWay) continue;
    waiter->stage = attempted ? AttemptWaiter::Stage::kAttempted : AttemptWaiter::Stage::kAsked;
  }
}

void AttemptWaiters::Check(const ServiceRecord& record,
                           absl::FunctionRef<absl::Status()> superseded) {
  std::erase_if(waiters_, [&](const std::shared_ptr<AttemptWaiter>& waiter) {
    if (waiter->superseded(record)) {
      waiter->reply.Give(superseded());
      return true;
    }
    // A rollback is attempted until it ends.
    if (waiter->stage != AttemptWaiter::Stage::kAttempted || record.state == State::kRollback) {
      return false;
    }
    waiter->reply.Give(record);
    return true;
  });
}

void AttemptWaiters::Refuse(const absl::Status& status) {
  for (const auto& waiter : std::exchange(waiters_, {})) waiter->reply.Give(status);
}

}  // namespace gitops
