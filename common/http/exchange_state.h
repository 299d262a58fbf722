#ifndef GITOPS_COMMON_HTTP_EXCHANGE_STATE_H_
#define GITOPS_COMMON_HTTP_EXCHANGE_STATE_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/http/message.h"
#include "common/sync/mutex.h"

namespace gitops {

// A share of the memory for request bodies; returned when the object is destroyed.
class BodyShare {
 public:
  explicit BodyShare(std::shared_ptr<std::atomic<size_t>> used) : used_(std::move(used)) {}
  ~BodyShare() { *used_ -= size_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  // Takes `size` bytes. Call it once. Returns false if all shares together would exceed `most`.
  bool Take(size_t size, size_t most) {
    size_ = size;
    return used_->fetch_add(size) + size <= most;
  }

 private:
  const std::shared_ptr<std::atomic<size_t>> used_;
  size_t size_ = 0;
};

// The shared state of an exchange's handler and its connection. Thread-safe.
class HttpExchangeState {
 public:
  // `wake`: see WaitForNews. `share` covers the request's body.
  HttpExchangeState(HttpServerRequest request, std::shared_ptr<BodyShare> share,
                    size_t stream_buffer, std::function<void()> wake);
  ~HttpExchangeState();

  const HttpServerRequest request;

  // For HttpExchange; see there.
  void Respond(HttpServerResponse response);
  void Start(HttpServerResponse head);
  absl::Status Write(std::string data, absl::Duration patience);
  void OnRoom(std::function<void()> callback);
  void Finish();
  void Abandon();
  void OnCancel(std::function<void()> callback);
  void OnEnd(std::function<void(int)> callback);

  // For the connection.
  struct News {
    std::optional<HttpServerResponse> head;  // of a stream, or a whole answer; returned once
    bool streams = false;
    std::string data;        // of the stream, since the last call
    bool finished = false;   // nothing follows
    bool abandoned = false;  // nothing follows, and the answer is incomplete
  };
  News Take();
  // Returns true if Take() has nothing new to return; `wake` is then called once, on a thread of
  // the handler, when it has.
  bool WaitForNews();
  // Calls the callback of OnCancel unless the answer is finished.
  void Cancel(bool streams_only = false);
  bool streams() const;
  // Cancels; from now on `wake` is not called and Write fails.
  void Close();

 private:
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || data_.size() < stream_buffer_;
  }
  void Changed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<BodyShare> share_;
  const size_t stream_buffer_;
  mutable Mutex mutex_;
  CondVar room_;
  std::function<void()> wake_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_cancel_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_room_ ABSL_GUARDED_BY(mutex_);
  std::function<void(int)> on_end_ ABSL_GUARDED_BY(mutex_);
  int status_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<HttpServerResponse> head_ ABSL_GUARDED_BY(mutex_);
  std::string data_ ABSL_GUARDED_BY(mutex_);
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  bool streams_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_EXCHANGE_STATE_H_
