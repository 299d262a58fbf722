#ifndef GITOPS_COMMON_RPC_UNARY_CALL_H_
#define GITOPS_COMMON_RPC_UNARY_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace gitops {

// The outcome of an awaited call.
struct UnaryResult {
  grpc::Status status;
  // The caller gave up; `status` is CANCELLED then.
  bool gave_up = false;
};

// Makes one call and waits for its end; only the caller's thread is held. `start` begins the call
// with a callback stub:
//   AwaitUnary(context, give_up, [&](auto done) {
//     stub->async()->GetThing(&context, &request, &response, std::move(done));
//   });
// `give_up` (may be empty) is called a few times a second; true cancels the call. References of
// `start` are no longer used when this returns.
UnaryResult AwaitUnary(grpc::ClientContext& context, const std::function<bool()>& give_up,
                       const std::function<void(std::function<void(grpc::Status)>)>& start);

// Sets the deadline of a call. InfiniteDuration: none.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_UNARY_CALL_H_
