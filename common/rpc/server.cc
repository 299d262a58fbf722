#include "common/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_initializer.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"
#include "common/rpc/call_metrics.h"
#include "common/rpc/grpc_threads.h"
#include "common/rpc/prepare.h"
#include "common/rpc/reflection_limit.h"
#include "common/rpc/tls_files.h"
#include "common/rpc/unix_listener.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

// The methods of the server; filled before it starts.
struct Served {
  std::vector<std::string> services;
  MethodNames methods;
};

// Finds the methods of the server; grpc::Service does not know its name.
class ServedPlugin : public grpc::ServerBuilderPlugin {
 public:
  explicit ServedPlugin(std::shared_ptr<Served> served) : served_(std::move(served)) {}
  std::string name() override { return "gitops_served"; }
  void InitServer(grpc::ServerInitializer* server) override {
    served_->services = *server->GetServiceList();
    served_->methods = MethodsOf(served_->services);
  }
  void Finish(grpc::ServerInitializer*) override {}
  void ChangeArguments(const std::string&, void*) override {}

 private:
  const std::shared_ptr<Served> served_;
};

class ServedOption : public grpc::ServerBuilderOption {
 public:
  explicit ServedOption(std::shared_ptr<Served> served) : served_(std::move(served)) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<ServedPlugin>(served_));
  }

 private:
  const std::shared_ptr<Served> served_;
};

// gRPC keeps both switches per process, and they are not thread-safe.
void SwitchOnHealthAndReflection() {
  static const bool done = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  (void)done;
}

using UnixListeners = std::vector<std::unique_ptr<UnixListener>>;

class RpcServerImpl final : public RpcServer {
 public:
  RpcServerImpl(std::unique_ptr<grpc::Server> server, std::shared_ptr<const Served> served,
                std::string address, UnixListeners sockets)
      : server_(std::move(server)),
        served_(std::move(served)),
        address_(std::move(address)),
        sockets_(std::move(sockets)) {
    SetServing(false);
  }
  ~RpcServerImpl() override { Shutdown(absl::ZeroDuration()); }

  absl::Status ServeSockets() {
    for (const std::unique_ptr<UnixListener>& socket : sockets_) {
      absl::Status serves = socket->Serve(
          [server = server_.get()](int fd) { grpc::AddInsecureChannelFromFd(server, fd); });
      if (!serves.ok()) return serves;
    }
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

  void SetServing(bool serving) override {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    if (health == nullptr) return;
    health->SetServingStatus(serving);
    for (const std::string& name : served_->services) health->SetServingStatus(name, serving);
  }

  void Shutdown(absl::Duration grace) override {
    MutexLock lock(shutdown_mutex_);
    if (std::exchange(stopped_, true)) return;
    SetServing(false);
    for (const std::unique_ptr<UnixListener>& socket : sockets_) socket->Stop();
    server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
    server_->Wait();
  }

 private:
  const std::unique_ptr<grpc::Server> server_;
  const std::shared_ptr<const Served> served_;
  const std::string address_;
  const UnixListeners sockets_;  // they give their connections to server_
  Mutex shutdown_mutex_;
  bool stopped_ ABSL_GUARDED_BY(shutdown_mutex_) = false;
};

absl::StatusOr<Address> CheckedAddress(const RpcServerOptions& options, const std::string& listen) {
  absl::StatusOr<Address> address = ParseAddress(listen);
  if (!address.ok()) return address;
  if (!address->is_local() && !options.insecure && options.tls_dir.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("refusing to serve ", listen,
                     " in plain text: other machines could read and change the traffic. Give "
                     "--tls-dir, listen on a loopback address or a unix socket, or allow it with "
                     "--insecure"));
  }
  // gRPC would accept one of the two addresses of "localhost", while another process has the one
  // that clients try first.
  if (absl::EqualsIgnoreCase(address->host, "localhost")) address->host = "127.0.0.1";
  return address;
}

void SetLimits(grpc::ServerBuilder& builder, const RpcServerOptions& options) {
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  // An idle process has one polling thread, not one per core.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  grpc::ResourceQuota quota("gitops");
  quota.SetMaxThreads(options.max_threads);
  builder.SetResourceQuota(quota);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_calls_per_connection);
}

void SetConnections(grpc::ServerBuilder& builder) {
  // gRPC would collect data of each connection for channelz, which we do not serve.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder.AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadChunkBytes);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, kBdpProbe);
  // A client that does not finish its handshake is disconnected.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  // Two servers must not silently share a port.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Frees the threads of streams whose clients vanished, and disconnects clients that ping too
  // often.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> TlsCredentials(
    const std::string& directory) {
  absl::StatusOr<std::shared_ptr<TlsFiles>> files = TlsFiles::Open(directory);
  if (!files.ok()) return files.status();
  return (*files)->ForServer();
}

absl::Status CannotListen(const Address& address, absl::string_view why) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address.ToString(), ": ", why));
}

std::string ListenTarget(const Address& address) {
  if (address.host.empty() && !address.is_unix()) return absl::StrCat("[::]:", address.port);
  return address.ToString();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const RpcServerOptions& options) {
  std::vector<std::string> listen = {options.listen};
  listen.insert(listen.end(), options.also_listen.begin(), options.also_listen.end());
  std::vector<Address> addresses;
  UnixListeners sockets;
  for (const std::string& each : listen) {
    absl::StatusOr<Address> address = CheckedAddress(options, each);
    if (!address.ok()) return address.status();
    if (address->is_unix()) {
      if (absl::Status status = RemoveStaleSocket(address->unix_path); !status.ok()) return status;
      absl::StatusOr<std::unique_ptr<UnixListener>> socket = UnixListener::Bind(address->unix_path);
      if (!socket.ok()) return CannotListen(*address, socket.status().message());
      sockets.push_back(*std::move(socket));
    }
    addresses.push_back(*std::move(address));
  }
  PrepareGrpc();
  SwitchOnHealthAndReflection();
  const absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> credentials =
      options.tls_dir.empty() ? grpc::InsecureServerCredentials() : TlsCredentials(options.tls_dir);
  if (!credentials.ok()) return credentials.status();
  const auto served = std::make_shared<Served>();
  grpc::ServerBuilder builder;
  std::vector<int> ports(addresses.size(), 0);  // gRPC writes to them later
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i].is_unix()) continue;
    builder.AddListeningPort(ListenTarget(addresses[i]), *credentials, &ports[i]);
  }
  builder.SetOption(std::make_unique<ServedOption>(served));
  SetLimits(builder, options);
  SetConnections(builder);
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> creators;
  creators.push_back(MakeReflectionLimit());
  if (options.metrics != nullptr) {
    creators.push_back(MakeCallMetrics(
        *options.metrics, std::shared_ptr<const MethodNames>(served, &served->methods)));
  }
  builder.experimental().SetInterceptorCreators(std::move(creators));
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {  // gRPC stops at the first address that fails
    size_t failed = addresses.size();
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (addresses[i].is_unix()) continue;
      failed = i;
      if (ports[i] <= 0) break;
    }
    if (failed == addresses.size()) return absl::UnavailableError("cannot start the gRPC server");
    return CannotListen(addresses[failed], ExplainBindFailure(addresses[failed]));
  }
  if (GrpcLacksThreads()) {
    return absl::UnavailableError(
        "cannot start a thread to serve calls: the host gives this program no more; see its limits "
        "(TasksMax of the unit, pids.max, ulimit -u)");
  }
  addresses[0].port = ports[0];
  auto made = std::make_unique<RpcServerImpl>(
      std::move(server), served, addresses[0].Dialable().ToString(), std::move(sockets));
  if (absl::Status status = made->ServeSockets(); !status.ok()) return status;
  return made;
}

}  // namespace gitops
