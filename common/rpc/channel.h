#ifndef GITOPS_COMMON_RPC_CHANNEL_H_
#define GITOPS_COMMON_RPC_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace gitops {

struct ChannelOptions {
  // "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". Where the port is missing, `default_port` is taken.
  std::string address;
  int default_port = 0;
  // Plain text is used for loopback addresses and unix sockets; elsewhere only if this is set.
  bool insecure = false;
  // Holds ca.crt, tls.crt and tls.key. Not carried out yet: UNIMPLEMENTED if not empty.
  std::string tls_dir;

  // An attempt to connect is given up after this long; a call that waits for it is UNAVAILABLE
  // then.
  absl::Duration connect_timeout = absl::Seconds(20);
  // A peer that says nothing this long while a call is open is asked for a sign of life, and given
  // `keepalive_timeout` for it; then the call ends with UNAVAILABLE. Idle connections are left in
  // peace. The server allows no more than one ping in 10 s.
  absl::Duration keepalive = absl::Seconds(20);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  // An answer beyond this many bytes ends its call with RESOURCE_EXHAUSTED.
  int max_answer_bytes = 16 << 20;
  // How many bytes of headers and status the peer may send; 0: gRPC's own 8 KiB.
  int max_metadata_bytes = 0;
  // A connection without calls is closed after this long, and made again for the next call.
  absl::Duration idle_timeout = absl::Minutes(30);
  // After a failed attempt to connect, the next one follows within 200 ms to 5 s. False: within
  // gRPC's own 1 s to 2 min, for callers that dial anew instead. Each setting of a channel costs
  // time and memory in every connection.
  bool reconnects = true;
  // Shares no connection, and no back-off after a failed one, with other channels to the address.
  bool own_connection = false;
};

// The one place where channels are made. Does not connect yet. Never goes through a proxy.
// INVALID_ARGUMENT: a bad address; FAILED_PRECONDITION: plain text to a host that is not this
// machine, without `insecure`.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const ChannelOptions& options);

// Whether `address` (as above) is a loopback address, "localhost", or a unix socket.
bool IsLocalAddress(const std::string& address);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_CHANNEL_H_
