#ifndef GITOPS_COMMON_RPC_STREAM_CALL_H_
#define GITOPS_COMMON_RPC_STREAM_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/rpc/handover.h"
#include "common/rpc/unary_call.h"
#include "common/sync/mutex.h"

namespace gitops {

// Reads ahead in gRPC's thread, so that the thread that takes the answers is not woken for each.
template <typename Response>
class StreamReader final : public grpc::ClientReadReactor<Response> {
 public:
  void Start() {
    // As in Handover.
    { MutexLock lock(mutex_); }
    // Reads may begin outside of gRPC's calls: the stream must not be done before the last of them.
    this->AddHold();
    this->StartRead(&next_);
    this->StartCall();
  }

  // Waits for answers and takes those that are there. None: the stream has ended, or `give_up` (may
  // be empty), which is called a few times a second, was true.
  std::vector<Response> Take(const std::function<bool()>& give_up) {
    constexpr std::chrono::milliseconds kAskEvery(200);
    MutexLock lock(mutex_);
    while (ahead_.empty() && !ended_) {
      if (changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kAskEvery)) continue;
      if (give_up && ahead_.empty() && !ended_ && give_up()) return {};
    }
    if (std::exchange(paused_, false)) this->StartRead(&next_);
    bytes_ = 0;
    return std::exchange(ahead_, {});
  }

  bool ended() {
    MutexLock lock(mutex_);
    return ended_;
  }

  // Reads no more, and waits for the end.
  grpc::Status End() {
    {
      MutexLock lock(mutex_);
      closed_ = true;
    }
    this->RemoveHold();
    return end_.Take();
  }

  void OnReadDone(bool ok) override {
    MutexLock lock(mutex_);
    ended_ = !ok || closed_;
    if (!ended_) {
      bytes_ += next_.ByteSizeLong();
      ahead_.push_back(std::move(next_));
      paused_ = bytes_ >= kMaxAhead;
      if (!paused_) this->StartRead(&next_);
    }
    // With the lock held: the waiter may destroy this once the lock is released.
    changed_.NotifyOne();
  }
  void OnDone(const grpc::Status& status) override { end_.Set(status); }

 private:
  static constexpr size_t kMaxAhead = 1 << 20;  // bytes

  Mutex mutex_;
  CondVar changed_;
  Response next_;
  std::vector<Response> ahead_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;  // no read is under way
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  Handover<grpc::Status> end_;
};

// Reads a stream of answers in the caller's thread: calls `seen` for each one until it returns
// false, then cancels the call and returns OK, or until the stream ends. `start` begins the call
// with a callback stub:
//   ReadStream<Thing>(context, give_up, [&](auto* reader) {
//     stub->async()->WatchThings(&context, &request, reader);
//   }, seen);
// `give_up` as in AwaitUnary. What `start` refers to is no longer used when this returns. Reads at
// most one answer more than 1 MiB ahead of `seen`.
template <typename Response>
UnaryResult ReadStream(grpc::ClientContext& context, const std::function<bool()>& give_up,
                       const std::function<void(grpc::ClientReadReactor<Response>*)>& start,
                       const std::function<bool(Response&)>& seen) {
  StreamReader<Response> reader;
  start(&reader);
  reader.Start();
  UnaryResult result;
  bool wanted = true;
  while (wanted) {
    std::vector<Response> answers = reader.Take(give_up);
    if (answers.empty()) break;
    wanted = std::all_of(answers.begin(), answers.end(), std::ref(seen));
  }
  result.gave_up = wanted && !reader.ended();
  if (!wanted || result.gave_up) context.TryCancel();
  grpc::Status ended = reader.End();
  if (wanted) result.status = std::move(ended);
  if (result.status.error_code() != grpc::StatusCode::CANCELLED) result.gave_up = false;
  return result;
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_STREAM_CALL_H_
