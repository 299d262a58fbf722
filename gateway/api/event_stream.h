#ifndef GITOPS_GATEWAY_API_EVENT_STREAM_H_
#define GITOPS_GATEWAY_API_EVENT_STREAM_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/sync/mutex.h"
#include "gateway/api/event_cursor.h"
#include "gateway/api/rpc_caller.h"
#include "gateway/api/shared_watch.h"
#include "gateway/api/stream_answer.h"

namespace gitops {

// The watches that all clients of /v1/events share, and the places for those that a client needs of
// its own at its beginning. Thread-safe.
class EventHub {
 public:
  // At most `most_catching_up` clients have watches of their own at a time.
  EventHub(std::vector<EventSource> sources, const SharedWatch::Options& options,
           int most_catching_up = 16);
  // Ends the watches for good. Call it before the scheduler and the caller end, and on none of
  // their threads.
  void Close();

  const std::vector<std::shared_ptr<SharedWatch>>& watches() const { return watches_; }
  RpcCaller* caller() const { return caller_; }

  // True: the client has a place now. False: `entered` is called when it has one, on any thread.
  bool Enter(std::function<void()> entered);
  // After a watch the place is free a moment later: a server counts it until it notices that it is
  // gone.
  void Leave(bool watched = true);

 private:
  void Release();
  absl::Time ReleaseDue();

  RpcCaller* const caller_;
  std::vector<std::shared_ptr<SharedWatch>> watches_;
  Mutex mutex_;
  int free_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::Time> leaving_ ABSL_GUARDED_BY(mutex_);  // when their places are free
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  Clock* const clock_;
  std::unique_ptr<Scheduler::Job> job_;  // changed only by the constructor and Close()
};

// Merges the watches of a hub into one stream of server-sent events for a client. An event has the
// name of what changed ("host", "deployment"), or of its source if nothing did, and as its id the
// cursor over all sources.
//
// From each source the client first gets everything as it is, or what changed since its cursor if
// the hub still has that, then each change. `restarted` says that a cursor was too old. A source
// that cannot be reached is told by an event "unavailable" with the source's name and the problem.
// Any other error ends the stream, and so does a client that is so slow that the hub no longer has
// its next event.
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  // `call`: with the caller's identity.
  EventStream(std::shared_ptr<EventHub> hub, RpcCaller::Options call, EventCursor cursor,
              std::shared_ptr<StreamAnswer> answer);

  // Starts the stream, which keeps itself alive until it ends.
  void Open();
  // Ends the stream: the client is gone, or the server stops. Thread-safe.
  void Cancel();
  // Ends the stream, and tells the client why, when it has read what was sent. Thread-safe.
  void Fail(const absl::Status& why);

 private:
  enum class State { kJoining, kQueued, kCatchingUp, kFollowing };
  struct Source {
    std::shared_ptr<SharedWatch> watch;
    int64_t client = 0;  // of the watch
    State state = State::kJoining;
    SharedWatch::Place place;  // kFollowing: of the next event
    int told_trouble = 0;
    std::optional<StreamEvent> pending;  // waits for its turn
    // kCatchingUp: the client's own watch, and its number; those of others are late.
    std::shared_ptr<RpcStream> stream;
    int64_t run = 0;
    bool unsent = false;     // its message is pending: it waits for Next()
    bool restarted = false;  // to be told with its first message
    // kJoining: not again before; the shared watch wakes the stream then.
    absl::Time not_before = absl::InfinitePast();
  };

  void Wake();
  // Sends what is pending, one event at a time, until nothing is.
  void Pump();
  // The next event in turn, with the client's own watch that it is from; none: nothing is pending.
  std::optional<StreamEvent> Take(std::shared_ptr<RpcStream>& stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Looks for an event of the source.
  void Advance(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Join(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadNext(Source& source) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CatchUp(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnMessage(size_t index, int64_t run, RpcStream& stream, const RpcCaller::Message& message);
  void OnEnd(size_t index, int64_t run, const absl::Status& status);
  // Ends the client's own watch, if it has one. Returns whether its place is free.
  static bool EndOwn(Source& source);

  const std::shared_ptr<EventHub> hub_;
  const RpcCaller::Options call_;
  const std::shared_ptr<StreamAnswer> answer_;
  Mutex mutex_;
  std::vector<Source> sources_ ABSL_GUARDED_BY(mutex_);
  EventCursor cursor_ ABSL_GUARDED_BY(mutex_);
  size_t turn_ ABSL_GUARDED_BY(mutex_) = 0;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_EVENT_STREAM_H_
