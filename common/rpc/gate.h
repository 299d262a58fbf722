#ifndef GITOPS_COMMON_RPC_GATE_H_
#define GITOPS_COMMON_RPC_GATE_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/call_audit.h"
#include "common/rpc/principal.h"
#include "common/rpc/status.h"

namespace gitops {

class Authenticator;

// Decides whether `caller` may make a call; the type of `request` identifies the method, since each
// method has its own request type. An error ends the call: PERMISSION_DENIED or UNAUTHENTICATED. If
// the client streams, `request` is empty. Thread-safe.
using Authorizer =
    std::function<absl::Status(const Principal& caller, const google::protobuf::Message& request)>;

// The kinds of calls, which have separate shares of a server's threads, so that hanging calls of
// one kind refuse none of another.
enum class CallKind {
  kRead,      // short; what nothing else is said of
  kWait,      // waits for an upstream or for changes: pull, watch
  kOperate,   // of deployments: actions, checks, revisions
  kRollBack,  // waits for units
  kBrake,     // freeze and unfreeze
};
inline constexpr size_t kCallKinds = static_cast<size_t>(CallKind::kBrake) + 1;

// The maximum number of concurrent calls of each kind. Their sum must be less than the threads of
// the server, which needs some itself, and for refusals.
struct CallShares {
  static constexpr int kAny = std::numeric_limits<int>::max();
  int read = kAny, wait = kAny, operate = kAny, roll_back = kAny, brake = kAny;

  constexpr int Of(CallKind kind) const {
    return std::array{read, wait, operate, roll_back, brake}[static_cast<size_t>(kind)];
  }
};

// The caller of a call as it describes itself, before anybody has decided whether that is true.
Principal PrincipalOf(const grpc::ServerContextBase& context);

// Every call of every server passes the gate before its handler does anything. The gate determines
// the caller, checks whether the call is allowed, refuses requests over the limits of
// common/api/limits.h, and records changes and refusals in the audit. Health checks and reflection
// belong to gRPC and do not pass it. integration_tests/cc/gate_test.cc fails for a method whose
// handler does not use it. Thread-safe.
class RpcGate {
 public:
  // Without an authorizer it admits those whose role may make the call (common/api/roles.h).
  explicit RpcGate(Authorizer authorizer = nullptr, CallShares shares = {})
      : authorizer_(std::move(authorizer)), shares_(shares) {}

  // How callers are identified. Without it, as with --insecure: everyone is an admin. Call it
  // before the server starts.
  void Identify(std::shared_ptr<const Authenticator> authenticator) {
    authenticator_ = std::move(authenticator);
  }
  // Where changes and refused calls are recorded. Without it, nowhere. Call it before the server
  // starts.
  void Record(std::shared_ptr<AuditLog> log) { audit_ = CallAudit(std::move(log)); }
  const CallAudit& audit() const { return audit_; }

  // Runs the handler of an admitted call, and returns its status:
  //   return gate_->Run(*context, *request, [&](const Principal& caller) -> absl::Status { … });
  // The handler may leave out the parameter. RESOURCE_EXHAUSTED: the share of its kind is in use.
  template <typename Handler>
  grpc::Status Run(const grpc::ServerContextBase& context, const google::protobuf::Message& request,
                   const Handler& handler) const {
    return Run(CallKind::kRead, context, request, handler);
  }
  template <typename Handler>
  grpc::Status Run(CallKind kind, const grpc::ServerContextBase& context,
                   const google::protobuf::Message& request, const Handler& handler) const {
    std::atomic<int>& running = running_[static_cast<size_t>(kind)];
    const absl::Cleanup leave = [&running] { --running; };
    if (++running > shares_.Of(kind)) return ToGrpcStatus(Full(kind, context, request));
    const absl::StatusOr<Principal> caller = Admit(context, request);
    if (!caller.ok()) return ToGrpcStatus(caller.status());
    absl::StatusOr<CallAudit::Call> call =
        audit_.Begin(*caller, request, /*brake=*/kind == CallKind::kBrake);
    if (!call.ok()) return ToGrpcStatus(call.status());
    grpc::Status status;
    if constexpr (std::is_invocable_v<Handler, const Principal&>) {
      status = Converted(handler(*caller));
    } else {
      status = Converted(handler());
    }
    call->End(status.ok() ? absl::OkStatus() : FromGrpcStatus(status));
    return status;
  }

  // The caller; an error is the status of the call. For handlers that continue after they return.
  absl::StatusOr<Principal> Admit(const grpc::ServerContextBase& context,
                                  const google::protobuf::Message& request) const;

  // Whether an admitted caller is still known: UNAUTHENTICATED once its certificate is revoked. For
  // streams, which outlive that.
  absl::Status CheckCaller(const grpc::ServerContextBase& context) const;

 private:
  static grpc::Status Converted(const absl::Status& status) { return ToGrpcStatus(status); }
  // For methods whose errors may have more details than others.
  static grpc::Status Converted(grpc::Status status) { return status; }

  absl::StatusOr<Principal> CallerOf(const grpc::ServerContextBase& context) const;
  absl::Status Check(const Principal& caller, const google::protobuf::Message& request) const;
  absl::Status Full(CallKind kind, const grpc::ServerContextBase& context,
                    const google::protobuf::Message& request) const;

  const Authorizer authorizer_;
  const CallShares shares_;
  std::shared_ptr<const Authenticator> authenticator_;
  CallAudit audit_{nullptr};
  mutable std::array<std::atomic<int>, kCallKinds> running_ = {};
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_GATE_H_
