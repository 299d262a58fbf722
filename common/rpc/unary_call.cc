#include "common/rpc/unary_call.h"

#include <chrono>
#include <utility>

#include "common/rpc/handover.h"

namespace gitops {

UnaryResult AwaitUnary(grpc::ClientContext& context, const std::function<bool()>& give_up,
                       const std::function<void(std::function<void(grpc::Status)>)>& start) {
  Handover<grpc::Status> end;
  start([&end](grpc::Status status) { end.Set(std::move(status)); });
  UnaryResult result;
  if (!end.Await(give_up)) {
    context.TryCancel();
    result.gave_up = true;
  }
  result.status = end.Take();
  // It may have ended at the same moment; then it has an answer.
  if (result.status.error_code() != grpc::StatusCode::CANCELLED) result.gave_up = false;
  return result;
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
}

}  // namespace gitops
