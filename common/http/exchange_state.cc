#include "common/http/exchange_state.h"

#include <chrono>

namespace gitops {

HttpExchangeState::HttpExchangeState(HttpServerRequest request, std::shared_ptr<BodyShare> share,
                                     size_t stream_buffer, std::function<void()> wake)
    : request(std::move(request)),
      share_(std::move(share)),
      stream_buffer_(stream_buffer),
      wake_(std::move(wake)) {}

HttpExchangeState::~HttpExchangeState() {
  std::function<void(int)> callback;
  int status = 0;
  {
    MutexLock lock(mutex_);
    callback = std::move(on_end_);
    status = status_;
  }
  if (callback) callback(status);
}

void HttpExchangeState::Respond(HttpServerResponse response) {
  MutexLock lock(mutex_);
  status_ = response.status;
  head_ = std::move(response);
  finished_ = true;
  Changed();
}

void HttpExchangeState::Start(HttpServerResponse head) {
  MutexLock lock(mutex_);
  status_ = head.status;
  streams_ = true;
  data_ = std::move(head.body);
  head_ = std::move(head);
  Changed();
}

absl::Status HttpExchangeState::Write(std::string data, absl::Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience);
  MutexLock lock(mutex_);
  while (!HasRoom()) {
    if (patience <= absl::ZeroDuration() || !room_.WaitUntil(mutex_, deadline)) {
      return absl::ResourceExhaustedError("the client reads the stream too slowly");
    }
  }
  if (closed_) return absl::CancelledError("the client is gone or the server has stopped");
  data_ += data;
  Changed();
  return absl::OkStatus();
}

void HttpExchangeState::OnRoom(std::function<void()> callback) {
  {
    MutexLock lock(mutex_);
    if (!HasRoom()) {
      on_room_ = std::move(callback);
      return;
    }
  }
  callback();
}

void HttpExchangeState::Finish() {
  MutexLock lock(mutex_);
  finished_ = true;
  Changed();
}

void HttpExchangeState::Abandon() {
  MutexLock lock(mutex_);
  if (finished_) return;
  abandoned_ = true;
  if (!streams_) status_ = 500;
  Changed();
}

void HttpExchangeState::OnCancel(std::function<void()> callback) {
  {
    MutexLock lock(mutex_);
    if (!cancelled_) {
      on_cancel_ = std::move(callback);
      return;
    }
  }
  callback();
}

void HttpExchangeState::OnEnd(std::function<void(int)> callback) {
  MutexLock lock(mutex_);
  on_end_ = std::move(callback);
}

HttpExchangeState::News HttpExchangeState::Take() {
  std::function<void()> on_room;
  News news;
  {
    MutexLock lock(mutex_);
    news = {.head = std::exchange(head_, std::nullopt),
            .streams = streams_,
            .data = std::exchange(data_, ""),
            .finished = finished_,
            .abandoned = abandoned_};
    room_.NotifyAll();
    on_room = std::exchange(on_room_, nullptr);
  }
  if (on_room) on_room();
  return news;
}

bool HttpExchangeState::WaitForNews() {
  MutexLock lock(mutex_);
  waiting_ = !HasNews();
  return waiting_;
}

void HttpExchangeState::Cancel(bool streams_only) {
  std::function<void()> callback;
  {
    MutexLock lock(mutex_);
    if (finished_ || cancelled_ || (streams_only && !streams_)) return;
    cancelled_ = true;
    callback = std::exchange(on_cancel_, nullptr);
  }
  if (callback) callback();
}

void HttpExchangeState::Close() {
  std::function<void()> on_room;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    waiting_ = false;
    wake_ = nullptr;
    room_.NotifyAll();
    on_room = std::exchange(on_room_, nullptr);
  }
  if (on_room) on_room();
  Cancel();
}

bool HttpExchangeState::streams() const {
  MutexLock lock(mutex_);
  return streams_;
}

void HttpExchangeState::Changed() {
  if (!std::exchange(waiting_, false)) return;
  wake_();
}

bool HttpExchangeState::HasNews() const {
  return head_.has_value() || !data_.empty() || finished_ || abandoned_;
}

}  // namespace gitops
