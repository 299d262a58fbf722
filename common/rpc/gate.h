#ifndef GITOPS_COMMON_RPC_GATE_H_
#define GITOPS_COMMON_RPC_GATE_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/principal.h"
#include "common/rpc/status.h"

namespace gitops {

// Decides whether `caller` may make a call; the type of `request` tells which method it is, since
// each method has a request type of its own. An error is what the call ends with:
// PERMISSION_DENIED or UNAUTHENTICATED. Where the client streams, `request` is empty. Any thread.
using Authorizer =
    std::function<absl::Status(const Principal& caller, const google::protobuf::Message& request)>;

// What every call of every server passes before its handler does anything: it determines who calls
// and whether they may, and refuses requests over the limits of common/api/limits.h. Health checks
// and reflection are gRPC's own and pass no gate. integration_tests/cc/gate_test.cc fails for a
// method whose handler passes none. Any thread.
class RpcGate {
 public:
  // Admits everyone.
  RpcGate() = default;
  explicit RpcGate(Authorizer authorizer) : authorizer_(std::move(authorizer)) {}

  // Runs the handler of an admitted call, and answers its status:
  //   return gate_->Run(*context, *request, [&](const Principal& caller) -> absl::Status { … });
  // The handler may leave out the parameter.
  template <typename Handler>
  grpc::Status Run(const grpc::ServerContextBase& context, const google::protobuf::Message& request,
                   const Handler& handler) const {
    const absl::StatusOr<Principal> caller = Admit(context, request);
    if (!caller.ok()) return ToGrpcStatus(caller.status());
    if constexpr (std::is_invocable_v<Handler, const Principal&>) {
      return Converted(handler(*caller));
    } else {
      return Converted(handler());
    }
  }

  // The caller; an error is what the call is to end with. For handlers that go on after they
  // return.
  absl::StatusOr<Principal> Admit(const grpc::ServerContextBase& context,
                                  const google::protobuf::Message& request) const;

 private:
  static grpc::Status Converted(const absl::Status& status) { return ToGrpcStatus(status); }
  // Of a method whose errors carry more than others may.
  static grpc::Status Converted(grpc::Status status) { return status; }

  const Authorizer authorizer_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_GATE_H_
