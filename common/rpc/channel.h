#ifndef GITOPS_COMMON_RPC_CHANNEL_H_
#define GITOPS_COMMON_RPC_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/tls/identity.h"

namespace gitops {

// Who the server must be, by its certificate.
struct ServerIdentity {
  Role role = Role::kAgent;
  std::string name;  // of an agent: its host; empty: any
  // The name may also be a DNS name or an address that the certificate is for, for people who name
  // a server by its address.
  bool or_address = false;
};

// Any server of a program: "gitops-planner". Programs are named like the roles of their
// certificates. None: another program, of a test.
std::optional<ServerIdentity> ServerOf(absl::string_view program);

struct ChannelOptions {
  // "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". If the port is missing, `default_port` is used.
  std::string address;
  int default_port = 0;
  // Allows plain text to addresses other than loopback and unix sockets.
  bool insecure = false;
  // The directory of ca.crt, tls.crt and tls.key, for TLS over TCP; unix sockets stay plain. Empty:
  // plain text.
  std::string tls_dir;
  // With TLS: whom to talk to. Required then, since any of the fleet's certificates would do.
  std::optional<ServerIdentity> server = std::nullopt;

  // Time limit of an attempt to connect; a call that waits for it then fails with UNAVAILABLE.
  absl::Duration connect_timeout = absl::Seconds(20);
  // If the peer is silent for this long while a call is open, it gets a ping, and has
  // `keepalive_timeout` to answer; then the call ends with UNAVAILABLE. Idle connections get no
  // pings. The server allows at most one ping in 10 s.
  absl::Duration keepalive = absl::Seconds(20);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  // The maximum size of an answer in bytes; a larger one ends its call with RESOURCE_EXHAUSTED.
  int max_answer_bytes = 16 << 20;
  // The maximum size in bytes of headers and status from the peer; 0: gRPC's default of 8 KiB.
  int max_metadata_bytes = 0;
  // A connection without calls is closed after this time, and opened again for the next call.
  absl::Duration idle_timeout = absl::Minutes(30);
  // After a failed attempt to connect, the next one follows within 200 ms to 5 s. False: within
  // gRPC's own 1 s to 2 min, for callers that dial anew and repeat calls themselves; gRPC repeats
  // none then. Each setting of a channel costs time and memory in every connection.
  bool reconnects = true;
  // Shares no connection, and no back-off after a failed one, with other channels to the address.
  bool own_connection = false;
};

// The unix socket of the program that is dialled, if the address is its default one on this
// machine, and plain: there a caller over TCP is only a viewer. "": none. Does not look whether it
// may be opened (CanOpenSocket in address.h).
std::string LocalSocketFor(const ChannelOptions& options);

// Creates a channel; all channels are created here. Does not connect yet. Never goes through a
// proxy. Takes LocalSocketFor() instead of the address if that socket may be opened now.
// INVALID_ARGUMENT: a bad address; FAILED_PRECONDITION: plain text to another machine
// without `insecure`. With TLS INVALID_ARGUMENT is also for files that cannot be used.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const ChannelOptions& options);

// Whether `address` (as above) is a loopback address, "localhost", or a unix socket.
bool IsLocalAddress(const std::string& address);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_CHANNEL_H_
