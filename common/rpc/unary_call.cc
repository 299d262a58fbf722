#include "common/rpc/unary_call.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "common/sync/mutex.h"

namespace gitops {
namespace {

constexpr std::chrono::milliseconds kAskEvery(200);

// The end of a call, handed from gRPC's thread to the one that waits.
class CallEnd {
 public:
  // What gRPC does between this and Set() thread sanitizer cannot see; the lock it can, and so it
  // knows that all before the call came before its end.
  CallEnd() { MutexLock lock(mutex_); }

  void Set(grpc::Status status) {
    {
      MutexLock lock(mutex_);
      status_ = std::move(status);
    }
    // Without the lock, so that the waiter does not wake only to wait for it.
    ended_.NotifyOne();
  }

  // Waits until the call has ended. False: `give_up` said so first.
  bool Await(const std::function<bool()>& give_up) {
    while (true) {
      if (AwaitUntil(give_up ? std::chrono::steady_clock::now() + kAskEvery
                             : std::chrono::steady_clock::time_point::max())) {
        return true;
      }
      if (give_up()) return false;
    }
  }

  grpc::Status Take() {
    MutexLock lock(mutex_);
    while (!status_.has_value()) ended_.Wait(mutex_);
    return *std::move(status_);
  }

 private:
  bool AwaitUntil(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(mutex_);
    while (!status_.has_value()) {
      if (deadline == std::chrono::steady_clock::time_point::max()) {
        ended_.Wait(mutex_);
      } else if (!ended_.WaitUntil(mutex_, deadline)) {
        break;
      }
    }
    return status_.has_value();
  }

  Mutex mutex_;
  CondVar ended_;
  std::optional<grpc::Status> status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

UnaryResult AwaitUnary(grpc::ClientContext& context, const std::function<bool()>& give_up,
                       const std::function<void(std::function<void(grpc::Status)>)>& start) {
  // Shared, since the waiter may be gone before Set() has returned.
  const auto end = std::make_shared<CallEnd>();
  start([end](grpc::Status status) { end->Set(std::move(status)); });
  UnaryResult result;
  if (!end->Await(give_up)) {
    context.TryCancel();
    result.gave_up = true;
  }
  result.status = end->Take();
  // It may have ended in the very moment; then there is an answer to tell.
  if (result.status.error_code() != grpc::StatusCode::CANCELLED) result.gave_up = false;
  return result;
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
}

}  // namespace gitops
