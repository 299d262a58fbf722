#include "agent/report/reporter.h"

#include <random>
#include <utility>

#include "agent/report/timing.h"
#include "common/config/ports.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/tls_diagnosis.h"

namespace gitops {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
// A stream that lasted this long does not count as a failure: the next attempt comes soon.
constexpr absl::Duration kGoodStream = absl::Seconds(10);
// The maximum of services in one message, which limits its size.
constexpr size_t kMaxChanges = 500;
// Beyond these, which wait for a slow planner, services are reported by themselves.
constexpr size_t kMaxMoved = 16;

std::function<double()> NewRandom() {
  return [engine = std::minstd_rand(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

}  // namespace

Reporter::Reporter(ReporterOptions options, ChannelOptions channel)
    : options_(std::move(options)),
      channel_(std::move(channel)),
      random_(options_.random ? options_.random : NewRandom()) {}

Reporter::~Reporter() { Stop(); }

void Reporter::Start() {
  // With the lock: what wakes the job while it is added waits, and is not lost.
  MutexLock lock(job_mutex_);
  job_ = options_.scheduler->Add(absl::InfinitePast(), [this] { return Step(); });
}

void Reporter::Changed(const std::string& service) {
  {
    MutexLock lock(mutex_);
    changed_.insert(service);
  }
  Wake();
}

void Reporter::BeginTips() {
  MutexLock lock(mutex_);
  ++rounds_;
  ++begun_;
}

void Reporter::EndTips(std::vector<MovedServices> moved) {
  {
    MutexLock lock(mutex_);
    --rounds_;
    for (MovedServices& services : moved) moved_.push_back(std::move(services));
    if (!takes_tips_ || moved_.size() > kMaxMoved) {
      for (const MovedServices& services : moved_) {
        changed_.insert(services.names.begin(), services.names.end());
      }
      moved_.clear();
    }
  }
  Wake();
}

void Reporter::ConfigChanged() {
  {
    MutexLock lock(mutex_);
    config_changed_ = true;
  }
  Wake();
}

void Reporter::Renew() {
  {
    MutexLock lock(mutex_);
    renew_ = true;
  }
  Wake();
}

void Reporter::Stop() {
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

void Reporter::Wake() {
  MutexLock lock(job_mutex_);
  if (job_ != nullptr) job_->Wake();
}

bool Reporter::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

void Reporter::SetConnected(bool connected) {
  answered_ = connected;
  if (options_.on_connected) options_.on_connected(connected);
}

absl::Time Reporter::Step() {
  const SteadyTime now = options_.clock->SteadyNow();
  return options_.clock->Now() + (Advance(now) - now);
}

SteadyTime Reporter::Advance(SteadyTime now) {
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
    TakeAnswer(look, now);
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

SteadyTime Reporter::Connect(SteadyTime now) {
  int64_t begun;
  {
    // Before the hello is made, so that no change is lost between the two.
    MutexLock lock(mutex_);
    if (rounds_ > 0) return SteadyTime::Infinite();
    begun = begun_;
    changed_.clear();
    moved_.clear();
    takes_tips_ = renew_ = config_changed_ = false;
  }
  timed_out_ = renewing_ = false;
  auto channel = Dial(channel_);
  if (!channel.ok()) return TakeEnd(grpc::Status(grpc::UNAVAILABLE, ""), now);
  v1::ReportRequest request;
  *request.mutable_hello() = options_.hello();
  told_audit_.Clear();
  AddAudit(request);
  {
    // It may have changes of services that are newer than what a round of tips is going to tell.
    MutexLock lock(mutex_);
    if (begun_ != begun) return now;
  }
  began_ = now;
  answer_by_ = now + options_.answer_timeout;
  stream_ = PlannerStream::Open(*std::move(channel), std::move(request), [this] { Wake(); });
  return answer_by_;
}

void Reporter::TakeAnswer(const PlannerStream::Look& look, SteadyTime now) {
  interval_ = *look.interval;
  if (answered_) return;
  {
    MutexLock lock(mutex_);
    takes_tips_ = look.takes_tips;
  }
  if (!quiet_) LogInfo("reporting to the planner", {{"planner", options_.planner}});
  failing_ = false;
  next_heartbeat_ = now + HeartbeatDelay(interval_, random_());
  SetConnected(true);
}

SteadyTime Reporter::TakeEnd(const grpc::Status& status, SteadyTime now) {
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

std::string Reporter::ReasonOf(const grpc::Status& status) const {
  if (timed_out_) {
    return "no answer within " + absl::FormatDuration(options_.answer_timeout);
  }
  if (status.ok()) return "the planner ended the stream";
  std::string cause = DiagnoseConnection(channel_, status.error_message());
  return cause.empty() ? status.error_message() : cause;
}

bool Reporter::MustBeginAnew() const {
  MutexLock lock(mutex_);
  return renew_;
}

void Reporter::SendNext(SteadyTime now) {
  v1::ReportRequest request;
  if (!TakeTip(request) && !TakeChanged(request)) {
    if (!answered_ || now < next_heartbeat_) return;
    request.mutable_heartbeat();
  }
  next_heartbeat_ = now + HeartbeatDelay(interval_, random_());
  AddAudit(request);
  // If the stream is ending, the next hello has it all.
  stream_->Send(std::move(request));
}

void Reporter::AddAudit(v1::ReportRequest& request) {
  if (!options_.audit) return;
  v1::AuditHead head = options_.audit();
  if (head.chain().empty()) return;  // it is not known yet
  if (head.count() == told_audit_.count() && head.hash() == told_audit_.hash()) return;
  told_audit_ = head;
  *request.mutable_audit() = std::move(head);
}

bool Reporter::TakeTip(v1::ReportRequest& request) {
  MutexLock lock(mutex_);
  while (!moved_.empty()) {
    MovedServices moved = std::move(moved_.front());
    moved_.pop_front();
    std::set<std::string> except = changed_;
    except.insert(moved.tip.except().begin(), moved.tip.except().end());
    if (except.size() >= moved.names.size()) {
      changed_.insert(moved.names.begin(), moved.names.end());
      continue;
    }
    moved.tip.mutable_except()->Assign(except.begin(), except.end());
    *request.mutable_tip_verified() = std::move(moved.tip);
    return true;
  }
  return false;
}

bool Reporter::TakeChanged(v1::ReportRequest& request) {
  std::set<std::string> names;
  int64_t begun;
  bool config;
  {
    MutexLock lock(mutex_);
    // A round may have begun and ended since TakeTip().
    if (rounds_ > 0 || !moved_.empty()) return false;
    begun = begun_;
    while (!changed_.empty() && names.size() < kMaxChanges) {
      names.insert(changed_.extract(changed_.begin()));
    }
    config = std::exchange(config_changed_, false) && options_.config;
  }
  if (config) *request.mutable_changed()->mutable_config() = options_.config();
  for (const std::string& name : names) {
    if (std::optional<v1::Service> service = options_.service(name)) {
      *request.mutable_changed()->add_services() = *std::move(service);
    } else {
      request.mutable_changed()->add_removed(name);
    }
  }
  MutexLock lock(mutex_);
  if (begun_ != begun) {  // as for the hello
    changed_.merge(names);
    config_changed_ |= config;
    request.Clear();
    return false;
  }
  return config || !names.empty();
}

absl::StatusOr<std::unique_ptr<Reporter>> Reporter::New(ReporterOptions options) {
  ChannelOptions channel;
  channel.address = options.planner;
  channel.default_port = kPlannerPort;
  channel.insecure = options.insecure;
  channel.tls_dir = options.tls_dir;
  channel.server = ServerIdentity{.role = Role::kPlanner, .name = ""};
  channel.connect_timeout = kConnectTimeout;
  // gRPC's own back-off would add to ours.
  channel.own_connection = true;
  if (auto dialled = Dial(channel); !dialled.ok()) return dialled.status();
  return std::unique_ptr<Reporter>(new Reporter(std::move(options), std::move(channel)));
}

}  // namespace gitops
