#ifndef GITOPS_GATEWAY_API_STREAM_ANSWER_H_
#define GITOPS_GATEWAY_API_STREAM_ANSWER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/http/server.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"

namespace gitops {

// Whether the client asks for server-sent events rather than newline-delimited JSON.
bool WantsEvents(const HttpServerRequest& request);

struct StreamEvent {
  std::string data;  // JSON on one line
  std::string name;  // of a server-sent event; empty: none
  std::string id;    // of a server-sent event, from which a client resumes; empty: none
};

// An answer that is a stream of JSON objects: server-sent events, or one object a line. It starts
// with the first event; until then it may still fail with a status of its own.
//
// Owned by a shared_ptr. All methods but Beat are called by one thread at a time.
class StreamAnswer : public std::enable_shared_from_this<StreamAnswer> {
 public:
  StreamAnswer(std::unique_ptr<HttpExchange> exchange, bool events);

  // Sends the head now, so that the client knows that the stream is open.
  void Start();
  // Queues the event, then calls `then` once when there is room for another, or the client is gone;
  // on any thread, possibly before Send returns.
  void Send(const StreamEvent& event, std::function<void()> then);
  // Ends the stream. A client of server-sent events gets the error as an event of the name "error",
  // others as a line {"error": PROBLEM}.
  void Fail(const absl::Status& error);
  // Ends the stream.
  void End();
  // Cuts the stream off, so that the client sees that it is incomplete.
  void Abandon();

  // A comment between server-sent events, so that proxies and clients see that the stream is alive.
  void Beat();

 private:
  void StartLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendText(const std::string& text, std::function<void()> then);

  const bool events_;
  Mutex mutex_;
  std::unique_ptr<HttpExchange> exchange_ ABSL_GUARDED_BY(mutex_);  // null: ended
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
};

// Beats for every stream of it, every 15 s. Thread-safe.
class Heartbeats {
 public:
  explicit Heartbeats(Scheduler* scheduler, Clock* clock);  // not owned; must outlive this
  // `check` (may be empty) is called at each beat while the answer exists, on the scheduler's
  // thread.
  void Add(const std::shared_ptr<StreamAnswer>& answer, std::function<void()> check = nullptr);
  // A beat out of turn.
  void BeatAll();

 private:
  struct Beating {
    std::weak_ptr<StreamAnswer> answer;
    std::function<void()> check;
  };

  Mutex mutex_;
  std::vector<Beating> answers_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Scheduler::Job> job_;  // last: it uses the others
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_STREAM_ANSWER_H_
