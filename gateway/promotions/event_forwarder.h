#ifndef GITOPS_GATEWAY_PROMOTIONS_EVENT_FORWARDER_H_
#define GITOPS_GATEWAY_PROMOTIONS_EVENT_FORWARDER_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops {

struct EventForwarderOptions {
  int calls = 2;  // in flight at the same time
  // While a call is in flight, fewer events than these wait for its end, but not longer than that.
  size_t worth_a_call = 24;
  absl::Duration linger = absl::Milliseconds(10);
  int most_events = 500;        // of one call; the API allows 1,000
  size_t most_bytes = 3 << 20;  // of one call, unless a single event is larger
  // An event that waits longer for its call is refused: Flux gives up after 15 s.
  absl::Duration patience = absl::Seconds(5);
  Clock* clock = Clock::System();  // not owned
};

// Hands Flux events to the promotion receiver. An event is sent at once if no call is in flight.
// Otherwise it waits a little for others, and those that wait travel together: the receiver stores
// one call after the other, and each has costs of its own. Thread-safe.
class EventForwarder {
 public:
  // The id of the promotion, or why the event was refused. Never waits for a call.
  using Done = std::function<void(absl::StatusOr<std::string>)>;
  // Makes one call. Must return within a bounded time.
  using Send =
      std::function<absl::StatusOr<v1::ReceiveEventsResponse>(const v1::ReceiveEventsRequest&)>;

  explicit EventForwarder(Send send, EventForwarderOptions options = {});
  // Waits for the calls in flight, and refuses the events that still wait.
  ~EventForwarder();
  EventForwarder(const EventForwarder&) = delete;
  EventForwarder& operator=(const EventForwarder&) = delete;

  // Does not block. Calls `done` once, on a thread of the forwarder. If the call fails, whatever
  // the reason, the error is PROMOTION_RECEIVER_UNREACHABLE: the client did nothing wrong and may
  // retry.
  void Forward(v1::ReceivedEvent event, Done done);

 private:
  struct Waiting {
    v1::ReceivedEvent event;
    Done done;
    SteadyTime since;
  };

  void Run();
  // The events of the next call; empty: stopping.
  std::vector<Waiting> Take();
  // When the events that wait are to be sent at the latest.
  SteadyTime Due() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Deliver(std::vector<Waiting> batch);

  const Send send_;
  const EventForwarderOptions options_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_PROMOTIONS_EVENT_FORWARDER_H_
