#include "common/server/lifecycle.h"

#include <utility>

#include "common/rpc/server.h"
#include "common/server/process_base.h"

namespace gitops {
namespace {

class RpcProcess : public ServerProcessBase {
 public:
  explicit RpcProcess(ServerProcessOptions options) : ServerProcessBase(std::move(options)) {}

  absl::Status Start(const Settings& settings) {
    if (absl::Status status = StartRpc(settings); !status.ok()) return status;
    const absl::StatusOr<std::string> pages = StartPages(settings);
    if (!pages.ok()) return pages.status();
    return Announce(settings, {.grpc = rpc_->address(), .http = *pages});
  }

 private:
  void SetServing(bool serving) override { rpc_->SetServing(serving); }
  void Shutdown(absl::Duration drain) override { rpc_->Shutdown(drain); }

  absl::Status StartRpc(const Settings& settings) {
    RpcServerOptions rpc;
    rpc.listen = settings.Get("listen");
    rpc.insecure = settings.GetBool("insecure");
    rpc.tls_dir = settings.Get("tls-dir");
    rpc.services = options_.services;
    rpc.metrics = options_.metrics;
    rpc.max_message_bytes = options_.max_message_bytes;
    rpc.max_threads = options_.max_threads;
    rpc.max_calls_per_connection = options_.max_calls_per_connection;
    absl::StatusOr<std::unique_ptr<RpcServer>> server = RpcServer::Start(rpc);
    if (!server.ok()) return ForSetting(server.status(), settings, "listen");
    rpc_ = *std::move(server);
    return absl::OkStatus();
  }

  std::unique_ptr<RpcServer> rpc_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const Settings& settings,
                                                                    ServerProcessOptions options) {
  if (absl::Status status = CheckServerSettings(settings); !status.ok()) return status;
  auto process = std::make_unique<RpcProcess>(std::move(options));
  if (absl::Status status = process->Start(settings); !status.ok()) return status;
  return process;
}

}  // namespace gitops
