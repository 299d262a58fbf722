#include "common/rpc/channel.h"

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/config/ports.h"
#include "common/retry/backoff.h"
#include "common/rpc/address.h"
#include "common/rpc/prepare.h"
#include "common/rpc/tls_files.h"

namespace gitops {
namespace {

bool IsIpv4(const std::string& host) {
  in_addr parsed;
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

// With an explicit resolver: otherwise gRPC would interpret a host named like one of its schemes as
// a scheme. A literal needs no resolver, and none of its threads and delays.
std::string Target(const Address& address) {
  if (address.is_unix()) return address.ToString();
  if (IsIpv4(address.host)) return absl::StrCat("ipv4:", address.ToString());
  if (absl::StrContains(address.host, ':')) {
    return absl::StrCat("dns:///%5B", address.host, "%5D:", address.port);
  }
  return absl::StrCat("dns:///", address.ToString());
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void SetKeepalive(grpc::ChannelArguments& arguments, const ChannelOptions& options) {
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
  // By default gRPC stops after two pings without a message in between.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

// http_proxy is meant for what leaves the site, not for one's own hosts. gRPC takes no proxy for
// unix sockets.
void IgnoreProxy(const Address& address, grpc::ChannelArguments& arguments) {
  if (address.is_unix()) return;
  for (const char* name : {"grpc_proxy", "https_proxy", "http_proxy"}) {
    if (std::getenv(name) == nullptr) continue;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    return;
  }
}

// gRPC copies all arguments several times for each connection, which is a good part of what a
// connection costs: only what differs from its defaults is set.
grpc::ChannelArguments Arguments(const Address& address, const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_answer_bytes);
  SetKeepalive(arguments, options);
  arguments.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, Milliseconds(options.idle_timeout));
  if (options.max_metadata_bytes > 0) {
    arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  }
  if (options.own_connection) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(options.connect_timeout));
  if (options.reconnects) {
    // A rebooted host is found soon; gRPC's default maximum is two minutes.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(kChannelBackoff.first));
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(kChannelBackoff.longest));
  } else {
    // Such callers try again themselves.
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  }
  arguments.SetInt(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadChunkBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, kBdpProbe);
  // gRPC would collect data of each channel for channelz, which we do not serve.
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  IgnoreProxy(address, arguments);
  return arguments;
}

using Credentials = std::shared_ptr<grpc::ChannelCredentials>;

absl::StatusOr<Credentials> TlsCredentials(const ChannelOptions& options) {
  if (!options.server.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot connect to ", options.address,
                     " with TLS: it is not known who should serve there"));
  }
  absl::StatusOr<std::shared_ptr<TlsFiles>> files = TlsFiles::Open(options.tls_dir);
  // What a server answers with these codes is another thing.
  if (!files.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--tls-dir: ", files.status().message()));
  }
  return (*files)->ForClient(*options.server);
}

}  // namespace

std::optional<ServerIdentity> ServerOf(absl::string_view program) {
  absl::ConsumePrefix(&program, "gitops-");
  const std::optional<Role> role = ParseRole(program);
  if (!role.has_value()) return std::nullopt;
  return ServerIdentity{.role = *role, .name = ""};
}

std::string LocalSocketFor(const ChannelOptions& options) {
  if (options.insecure || !options.tls_dir.empty() || options.default_port <= 0) return "";
  const absl::StatusOr<Address> address = ParseAddress(options.address, options.default_port);
  if (!address.ok() || address->is_unix() || !address->is_local()) return "";
  return address->port == options.default_port ? SocketOfPort(options.default_port) : "";
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const ChannelOptions& options) {
  const bool secure = !options.tls_dir.empty();
  absl::StatusOr<Address> address = ParseDialled(
      options.address,
      options.default_port > 0 ? std::optional<int>(options.default_port) : std::nullopt,
      secure || options.insecure);
  if (!address.ok()) return address.status();
  if (std::string socket = LocalSocketFor(options); !socket.empty() && CanOpenSocket(socket)) {
    *address = Address{.unix_path = std::move(socket)};
  }
  const bool tls = secure && !address->is_unix();
  PrepareGrpc();
  const absl::StatusOr<Credentials> credentials =
      tls ? TlsCredentials(options) : grpc::InsecureChannelCredentials();
  if (!credentials.ok()) return credentials.status();
  return grpc::CreateCustomChannel(Target(*address), *credentials, Arguments(*address, options));
}

bool IsLocalAddress(const std::string& address) {
  const absl::StatusOr<Address> parsed = ParseAddress(address, 0);
  return parsed.ok() && parsed->is_local();
}

}  // namespace gitops
