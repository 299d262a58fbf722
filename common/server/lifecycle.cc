#include "common/server/lifecycle.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/audit/open_audit.h"
#include "common/log/log.h"
#include "common/rpc/authenticator.h"
#include "common/rpc/gate.h"
#include "common/rpc/handshakes.h"
#include "common/rpc/server.h"
#include "common/rpc/tls_files.h"
#include "common/server/default_socket.h"
#include "common/server/process_base.h"

namespace gitops {
namespace {

class RpcProcess : public ServerProcessBase {
 public:
  explicit RpcProcess(ServerProcessOptions options) : ServerProcessBase(std::move(options)) {}

  absl::Status Start(const Settings& settings) {
    if (absl::Status status = StartRpc(settings); !status.ok()) return status;
    const absl::StatusOr<std::string> http = StartPages(settings);
    if (!http.ok()) return http.status();
    return Announce(settings, {.grpc = rpc_->address(), .http = *http}, pages());
  }

 private:
  void SetServing(bool serving) override { rpc_->SetServing(serving); }
  void Shutdown(absl::Duration drain) override { rpc_->Shutdown(drain); }

  absl::Status StartRpc(const Settings& settings) {
    RpcServerOptions rpc;
    SetAddresses(settings, rpc);
    if (absl::Status opened = OpenTls(settings); !opened.ok()) return opened;
    if (absl::Status opened = OpenAuditOf(settings); !opened.ok()) return opened;
    rpc.insecure = settings.GetBool("insecure");
    rpc.tls_dir = settings.Get("tls-dir");
    rpc.services = options_.services;
    if (audit_service_ != nullptr) rpc.services.push_back(audit_service_.get());
    rpc.metrics = options_.metrics;
    rpc.max_message_bytes = options_.max_message_bytes;
    rpc.max_threads = options_.max_threads;
    rpc.max_calls_per_connection = options_.max_calls_per_connection;
    absl::StatusOr<std::unique_ptr<RpcServer>> server = RpcServer::Start(rpc);
    if (!server.ok()) return ForSetting(server.status(), settings, "listen");
    rpc_ = *std::move(server);
    if (socket_.has_value()) socket_->ShareWithGroup();
    return absl::OkStatus();
  }

  // Reads the certificate, and lets the gate believe callers as the settings say. Any account of
  // the host can connect to a loopback address, so plain text proves nothing there either.
  absl::Status OpenTls(const Settings& settings) {
    AuthenticatorOptions callers;
    const bool insecure = settings.GetBool("insecure");
    callers.plain = insecure ? Role::kAdmin : Role::kViewer;
    callers.believes_plain = insecure;
    if (const std::string& directory = settings.Get("tls-dir"); !directory.empty()) {
      absl::StatusOr<std::shared_ptr<TlsFiles>> files = TlsFiles::Open(directory);
      absl::Status opened = files.status();
      if (opened.ok()) {
        opened = (*files)->Require(*ParseRole(absl::StripPrefix(options_.program, "gitops-")));
      }
      if (!opened.ok()) return ForSetting(opened, settings, "tls-dir");
      tls_ = *std::move(files);
      callers.revoked = [files = tls_](const std::vector<CertificateInfo>& chain) {
        return files->CheckRevoked(chain);
      };
      ShowTls();
    }
    if (options_.gate != nullptr) {
      options_.gate->Identify(std::make_shared<const Authenticator>(std::move(callers)));
    }
    return absl::OkStatus();
  }

  absl::Status OpenAuditOf(const Settings& settings) {
    if (options_.gate == nullptr) return absl::OkStatus();
    absl::StatusOr<std::shared_ptr<AuditLog>> audit = OpenAudit(settings, options_.program);
    if (!audit.ok()) return ForSetting(audit.status(), settings, "audit-to");
    if (*audit != nullptr) ShowAudit(*options_.metrics, *audit);
    options_.gate->Record(*std::move(audit));
    audit_service_ = NewAuditService(options_.gate, options_.host_audits);
    return absl::OkStatus();
  }

  void ShowTls() {
    options_.metrics->AddCollector([files = tls_] {
      prometheus::MetricFamily family;
      family.name = "gitops_certificate_expiry_timestamp_seconds";
      family.help = "When the certificate of this program expires.";
      family.type = prometheus::MetricType::Gauge;
      family.metric.emplace_back().gauge.value =
          absl::ToDoubleSeconds(files->expires() - absl::UnixEpoch());
      prometheus::MetricFamily failed;
      failed.name = "gitops_tls_handshakes_failed_total";
      failed.help = "TLS handshakes that failed; the log has reasons.";
      failed.type = prometheus::MetricType::Counter;
      failed.metric.emplace_back().counter.value = static_cast<double>(FailedHandshakes());
      return std::vector{family, failed};
    });
  }

  // The first TCP address is the one that clients are told.
  void SetAddresses(const Settings& settings, RpcServerOptions& rpc) {
    std::vector<std::string> all = settings.GetList("listen");
    std::stable_partition(all.begin(), all.end(),
                          [](const std::string& each) { return !absl::StartsWith(each, "unix:"); });
    if (!all.empty()) rpc.listen = all[0];
    for (size_t i = 1; i < all.size(); ++i) rpc.also_listen.push_back(all[i]);
    if (settings.IsSet("listen") || options_.default_socket.empty() || geteuid() != 0) return;
    absl::StatusOr<DefaultSocket> socket = DefaultSocket::Take(options_.default_socket);
    if (!socket.ok()) {
      LogWarning("without a unix socket", {{"error", std::string(socket.status().message())}});
      return;
    }
    socket_ = *std::move(socket);
    rpc.also_listen.push_back(absl::StrCat("unix:", socket_->path()));
  }

  std::optional<DefaultSocket> socket_;                       // the default one, if it is served
  std::shared_ptr<TlsFiles> tls_;                             // null: plain text
  std::unique_ptr<v1::AuditService::Service> audit_service_;  // null: without a gate
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
