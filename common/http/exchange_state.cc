#include "common/http/exchange_state.h"

#include <chrono>

namespace gitops {

HttpExchangeState::HttpExchangeState(HttpServerRequest request, std::shared_ptr<BodyShare> share,
                                     size_t stream_buffer, std::function<void()> wake)
    : request(std::move(request)),
      share_(std::move(share)),
      stream_buffer_(stream_buffer),
      wake_(std::move(wake)) {}

void HttpExchangeState::Respond(HttpServerResponse response) {
  MutexLock lock(mutex_);
  head_ = std::move(response);
  finished_ = true;
  Changed();
}

void HttpExchangeState::Start(HttpServerResponse head) {
  MutexLock lock(mutex_);
  streams_ = true;
  data_ = std::move(head.body);
  head_ = std::move(head);
  Changed();
}

absl::Status HttpExchangeState::Write(std::string data, absl::Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience);
  MutexLock lock(mutex_);
  while (!closed_ && data_.size() >= stream_buffer_) {
    if (patience <= absl::ZeroDuration() || !room_.WaitUntil(mutex_, deadline)) {
      return absl::ResourceExhaustedError("the client reads the stream too slowly");
    }
  }
  if (closed_) return absl::CancelledError("the client is gone or the server has stopped");
  data_ += data;
  Changed();
  return absl::OkStatus();
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

HttpExchangeState::News HttpExchangeState::Take() {
  MutexLock lock(mutex_);
  News news{.head = std::exchange(head_, std::nullopt),
            .streams = streams_,
            .data = std::exchange(data_, ""),
            .finished = finished_,
            .abandoned = abandoned_};
  room_.NotifyAll();
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
  {
    MutexLock lock(mutex_);
    closed_ = true;
    waiting_ = false;
    wake_ = nullptr;
    room_.NotifyAll();
  }
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
