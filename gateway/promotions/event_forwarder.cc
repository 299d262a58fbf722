#include "gateway/promotions/event_forwarder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"

namespace gitops {
namespace {

absl::Status NotHandedOver(absl::string_view why) {
  return MakeError(Reason::kPromotionReceiverUnreachable,
                   absl::StrCat("the event could not be handed to the promotion receiver: ", why));
}

absl::StatusOr<std::string> ResultOf(v1::ReceivedEventOutcome outcome) {
  if (outcome.has_error()) {
    const absl::Status error = FromStatusProto(outcome.error());
    return error.ok() ? NotHandedOver("its error has no code") : error;
  }
  if (outcome.promotion().empty()) return NotHandedOver("its answer has no promotion");
  return std::move(*outcome.mutable_promotion());
}

}  // namespace

EventForwarder::EventForwarder(Send send, EventForwarderOptions options)
    : send_(std::move(send)), options_(options) {
  for (int i = 0; i < options_.calls; ++i) threads_.emplace_back([this] { Run(); });
}

EventForwarder::~EventForwarder() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  MutexLock lock(mutex_);
  for (const Waiting& waiting : queue_) waiting.done(NotHandedOver("the gateway is stopping"));
}

void EventForwarder::Forward(v1::ReceivedEvent event, Done done) {
  bool sooner = false;
  {
    MutexLock lock(mutex_);
    const SteadyTime due = Due();
    queue_.push_back({std::move(event), std::move(done), options_.clock->SteadyNow()});
    // Wake a waiting thread only if a call is due earlier than before.
    sooner = Due() < due;
  }
  if (sooner) changed_.NotifyOne();
}

void EventForwarder::Run() {
  while (true) {
    std::vector<Waiting> batch = Take();
    if (batch.empty()) return;
    Deliver(std::move(batch));
    MutexLock lock(mutex_);
    --in_flight_;
  }
}

SteadyTime EventForwarder::Due() const {
  if (queue_.empty()) return SteadyTime::Infinite();
  if (in_flight_ == 0 || queue_.size() >= options_.worth_a_call) return SteadyTime::InfinitePast();
  return queue_.front().since + options_.linger;
}

std::vector<EventForwarder::Waiting> EventForwarder::Take() {
  MutexLock lock(mutex_);
  while (!stopping_ && Due() > options_.clock->SteadyNow()) {
    options_.clock->WaitUntil(mutex_, changed_, Due());
  }
  std::vector<Waiting> batch;
  if (stopping_) return batch;
  size_t bytes = 0;
  while (!queue_.empty() && static_cast<int>(batch.size()) < options_.most_events) {
    bytes += queue_.front().event.ByteSizeLong();
    if (!batch.empty() && bytes > options_.most_bytes) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  ++in_flight_;
  // Forward() has woken only one thread for all of them.
  if (!queue_.empty()) changed_.NotifyOne();
  return batch;
}

void EventForwarder::Deliver(std::vector<Waiting> batch) {
  const SteadyTime oldest = options_.clock->SteadyNow() + -options_.patience;
  v1::ReceiveEventsRequest request;
  std::vector<Done> sent;
  for (Waiting& waiting : batch) {
    if (waiting.since < oldest) {
      waiting.done(NotHandedOver("it has too many events to store; try again"));
      continue;
    }
    *request.add_events() = std::move(waiting.event);
    sent.push_back(std::move(waiting.done));
  }
  if (sent.empty()) return;
  absl::StatusOr<v1::ReceiveEventsResponse> response = send_(request);
  if (response.ok() && response->outcomes_size() != request.events_size()) {
    response = absl::InternalError("it answered for another number of events");
  }
  for (size_t i = 0; i < sent.size(); ++i) {
    sent[i](response.ok() ? ResultOf(std::move(*response->mutable_outcomes(static_cast<int>(i))))
                          : NotHandedOver(response.status().message()));
  }
}

}  // namespace gitops
