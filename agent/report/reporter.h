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
  std::string planner;  // its address; port 8001 where it has none
  bool insecure = false;
  std::string tls_dir;
  // Everything as it is now, for the begin of a stream.
  std::function<v1::Hello()> hello;
  // One service as it is now; none: it has left the configuration.
  std::function<std::optional<v1::Service>(const std::string& service)> service;
  // Told when the planner has answered, and when the stream has ended. May be empty.
  std::function<void(bool connected)> on_connected;
  // From [0, 1); empty: one of its own.
  std::function<double()> random;
  // The planner must answer the hello within this.
  absl::Duration answer_timeout = absl::Seconds(10);
  // Not owned. The scheduler should be for this alone: a report must not wait for other work.
  Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;
};

// Reports this host to the planner: one stream, with everything at its begin, each change at once
// and heartbeats between; when it ends, another. The agent works alone: a planner that is away,
// hangs or refuses changes nothing here. A service that changes often while the planner is slow is
// reported as it is in the end. Any thread; no method but Stop() waits.
class Reporter {
 public:
  virtual ~Reporter() = default;  // as Stop()

  // Begins to report. Before that, nothing in the options is called.
  virtual void Start() = 0;
  // The service changed, came or left.
  virtual void Changed(const std::string& service) = 0;
  // What is only told in the hello changed: reports anew.
  virtual void Renew() = 0;
  // Ends the stream, within a second. Nothing in the options is called afterwards.
  virtual void Stop() = 0;
};

// INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED: the address, as Dial() has it.
absl::StatusOr<std::unique_ptr<Reporter>> NewReporter(ReporterOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_REPORTER_H_
