#ifndef GITOPS_COMMON_RPC_SERVER_H_
#define GITOPS_COMMON_RPC_SERVER_H_

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/metrics/metrics.h"

namespace gitops {

struct RpcServerOptions {
  // "HOST:PORT" (port 0 picks one; no host: every interface) or "unix:PATH" (a stale socket is
  // removed; mode 0660).
  std::string listen;
  // Plain text on other than a loopback address or a unix socket is refused unless this is set.
  bool insecure = false;
  // Not carried out yet: UNIMPLEMENTED if not empty.
  std::string tls_dir;
  // Not owned; must outlive the server.
  std::vector<grpc::Service*> services;
  // Counts calls here (grpc_server_handled_total, grpc_server_handling_seconds). Not owned.
  Metrics* metrics = nullptr;
  // Messages beyond this many bytes are refused with RESOURCE_EXHAUSTED.
  int max_message_bytes = 4 << 20;
  // A running call holds a thread, an open stream too; calls beyond this many threads are refused
  // with RESOURCE_EXHAUSTED. Some are the server's own: let streams take half of them at most.
  int max_threads = 64;
  // Calls under way at a time on one connection; what is beyond waits in the client.
  int max_calls_per_connection = 100;
};

// The one place where gRPC servers are made: health v1, reflection, metrics, limits.
class RpcServer {
 public:
  // Serves when it returns; health says NOT_SERVING until SetServing(true).
  // Errors: INVALID_ARGUMENT: bad address; FAILED_PRECONDITION: plain text refused; UNAVAILABLE:
  // the address is in use or cannot be bound (the message names it).
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const RpcServerOptions& options);
  virtual ~RpcServer() = default;

  // As clients dial it, with the port that was picked.
  virtual const std::string& address() const = 0;
  virtual void SetServing(bool serving) = 0;
  // Refuses new calls, lets those that run finish until `grace` is over, then cancels them. Returns
  // when all handlers have returned.
  virtual void Shutdown(absl::Duration grace) = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_SERVER_H_
