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
#include "common/config/settings.h"
#include "common/metrics/metrics.h"
#include "common/server/address_file.h"

namespace grpc {
class Service;
}

namespace gitops {

// What every main() of a server does after it has its settings (those of CommonServerSettings):
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

// The settings that are wrong together or not carried out yet (--tls-dir, --store etcd://…), before
// anything is opened, so that --check-config tells them too; sets up the log. INVALID_ARGUMENT,
// UNIMPLEMENTED, FAILED_PRECONDITION; names the setting and where it came from.
absl::Status CheckServerSettings(const Settings& settings);

struct ServerProcessOptions {
  std::string program;                    // for the log: "gitops-agent"
  std::vector<grpc::Service*> services;   // not owned; must outlive the process object
  Metrics* metrics = nullptr;             // not owned; needed
  std::function<absl::Status()> healthy;  // /healthz; none: always
  std::function<void()> on_reload;        // SIGHUP; SIGTERM waits until it returns
  // When the end has begun: readiness is gone, calls still run. Lets open streams end, soon.
  std::function<void()> on_drain;
  // How long calls may go on after that, before they are cancelled.
  absl::Duration drain = absl::Seconds(10);
  // As in RpcServerOptions.
  int max_message_bytes = 4 << 20;
  int max_threads = 64;
  int max_calls_per_connection = 100;
};

// A program that serves: gRPC, the status pages, the address file, signals, the end.
class ServerProcess {
 public:
  // Serves when it returns, and has written the address file; not ready until SetReady says so.
  // Errors are those of CheckServerSettings, RpcServer::Start and HttpServer::Start, with the
  // setting that names the address.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const Settings& settings,
                                                              ServerProcessOptions options);
  virtual ~ServerProcess() = default;

  virtual const ServedAddresses& addresses() const = 0;
  // /readyz and the health service; OK: ready. Any thread.
  virtual void SetReady(absl::Status status) = 0;
  // Until SIGTERM, SIGINT or Stop(); then drains: readiness is withdrawn, on_drain called, calls
  // finished or cancelled. If handlers do not return even 5 s after they were cancelled, the
  // process exits with 1. The address file is left: a successor may have written it already, and
  // who reads a stale one finds a closed port. Returns the exit status.
  virtual int Run() = 0;
  // Makes Run() return. Any thread.
  virtual void Stop() = 0;
};

// The exit status for a failure to start: 2 where the settings are wrong or ask for what is not
// carried out (INVALID_ARGUMENT, UNIMPLEMENTED, FAILED_PRECONDITION), else 1; 0 for OK.
int ExitStatus(const absl::Status& status);

// Prints `PROGRAM: MESSAGE` to standard error; ExitStatus(status).
int ReportFailure(absl::string_view program, const absl::Status& status);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_LIFECYCLE_H_
