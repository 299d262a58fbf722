#ifndef GITOPS_AGENT_REPORT_REPORTER_H_
#define GITOPS_AGENT_REPORT_REPORTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/report/planner_stream.h"
#include "common/clock/clock.h"
#include "common/rpc/channel.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
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
  // Which configuration is in force; empty: that is not reported.
  std::function<v1::ConfigStatus()> config;
  // How far the agent's audit is; empty: that is not reported. It is looked at with each message.
  std::function<v1::AuditHead()> audit;
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

// Services of which nothing but the tip of their branch has changed.
struct MovedServices {
  v1::TipVerified tip;  // stands for all of `names`
  std::vector<std::string> names;
};

// Reports this host to the planner over one stream: everything at its start, then each change at
// once, and heartbeats; when it ends, a new stream. The agent does not depend on it: a planner that
// is gone, hangs or refuses changes nothing on the host. If a service changes often while the
// planner is slow, only its last state is reported. Thread-safe; only Stop() blocks.
class Reporter {
 public:
  // INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED: errors of Dial() for the address.
  static absl::StatusOr<std::unique_ptr<Reporter>> New(ReporterOptions options);
  ~Reporter();  // calls Stop()

  // Starts to report. Before that, no callback in the options is called.
  void Start();
  // The service was changed, added or removed.
  void Changed(const std::string& service);
  // Another configuration is in force, or it has another fault.
  void ConfigChanged();
  // Around the time in which services may move with a tip: until EndTips(), which is soon, no
  // service is reported. Then come `moved`, without those that Changed() named meanwhile, and then
  // the changes: so a tip never overwrites something newer. Each BeginTips() has its EndTips().
  void BeginTips();
  void EndTips(std::vector<MovedServices> moved);
  // Something that is only in the hello changed: starts a new stream.
  void Renew();
  // Ends the stream, within a second. No callback in the options is called afterwards.
  void Stop();

 private:
  Reporter(ReporterOptions options, ChannelOptions channel);

  void Wake();
  bool stopping() const;
  bool MustBeginAnew() const;
  void SetConnected(bool connected);

  // The job.
  absl::Time Step();
  // Does what is due, without waiting for anything. Returns when to call it again; events of the
  // stream, changes and the end of rounds come before that.
  SteadyTime Advance(SteadyTime now);
  SteadyTime Connect(SteadyTime now);
  void TakeAnswer(const PlannerStream::Look& look, SteadyTime now);
  SteadyTime TakeEnd(const grpc::Status& status, SteadyTime now);
  std::string ReasonOf(const grpc::Status& status) const;
  void SendNext(SteadyTime now);
  // What to send next; false: nothing.
  bool TakeTip(v1::ReportRequest& request);
  bool TakeChanged(v1::ReportRequest& request);
  // Adds what the stream has not told yet.
  void AddAudit(v1::ReportRequest& request);

  const ReporterOptions options_;
  const ChannelOptions channel_;
  const std::function<double()> random_;

  mutable Mutex mutex_;
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  std::deque<MovedServices> moved_ ABSL_GUARDED_BY(mutex_);  // sent before what changed
  int rounds_ ABSL_GUARDED_BY(mutex_) = 0;                   // of tips, that have not ended
  int64_t begun_ ABSL_GUARDED_BY(mutex_) = 0;                // of them, since the start
  bool takes_tips_ ABSL_GUARDED_BY(mutex_) = false;
  bool renew_ ABSL_GUARDED_BY(mutex_) = false;
  bool config_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // Only used by the job, and by Stop() after it.
  std::unique_ptr<PlannerStream> stream_;
  bool answered_ = false;
  bool timed_out_ = false;
  bool renewing_ = false;
  bool quiet_ = false;    // the stream was only renewed
  bool failing_ = false;  // and that is logged
  int failures_ = 0;
  v1::AuditHead told_audit_;  // on this stream
  absl::Duration interval_;
  SteadyTime began_, answer_by_, next_attempt_;
  SteadyTime next_heartbeat_ = SteadyTime::Infinite();

  Mutex job_mutex_;
  std::unique_ptr<Scheduler::Job> job_ ABSL_GUARDED_BY(job_mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_REPORTER_H_
