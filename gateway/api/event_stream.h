#ifndef GITOPS_GATEWAY_API_EVENT_STREAM_H_
#define GITOPS_GATEWAY_API_EVENT_STREAM_H_

#include <grpcpp/alarm.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/retry/backoff.h"
#include "common/sync/mutex.h"
#include "gateway/api/event_cursor.h"
#include "gateway/api/rpc_caller.h"
#include "gateway/api/stream_answer.h"

namespace gitops {

// A watch whose messages are events.
struct EventSource {
  std::string name;  // "fleet"
  std::shared_ptr<const Backend> backend;
  // Its request has a `resume_token`, and so has its answer.
  const google::protobuf::MethodDescriptor* method = nullptr;
};

// Merges watches into one stream of server-sent events. An event has the name of what changed
// ("host", "deployment"), or of its source if nothing did, and as its id the cursor over all
// sources.
//
// A source that cannot be reached, or whose watch its server ends, is called again, with back-off,
// from where it was; the client then gets an event "unavailable" with the source's name and the
// problem. Any other error ends the stream.
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(RpcCaller* caller, RpcCaller::Options call, std::vector<EventSource> sources,
              EventCursor cursor, std::shared_ptr<StreamAnswer> answer,
              Backoff backoff = kWatchBackoff);

  // Starts the watches. The stream keeps itself alive until it ends.
  void Open();
  // Ends the stream: the client is gone, or the server stops. Thread-safe.
  void Cancel();

 private:
  struct Source {
    EventSource source;
    std::shared_ptr<RpcStream> stream;   // null: between two attempts
    std::optional<StreamEvent> pending;  // waits for its turn
    int failures = 0;                    // in a row
    std::unique_ptr<grpc::Alarm> retry;
  };

  void OpenSource(size_t index);
  void OnMessage(size_t index, RpcStream& stream, const RpcCaller::Message& message);
  void OnEnd(size_t index, const absl::Status& status);
  void RetryLater(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sends what is pending, one event at a time, until nothing is.
  void Pump();
  // The next event in turn, with its source's stream; none: nothing is pending.
  std::optional<StreamEvent> TakePending(std::shared_ptr<RpcStream>& stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  RpcCaller* const caller_;
  const RpcCaller::Options call_;
  const std::shared_ptr<StreamAnswer> answer_;
  const Backoff backoff_;
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
