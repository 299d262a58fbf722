#include "common/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"
#include "common/rpc/quiet.h"

namespace gitops {
namespace {

constexpr int kMaxAnswerBytes = 16 << 20;

// The resolver is named: gRPC would else take a host called like one of its schemes for a scheme.
std::string Target(const Address& address) {
  if (address.is_unix()) return address.ToString();
  if (absl::StrContains(address.host, ':')) {
    return absl::StrCat("dns:///%5B", address.host, "%5D:", address.port);
  }
  return absl::StrCat("dns:///", address.ToString());
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  // A peer that vanished under an open stream is noticed; idle connections are left in peace. The
  // server allows a ping every 10 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  // A host that reboots is found again soon; gRPC's own maximum is two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  // http_proxy is meant for what leaves the site, not for one's own hosts.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const ChannelOptions& options) {
  if (!options.tls_dir.empty()) {
    return absl::UnimplementedError(absl::StrCat("cannot dial ", options.address, " with TLS from ",
                                                 options.tls_dir, ": TLS is not carried out yet"));
  }
  absl::StatusOr<Address> address = ParseAddress(
      options.address,
      options.default_port > 0 ? std::optional<int>(options.default_port) : std::nullopt);
  if (!address.ok()) return address.status();
  if (!address->is_unix() && (address->host.empty() || address->port == 0)) {
    return absl::InvalidArgumentError(absl::StrCat("bad address \"", options.address,
                                                   "\": a host and a port to dial are needed"));
  }
  if (!address->is_local() && !options.insecure) {
    return absl::FailedPreconditionError(
        absl::StrCat("refusing to dial ", address->ToString(),
                     " in plain text: it is not on this machine. Anybody on the way could read and "
                     "change what is said; where that is acceptable, say so with --insecure"));
  }
  QuietGrpc();
  return grpc::CreateCustomChannel(Target(*address), grpc::InsecureChannelCredentials(),
                                   Arguments());
}

bool IsLocalAddress(const std::string& address) {
  const absl::StatusOr<Address> parsed = ParseAddress(address, 0);
  return parsed.ok() && parsed->is_local();
}

}  // namespace gitops
