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
  // "HOST:PORT" (port 0 picks one; no host: all interfaces) or "unix:PATH" (a stale socket is
  // removed; mode 0660).
  std::string listen;
  // More addresses of the same server.
  std::vector<std::string> also_listen = {};
  // Allows plain text on addresses other than loopback and unix sockets.
  bool insecure = false;
  // The directory of ca.crt, tls.crt and tls.key: all TCP addresses speak TLS 1.3 and ask for a
  // client certificate; unix sockets stay plain. Empty: plain text.
  std::string tls_dir;
  // Not owned; must outlive the server.
  std::vector<grpc::Service*> services;
  // Counts calls here (grpc_server_handled_total, grpc_server_handling_seconds). Not owned.
  Metrics* metrics = nullptr;
  // The maximum size of a message in bytes; larger ones are refused with RESOURCE_EXHAUSTED.
  int max_message_bytes = 4 << 20;
  // The maximum number of threads. A running call or an open stream uses one; further calls are
  // refused with RESOURCE_EXHAUSTED. The server itself needs some: streams should use at most half
  // of them.
  int max_threads = 64;
  // The maximum number of concurrent calls on one connection; further calls wait in the client.
  int max_calls_per_connection = 100;
};

// A gRPC server with health v1, reflection (of few streams at a time), metrics and limits. All
// servers are created here.
class RpcServer {
 public:
  // The server is ready when this returns; health is NOT_SERVING until SetServing(true). Errors:
  // INVALID_ARGUMENT: bad address; FAILED_PRECONDITION: plain text refused; those of
  // TlsFiles::Open; UNAVAILABLE: the address is in use or cannot be bound (the message names it).
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const RpcServerOptions& options);
  virtual ~RpcServer() = default;

  // The address of `listen` for clients, with the port that was picked.
  virtual const std::string& address() const = 0;
  virtual void SetServing(bool serving) = 0;
  // Refuses new calls, gives running calls `grace` to finish, then cancels them. Returns when all
  // handlers have returned.
  virtual void Shutdown(absl::Duration grace) = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_SERVER_H_
