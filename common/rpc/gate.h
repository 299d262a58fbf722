#ifndef GITOPS_COMMON_RPC_GATE_H_
#define GITOPS_COMMON_RPC_GATE_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/principal.h"
#include "common/rpc/status.h"

namespace gitops {

// Decides whether `caller` may make a call; the type of `request` identifies the method, since each
// method has its own request type. An error ends the call: PERMISSION_DENIED or UNAUTHENTICATED. If
// the client streams, `request` is empty. Thread-safe.
using Authorizer =
    std::function<absl::Status(const Principal& caller, const google::protobuf::Message& request)>;

// The caller of a call, before anybody has decided whether it is allowed.
Principal PrincipalOf(const grpc::ServerContextBase& context);

// Every call of every server passes the gate before its handler does anything. The gate determines
// the caller, checks whether the call is allowed, and refuses requests over the limits of
// common/api/limits.h. Health checks and reflection belong to gRPC and do not pass it.
// integration_tests/cc/gate_test.cc fails for a method whose handler does not use it. Thread-safe.
class RpcGate {
 public:
  // Without an authorizer it admits everyone. Run() allows at most `most_calls` calls at a time,
  // RunReserved() any number: if a server has more threads than `most_calls`, hanging calls leave
  // threads for freeze and unfreeze.
  explicit RpcGate(Authorizer authorizer = nullptr,
                   int most_calls = std::numeric_limits<int>::max())
      : authorizer_(std::move(authorizer)), most_calls_(most_calls) {}

  // Runs the handler of an admitted call, and returns its status:
  //   return gate_->Run(*context, *request, [&](const Principal& caller) -> absl::Status { … });
  // The handler may leave out the parameter. RESOURCE_EXHAUSTED: too many calls.
  template <typename Handler>
  grpc::Status Run(const grpc::ServerContextBase& context, const google::protobuf::Message& request,
                   const Handler& handler) const {
    const absl::Cleanup leave = [this] { --running_; };
    if (++running_ > most_calls_) return ToGrpcStatus(Full());
    return RunReserved(context, request, handler);
  }

  // The same for freeze and unfreeze, which must not wait for other calls.
  template <typename Handler>
  grpc::Status RunReserved(const grpc::ServerContextBase& context,
                           const google::protobuf::Message& request, const Handler& handler) const {
    const absl::StatusOr<Principal> caller = Admit(context, request);
    if (!caller.ok()) return ToGrpcStatus(caller.status());
    if constexpr (std::is_invocable_v<Handler, const Principal&>) {
      return Converted(handler(*caller));
    } else {
      return Converted(handler());
    }
  }

  // The caller; an error is the status of the call. For handlers that continue after they return.
  absl::StatusOr<Principal> Admit(const grpc::ServerContextBase& context,
                                  const google::protobuf::Message& request) const;

 private:
  static grpc::Status Converted(const absl::Status& status) { return ToGrpcStatus(status); }
  // For methods whose errors may have more details than others.
  static grpc::Status Converted(grpc::Status status) { return status; }

  absl::Status Full() const;

  const Authorizer authorizer_;
  const int most_calls_;
  mutable std::atomic<int> running_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_GATE_H_
