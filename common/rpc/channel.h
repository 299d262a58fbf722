#ifndef GITOPS_COMMON_RPC_CHANNEL_H_
#define GITOPS_COMMON_RPC_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace gitops {

struct ChannelOptions {
  // "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". Where the port is missing, `default_port` is taken.
  std::string address;
  int default_port = 0;
  // Plain text is used for loopback addresses and unix sockets; elsewhere only if this is set.
  bool insecure = false;
  // Holds ca.crt, tls.crt and tls.key. Not carried out yet: UNIMPLEMENTED if not empty.
  std::string tls_dir;
};

// The one place where channels are made. Does not connect yet. Never goes through a proxy.
// INVALID_ARGUMENT: a bad address; FAILED_PRECONDITION: plain text to a host that is not this
// machine, without `insecure`.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const ChannelOptions& options);

// Whether `address` (as above) is a loopback address, "localhost", or a unix socket.
bool IsLocalAddress(const std::string& address);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_CHANNEL_H_
