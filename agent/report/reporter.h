#ifndef GITOPS_AGENT_REPORT_REPORTER_H_
#define GITOPS_AGENT_REPORT_REPORTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/schedule/scheduler.h"
#include "gitops/v1/report.pb.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

struct ReporterOptions {
  std::string planner;  // its address; default port 8001
  bool insecure = false;
  std::string tls_dir;
  // The current state of everything, for the start of a stream.
  std::function<v1::Hello()> hello;
  // The current state of one service; none: it was removed from the configuration.
  std::function<std::optional<v1::Service>(const std::string& service)> service;
  // Called when the planner has answered, and when the stream has ended. May be empty.
  std::function<void(bool connected)> on_connected;
  // Returns numbers in [0, 1); empty: a default generator.
  std::function<double()> random;
  // Time limit for the planner's answer to the hello.
  absl::Duration answer_timeout = absl::Seconds(10);
  // Not owned. The scheduler should have no other jobs: a report must not wait for other work.
  Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;
};

// Reports this host to the planner over one stream: everything at its start, then each change at
// once, and heartbeats; when it ends, a new stream. The agent does not depend on it: a planner that
// is gone, hangs or refuses changes nothing on the host. If a service changes often while the
// planner is slow, only its last state is reported. Thread-safe; only Stop() blocks.
class Reporter {
 public:
  virtual ~Reporter() = default;  // calls Stop()

  // Starts to report. Before that, no callback in the options is called.
  virtual void Start() = 0;
  // The service was changed, added or removed.
  virtual void Changed(const std::string& service) = 0;
  // Something that is only in the hello changed: starts a new stream.
  virtual void Renew() = 0;
  // Ends the stream, within a second. No callback in the options is called afterwards.
  virtual void Stop() = 0;
};

// INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED: errors of Dial() for the address.
absl::StatusOr<std::unique_ptr<Reporter>> NewReporter(ReporterOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_REPORTER_H_
