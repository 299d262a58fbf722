#include "services/planner/report/report_service.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/api/limits.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/tls/certificate.h"

namespace gitops {
namespace {

absl::Status Stopping() {
  return MakeError(Reason::kServerStopping,
                   "the planner is stopping; report again when it is back");
}

}  // namespace

// One agent's stream. gRPC calls the On… methods, reads one at a time; OnCancel may come between.
class ReportService::Stream final : public Reactor {
 public:
  Stream(ReportService* service, grpc::CallbackServerContext* context)
      : service_(service), options_(service->options_), context_(context) {}

  // An error ends the stream.
  void Start(absl::StatusOr<Principal> caller) {
    if (!caller.ok()) return Refuse(caller.status());
    caller_ = *std::move(caller);
    Synchronize();
    StartRead(&request_);
  }

  // Only the first call has an effect. Any thread.
  void End(const absl::Status& status) {
    {
      MutexLock lock(mutex_);
      if (std::exchange(ended_, true)) return;
    }
    Finish(ToGrpcStatus(status));
  }

  void OnReadDone(bool ok) override {
    Synchronize();
    if (!ok) return context_->IsCancelled() ? OnCancel() : End(absl::OkStatus());
    const absl::Status taken = Take();
    // Frees a large hello while the agent is silent.
    request_.Clear();
    if (!taken.ok()) return End(taken);
    Synchronize();
    StartRead(&request_);
  }

  // The answer to the hello is the only one.
  void OnWriteDone(bool) override {
    Synchronize();
    response_.Clear();
    Synchronize();
  }

  // Of a refused stream only.
  void OnSendInitialMetadataDone(bool) override {
    Synchronize();
    End(refusal_);
  }

  void OnCancel() override { End(absl::CancelledError("the agent has gone")); }

  void OnDone() override {
    Synchronize();
    report_.reset();
    service_->Remove(this);  // which deletes this
  }

 private:
  // gRPC runs one callback after another, on several threads. This shows their order to the thread
  // sanitizer, which cannot see it otherwise.
  void Synchronize() { MutexLock lock(mutex_); }

  // Ends the stream in its first callback: when a stream is finished before gRPC has taken it over,
  // gRPC's own thread uses its status, which the thread sanitizer reports as a race.
  void Refuse(absl::Status why) {
    refusal_ = std::move(why);
    Synchronize();
    StartSendInitialMetadata();
  }

  absl::Status Take() {
    // The certificate may be revoked since the stream began.
    if (absl::Status known = options_.gate->CheckCaller(*context_); !known.ok()) return known;
    if (request_.Length() > options_.limits.agent_bytes) {
      return MakeError(Reason::kReportTooLarge,
                       absl::StrCat("the report has ", request_.Length(), " bytes; at most ",
                                    options_.limits.agent_bytes, " are allowed"));
    }
    v1::ReportRequest request;
    if (!Serialization::Deserialize(&request_, &request).ok()) {
      return absl::InvalidArgumentError("the report is no ReportRequest");
    }
    if (absl::Status limits = CheckLimits(request); !limits.ok()) return limits;
    if (request.has_hello()) {
      const absl::Status begun = Begin(request.hello());
      if (begun.ok()) TakeAudit(request);
      return begun;
    }
    if (report_ == nullptr) {
      return InvalidField("hello", "the first message of a report is the hello");
    }
    if (request.has_changed()) {
      if (absl::Status kept = report_->Changed(request.changed()); !kept.ok()) return kept;
    } else if (request.has_tip_verified()) {
      if (absl::Status kept = report_->TipVerified(request.tip_verified()); !kept.ok()) return kept;
    } else {
      report_->Heartbeat();
    }
    TakeAudit(request);
    if (!report_->outdated()) return absl::OkStatus();
    return MakeError(
        Reason::kSuperseded,
        "another agent reported as this host for a while; begin anew with all there is");
  }

  absl::Status Begin(const v1::Hello& hello) {
    if (report_ != nullptr) {
      return InvalidField("hello", "a second hello on one stream: open another stream");
    }
    auto report = options_.fleet->Connected(hello, context_->peer(), caller_);
    if (!report.ok()) return report.status();
    report_ = *std::move(report);
    caller_ = Principal();  // the fleet has it
    host_ = HostOf(hello);
    v1::ReportResponse response;
    *response.mutable_heartbeat_interval() = ToDuration(options_.heartbeat);
    response.set_takes_tips(true);
    bool own_buffer = false;
    if (!Answer::Serialize(response, &response_, &own_buffer).ok()) {
      return absl::InternalError("cannot serialize the answer to a hello");
    }
    MutexLock lock(mutex_);
    if (!ended_) StartWrite(&response_);
    return absl::OkStatus();
  }

  // The host of the stream, as the fleet names it.
  std::string HostOf(const v1::Hello& hello) const {
    if (!hello.name().empty()) return hello.name();
    for (const std::string& name : hello.names()) {
      if (options_.fleet->Find(name).ok()) return name;
    }
    return "";
  }

  void TakeAudit(const v1::ReportRequest& request) {
    if (options_.audits == nullptr || !request.has_audit() || host_.empty()) return;
    options_.audits->Reported(host_, request.audit());
  }

  using Serialization = grpc::SerializationTraits<v1::ReportRequest>;
  using Answer = grpc::SerializationTraits<v1::ReportResponse>;

  ReportService* const service_;
  const ReportOptions& options_;
  grpc::CallbackServerContext* const context_;
  Principal caller_;
  absl::Status refusal_;
  grpc::ByteBuffer request_, response_;
  std::unique_ptr<AgentReport> report_;
  std::string host_;
  Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

ReportService::ReportService(const ReportOptions& options) : options_(options) {}

ReportService::~ReportService() {
  MutexLock lock(mutex_);
  while (!streams_.empty()) gone_.Wait(mutex_);
}

ReportService::Reactor* ReportService::Report(grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<Stream>(this, context);
  Stream* const reactor = stream.get();
  const absl::Status added = Add(std::move(stream));
  absl::StatusOr<Principal> caller =
      options_.gate->Admit(*context, v1::ReportRequest::default_instance());
  if (caller.ok() && !added.ok()) caller = added;
  reactor->Start(std::move(caller));
  return reactor;
}

grpc::Status ReportService::RenewCertificate(grpc::ServerContext* context,
                                             const v1::RenewCertificateRequest* request,
                                             v1::RenewCertificateResponse* response) {
  return options_.gate->Run(*context, *request, [&](const Principal& caller) -> absl::Status {
    const auto certificates =
        context->auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (caller.kind != Principal::Kind::kAgent ||
        caller.authentication != Principal::Authentication::kTls || certificates.empty()) {
      return absl::FailedPreconditionError(
          "only an agent can renew a certificate, its own, over TLS; see 'gitopsctl ca'");
    }
    if (!options_.renew) {
      return absl::FailedPreconditionError(
          "this planner issues no certificates; start it with --join-listen");
    }
    const absl::StatusOr<CertificateInfo> present =
        ReadCertificate({certificates[0].data(), certificates[0].size()});
    if (!present.ok()) return present.status();
    const absl::StatusOr<IssuedMaterial> issued =
        options_.renew({caller.name, present->serial, request->certificate_request()});
    if (!issued.ok()) return issued.status();
    response->set_certificate_chain(issued->chain_pem);
    response->set_authorities(issued->authorities_pem);
    response->set_authority_links(issued->links_pem);
    return absl::OkStatus();
  });
}

absl::Status ReportService::Add(std::shared_ptr<Stream> stream) {
  const int most = options_.limits.agents;
  MutexLock lock(mutex_);
  Stream* const key = stream.get();
  streams_.emplace(key, std::move(stream));
  if (stopping_) return Stopping();
  if (static_cast<int>(streams_.size()) <= most) return absl::OkStatus();
  return MakeError(Reason::kTooManyAgents,
                   absl::StrCat("this planner takes ", most, " agents, and has them"));
}

void ReportService::Remove(Stream* stream) {
  std::shared_ptr<Stream> last;  // ends without the lock
  MutexLock lock(mutex_);
  const auto found = streams_.find(stream);
  last = std::move(found->second);
  streams_.erase(found);
  gone_.NotifyAll();
}

void ReportService::Stop() {
  std::vector<std::shared_ptr<Stream>> streams;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& [key, stream] : streams_) streams.push_back(stream);
  }
  for (const auto& stream : streams) stream->End(Stopping());
}

int ReportService::streams() const {
  MutexLock lock(mutex_);
  return static_cast<int>(streams_.size());
}

}  // namespace gitops
