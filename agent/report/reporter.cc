#include "agent/report/reporter.h"

#include <random>
#include <set>
#include <utility>

#include "agent/report/planner_stream.h"
#include "agent/report/timing.h"
#include "common/config/ports.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/channel.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
// A stream that lasted this long does not count as a failure: the next attempt comes soon.
constexpr absl::Duration kGoodStream = absl::Seconds(10);
// The maximum of services in one message, which limits its size.
constexpr size_t kMaxChanges = 500;

std::function<double()> NewRandom() {
  return [engine = std::minstd_rand(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

class ReporterImpl final : public Reporter {
 public:
  ReporterImpl(ReporterOptions options, ChannelOptions channel)
      : options_(std::move(options)),
        channel_(std::move(channel)),
        random_(options_.random ? options_.random : NewRandom()) {}
  ~ReporterImpl() override { Stop(); }

  void Start() override {
    auto job = options_.scheduler->Add(absl::InfinitePast(), [this] { return Step(); });
    MutexLock lock(job_mutex_);
    job_ = std::move(job);
  }

  void Changed(const std::string& service) override {
    {
      MutexLock lock(mutex_);
      changed_.insert(service);
    }
    Wake();
  }

  void Renew() override {
    {
      MutexLock lock(mutex_);
      renew_ = true;
    }
    Wake();
  }

  void Stop() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    std::unique_ptr<Scheduler::Job> job;
    {
      MutexLock lock(job_mutex_);
      job = std::move(job_);
    }
    job.reset();
    if (stream_ == nullptr) return;
    stream_.reset();
    if (answered_) SetConnected(false);
  }

 private:
  void Wake() {
    MutexLock lock(job_mutex_);
    if (job_ != nullptr) job_->Wake();
  }

  bool stopping() const {
    MutexLock lock(mutex_);
    return stopping_;
  }

  void SetConnected(bool connected) {
    answered_ = connected;
    if (options_.on_connected) options_.on_connected(connected);
  }

  absl::Time Step() {
    const SteadyTime now = options_.clock->SteadyNow();
    return options_.clock->Now() + (Advance(now) - now);
  }

  // Does what is due, without waiting for anything. Returns when to call it again; events of the
  // stream and changes come before that.
  SteadyTime Advance(SteadyTime now) {
    if (stopping()) return SteadyTime::Infinite();
    if (stream_ == nullptr) return now < next_attempt_ ? next_attempt_ : Connect(now);
    const PlannerStream::Look look = stream_->look();
    if (look.ended.has_value()) return TakeEnd(*look.ended, now);
    if (MustBeginAnew()) {
      renewing_ = true;
      stream_->Cancel();
      return SteadyTime::Infinite();
    }
    if (look.interval.has_value()) {
      TakeAnswer(*look.interval, now);
    } else if (now >= answer_by_) {
      timed_out_ = true;
      stream_->Cancel();
      return SteadyTime::Infinite();
    }
    if (!look.writing) SendNext(now);
    if (!answered_) return answer_by_;
    // A write on its way comes first; its end is an event.
    return stream_->look().writing ? SteadyTime::Infinite() : next_heartbeat_;
  }

  SteadyTime Connect(SteadyTime now) {
    {
      // Before the hello is made, so that no change is lost between the two.
      MutexLock lock(mutex_);
      changed_.clear();
      renew_ = false;
    }
    timed_out_ = renewing_ = false;
    auto channel = Dial(channel_);
    if (!channel.ok()) return TakeEnd(grpc::Status(grpc::UNAVAILABLE, ""), now);
    v1::ReportRequest request;
    *request.mutable_hello() = options_.hello();
    began_ = now;
    answer_by_ = now + options_.answer_timeout;
    stream_ = PlannerStream::Open(*std::move(channel), std::move(request), [this] { Wake(); });
    return answer_by_;
  }

  void TakeAnswer(absl::Duration interval, SteadyTime now) {
    interval_ = interval;
    if (answered_) return;
    if (!quiet_) LogInfo("reporting to the planner", {{"planner", options_.planner}});
    failing_ = false;
    next_heartbeat_ = now + HeartbeatDelay(interval_, random_());
    SetConnected(true);
  }

  SteadyTime TakeEnd(const grpc::Status& status, SteadyTime now) {
    const bool was_connected = answered_;
    if (was_connected && now - began_ >= kGoodStream) failures_ = 0;
    stream_.reset();
    if (was_connected) SetConnected(false);
    quiet_ = renewing_;
    if (renewing_) {
      next_attempt_ = now;
      return now;
    }
    next_attempt_ = now + kReportBackoff.After(++failures_, random_());
    if (!failing_) {
      LogWarning(was_connected ? "lost the connection to the planner; retrying"
                               : "cannot report to the planner; retrying",
                 {{"planner", options_.planner}, {"error", ReasonOf(status)}});
    }
    failing_ = true;
    return next_attempt_;
  }

  std::string ReasonOf(const grpc::Status& status) const {
    if (timed_out_) {
      return "no answer within " + absl::FormatDuration(options_.answer_timeout);
    }
    return status.ok() ? "the planner ended the stream" : status.error_message();
  }

  bool MustBeginAnew() const {
    MutexLock lock(mutex_);
    return renew_;
  }

  void SendNext(SteadyTime now) {
    const std::set<std::string> names = TakeChanged();
    v1::ReportRequest request;
    for (const std::string& name : names) {
      if (std::optional<v1::Service> service = options_.service(name)) {
        *request.mutable_changed()->add_services() = *std::move(service);
      } else {
        request.mutable_changed()->add_removed(name);
      }
    }
    if (names.empty()) {
      if (!answered_ || now < next_heartbeat_) return;
      request.mutable_heartbeat();
    }
    next_heartbeat_ = now + HeartbeatDelay(interval_, random_());
    // If the stream is ending, the next hello has it all.
    stream_->Send(std::move(request));
  }

  std::set<std::string> TakeChanged() {
    MutexLock lock(mutex_);
    std::set<std::string> names;
    while (!changed_.empty() && names.size() < kMaxChanges) {
      names.insert(changed_.extract(changed_.begin()));
    }
    return names;
  }

  const ReporterOptions options_;
  const ChannelOptions channel_;
  const std::function<double()> random_;

  mutable Mutex mutex_;
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);
  bool renew_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // Only used by the job, and by Stop() after it.
  std::unique_ptr<PlannerStream> stream_;
  bool answered_ = false;
  bool timed_out_ = false;
  bool renewing_ = false;
  bool quiet_ = false;    // the stream was only renewed
  bool failing_ = false;  // and that is logged
  int failures_ = 0;
  absl::Duration interval_;
  SteadyTime began_, answer_by_, next_attempt_;
  SteadyTime next_heartbeat_ = SteadyTime::Infinite();

  Mutex job_mutex_;
  std::unique_ptr<Scheduler::Job> job_ ABSL_GUARDED_BY(job_mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Reporter>> NewReporter(ReporterOptions options) {
  ChannelOptions channel;
  channel.address = options.planner;
  channel.default_port = kPlannerPort;
  channel.insecure = options.insecure;
  channel.tls_dir = options.tls_dir;
  channel.connect_timeout = kConnectTimeout;
  // gRPC's own back-off would add to ours.
  channel.own_connection = true;
  if (auto dialled = Dial(channel); !dialled.ok()) return dialled.status();
  return std::make_unique<ReporterImpl>(std::move(options), std::move(channel));
}

}  // namespace gitops
