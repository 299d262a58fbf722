#ifndef GITOPS_GATEWAY_API_SHARED_WATCH_H_
#define GITOPS_GATEWAY_API_SHARED_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/retry/backoff.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "gateway/api/rpc_caller.h"
#include "gateway/api/stream_answer.h"

namespace gitops {

// A watch whose messages are events.
struct EventSource {
  std::string name;  // "fleet"
  std::shared_ptr<const Backend> backend;
  // Its request has a `resume_token`; its answer has one too, `initial_done` and `restarted`.
  const google::protobuf::MethodDescriptor* method = nullptr;
};

// Whether a server that ends a watch with this may accept it later.
bool IsTransient(const absl::Status& status);
// A message of a source as an event: its name is what changed ("host"), or the source if nothing
// did; its id is the message's resume token. Errors are those of ToJson.
absl::StatusOr<StreamEvent> EventOf(const EventSource& source, const RpcCaller::Message& message);
// The message of a source that says only that there is nothing more from before `token`.
StreamEvent InitialDone(const EventSource& source, const std::string& token);
bool IsInitialDone(const RpcCaller::Message& message);

// One watch of a source for all clients: keeps the newest events, from which each client reads at
// its own pace. Does not keep the state of the source: a client that has not followed from the
// beginning gets that by a watch of its own first.
//
// Runs while there are clients and a while longer. A watch that its server ends is called again,
// with back-off, from where it was. Thread-safe. Owned by a shared_ptr.
class SharedWatch : public std::enable_shared_from_this<SharedWatch> {
 public:
  struct Options {
    RpcCaller* caller = nullptr;     // not owned
    Scheduler* scheduler = nullptr;  // not owned
    Clock* clock = Clock::System();  // not owned
    RpcCaller::Options call;         // of the watch
    Backoff backoff = kWatchBackoff;
    size_t most_events = 10'000;
    size_t most_bytes = 16 << 20;
    absl::Duration linger = absl::Minutes(1);  // without clients
  };
  SharedWatch(EventSource source, const Options& options);
  // Ends the watch for good. Call it before the scheduler and the caller end, and not in `wake`.
  void Close();

  const EventSource& source() const { return source_; }

  // Adds a client. `wake` is called, on any thread, whenever what the other methods say may have
  // changed; it must not block. If the watch does not run, it starts: from `token` if that is not
  // empty.
  int64_t Enter(const std::string& token, std::function<void()> wake);
  // Ends a client. A call of `wake` may still be in progress.
  void Leave(int64_t client);

  struct Place {
    uint64_t position = 0;  // of the next event
    std::string token;      // what a client has that has read up to there
    bool resumes = false;   // no event is missing after the client's token
  };
  // Where a client with this token goes on; nullopt: the watch does not follow its source yet.
  std::optional<Place> Join(const std::string& token) const;

  struct Reading {
    std::shared_ptr<const StreamEvent> event;  // null: none yet, or lost
    bool lost = false;                         // it is no longer kept
  };
  Reading Read(uint64_t position) const;

  // Why the source cannot be watched now, if that is another trouble than the one with number
  // `told`, which then becomes this one's.
  std::optional<absl::Status> NewTrouble(int& told) const;
  // The error with which the watch has ended for this client, if it has.
  absl::Status Failure(int64_t client) const;
  // Wakes all clients after a pause.
  static constexpr absl::Duration kWakeAfter = absl::Seconds(1);
  void WakeLater();

 private:
  struct Client {
    std::function<void()> wake;
    absl::Status failure;
  };

  void OpenLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StopLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns whether clients have something to read that they had not before.
  bool KeepLocked(const RpcCaller::Message& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnMessage(int64_t run, RpcStream& stream, const RpcCaller::Message& message);
  void OnEnd(int64_t run, const absl::Status& status);
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The job: does what is due.
  absl::Time Tick();
  void WakeAll();

  const EventSource source_;
  const Options options_;
  mutable Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<int64_t, Client> clients_ ABSL_GUARDED_BY(mutex_);
  int64_t last_client_ ABSL_GUARDED_BY(mutex_) = 0;

  bool running_ ABSL_GUARDED_BY(mutex_) = false;  // also between two attempts
  int64_t run_ ABSL_GUARDED_BY(mutex_) = 0;       // of the stream; messages of others are late
  std::shared_ptr<RpcStream> stream_ ABSL_GUARDED_BY(mutex_);
  bool live_ ABSL_GUARDED_BY(mutex_) = false;      // has everything from `start_token_` on
  bool skipping_ ABSL_GUARDED_BY(mutex_) = false;  // what there was when the watch began
  std::string token_ ABSL_GUARDED_BY(mutex_);      // the last one
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;       // in a row
  std::optional<absl::Status> trouble_ ABSL_GUARDED_BY(mutex_);
  int trouble_number_ ABSL_GUARDED_BY(mutex_) = 0;

  // The events from position `first_` on. `start_token_` is what a client has that has read those
  // before; empty: none says that.
  std::deque<std::shared_ptr<const StreamEvent>> events_ ABSL_GUARDED_BY(mutex_);
  uint64_t first_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string start_token_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;

  absl::Time open_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Time stop_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Time wake_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::unique_ptr<Scheduler::Job> job_;  // changed only by the constructor and Close()
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_SHARED_WATCH_H_
