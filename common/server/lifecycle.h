#ifndef GITOPS_COMMON_SERVER_LIFECYCLE_H_
#define GITOPS_COMMON_SERVER_LIFECYCLE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/audit_service.h"
#include "common/config/settings.h"
#include "common/metrics/metrics.h"
#include "common/server/address_file.h"

namespace grpc {
class Service;
}

namespace gitops {

class RpcGate;

// The part of every server's main() after it has its settings (those of CommonServerSettings):
//
//   BlockSignals();
//   ... settings, --version, --check-config ...
//   if (absl::Status status = CheckServerSettings(settings); !status.ok()) {
//     return ReportFailure("gitops-agent", status);
//   }
//   Metrics metrics("agent");
//   ... the services ...
//   auto process = ServerProcess::Start(settings, {.program = "gitops-agent", ...});
//   if (!process.ok()) return ReportFailure("gitops-agent", process.status());
//   (*process)->SetReady(absl::OkStatus());
//   return (*process)->Run();

// Checks for settings that contradict each other or are not implemented yet (--store
// etcd://…), before anything is opened, so that --check-config reports them too; configures the
// log. INVALID_ARGUMENT, UNIMPLEMENTED, FAILED_PRECONDITION; the message names the setting and its
// source.
absl::Status CheckServerSettings(const Settings& settings);

struct ServerProcessOptions {
  std::string program;                   // for the log: "gitops-agent"
  std::vector<grpc::Service*> services;  // not owned; must outlive the process object
  // Of the services; is told who may be believed, and where to record calls. With it, AuditService
  // is served too. Not owned.
  RpcGate* gate = nullptr;
  HostAudits host_audits;                 // for AuditService
  Metrics* metrics = nullptr;             // not owned; required
  std::function<absl::Status()> healthy;  // /healthz; none: always
  std::function<void()> on_reload;        // SIGHUP; SIGTERM waits until it returns
  // Called when the shutdown has started: the server is not ready any more, calls still run. Should
  // end open streams soon.
  std::function<void()> on_drain;
  // How long calls may continue after that, before they are cancelled.
  absl::Duration drain = absl::Seconds(10);
  // Without --listen, root serves this unix socket too (see default_socket.h). Empty: none.
  std::string default_socket = {};
  // For the address file.
  std::string join_address = {};
  // See RpcServerOptions.
  int max_message_bytes = 4 << 20;
  int max_threads = 64;
  int max_calls_per_connection = 100;
};

// A server process: gRPC, the status pages, the address file, signals, shutdown.
class ServerProcess {
 public:
  // Serves, and has written the address file, when this returns; not ready until SetReady says so.
  // Errors are those of CheckServerSettings, RpcServer::Start and HttpServer::Start, with the
  // setting of the address.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const Settings& settings,
                                                              ServerProcessOptions options);
  virtual ~ServerProcess() = default;

  virtual const ServedAddresses& addresses() const = 0;
  // Sets /readyz and the health service; OK: ready. Thread-safe.
  virtual void SetReady(absl::Status status) = 0;
  // Runs until SIGTERM, SIGINT or Stop(); then drains: sets not ready, calls on_drain, lets calls
  // finish or cancels them. If handlers do not return within 5 s after they were cancelled, the
  // process exits with 1. The address file is not removed: a successor may have written it already,
  // and a client of a stale one finds a closed port. Returns the exit status.
  virtual int Run() = 0;
  // Makes Run() return. Thread-safe.
  virtual void Stop() = 0;
};

// The exit status for a failure to start: 2 if the settings are wrong or not implemented
// (INVALID_ARGUMENT, UNIMPLEMENTED, FAILED_PRECONDITION), else 1; 0 for OK.
int ExitStatus(const absl::Status& status);

// Prints `PROGRAM: MESSAGE` to standard error; returns ExitStatus(status).
int ReportFailure(absl::string_view program, const absl::Status& status);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_LIFECYCLE_H_
