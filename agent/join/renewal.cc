#include "agent/join/renewal.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/log/log.h"
#include "common/path/read_file.h"
#include "common/retry/backoff.h"
#include "common/rpc/status.h"
#include "common/tls/certificate.h"
#include "common/tls/next_files.h"
#include "common/tls/request.h"
#include "common/tls/trusted.h"
#include "gitops/v1/report.grpc.pb.h"

namespace gitops {
namespace {

// Somebody may replace the certificate, or set the clock.
constexpr absl::Duration kLookEvery = absl::Hours(1);
constexpr std::chrono::seconds kCallTimeout(15);

ChannelOptions ChannelFor(const RenewalOptions& options) {
  ChannelOptions channel;
  channel.address = options.planner;
  channel.default_port = kPlannerPort;
  channel.tls_dir = options.tls_dir;
  channel.server = ServerIdentity{.role = Role::kPlanner, .name = ""};
  // A connection that is open may have been made with an earlier certificate.
  channel.own_connection = true;
  return channel;
}

double Random() {
  static thread_local std::minstd_rand engine{std::random_device()()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace

absl::Time RenewalTime(absl::Time not_before, absl::Time not_after) {
  return not_before + (not_after - not_before) * 2 / 3;
}

Renewal::Renewal(RenewalOptions options)
    : options_(std::move(options)),
      channel_(ChannelFor(options_)),
      scheduler_(NewScheduler(options_.clock, 1)),
      job_(scheduler_->Add(options_.clock->Now(), [this] { return Step(); })) {}

absl::Time Renewal::Step() {
  const absl::Time now = options_.clock->Now();
  absl::Status status;
  const absl::StatusOr<std::string> pem = ReadWholeFile(options_.tls_dir + "/tls.crt");
  const absl::StatusOr<CertificateInfo> present =
      pem.ok() ? ReadCertificate(*pem) : absl::StatusOr<CertificateInfo>(pem.status());
  if (!present.ok()) {
    status = present.status();
  } else if (!present->identity.ok()) {
    status = present->identity.status();
  } else {
    const absl::Time due = RenewalTime(present->not_before, present->not_after);
    if (now < due) return std::min(due, now + kLookEvery);
    status = present->not_after < now
                 ? absl::FailedPreconditionError(
                       "it has expired; make the host another token with 'gitopsctl ca token', and "
                       "run 'gitops-agent join' again")
                 : Renew(present->identity->name);
  }
  if (status.ok()) {
    failures_ = 0;
    fault_.clear();
    return options_.clock->Now();
  }
  const std::string fault(status.message());
  if (fault != fault_) {
    LogWarning("cannot renew the certificate; trying again",
               {{"tls-dir", options_.tls_dir}, {"error", fault}});
  }
  fault_ = fault;
  return options_.clock->Now() + kRenewalBackoff.After(++failures_, Random());
}

absl::Status Renewal::Renew(const std::string& holder) {
  const absl::StatusOr<Secret> key = NextKey(options_.tls_dir);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::string> request_pem = RequestFor(*key);
  if (!request_pem.ok()) return request_pem.status();
  auto channel = Dial(channel_);
  if (!channel.ok()) return channel.status();
  v1::RenewCertificateRequest request;
  request.set_certificate_request(*request_pem);
  v1::RenewCertificateResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  const grpc::Status called = v1::ReportService::NewStub(*std::move(channel))
                                  ->RenewCertificate(&context, request, &response);
  if (!called.ok()) return FromGrpcStatus(called);
  const absl::StatusOr<std::string> known = ReadWholeFile(options_.tls_dir + "/ca.crt");
  if (!known.ok()) return known.status();
  const absl::Time now = options_.clock->Now();
  const absl::StatusOr<std::string> trusted =
      TrustedAuthorities(response.authorities(), response.authority_links(), *known, now);
  if (!trusted.ok()) return trusted.status();
  const absl::StatusOr<CertificateInfo> taken = TakeNext(
      options_.tls_dir, *trusted, response.certificate_chain(), {Role::kAgent, holder}, now);
  if (!taken.ok()) return taken.status();
  LogInfo("renewed the certificate",
          {{"tls-dir", options_.tls_dir},
           {"expires", absl::FormatTime(taken->not_after, absl::UTCTimeZone())}});
  return absl::OkStatus();
}

}  // namespace gitops
