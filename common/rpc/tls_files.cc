#include "common/rpc/tls_files.h"

#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log/log.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr std::chrono::seconds kLookEvery(1);
// gRPC's own look at the files in memory, in seconds; there is no less.
constexpr unsigned int kRefreshEvery = 1;
constexpr absl::Duration kWarnBefore = absl::Hours(24 * 30);
constexpr absl::Duration kWarnEvery = absl::Hours(24);

// Changes when a file of the directory changes.
std::string StampOf(const std::string& directory, std::initializer_list<const char*> names) {
  std::string stamp;
  for (const char* name : names) {
    struct stat info = {};
    if (stat(absl::StrCat(directory, "/", name).c_str(), &info) != 0) {
      absl::StrAppend(&stamp, "none;");
      continue;
    }
    absl::StrAppend(&stamp, info.st_dev, ",", info.st_ino, ",", info.st_size, ",",
                    info.st_mtim.tv_sec, ",", info.st_mtim.tv_nsec, ";");
  }
  return stamp;
}

// A server whose handshake is done: is it the one that was meant?
class ServerVerifier final : public grpc::experimental::ExternalCertificateVerifier {
 public:
  ServerVerifier(ServerIdentity expected, std::shared_ptr<const TlsFiles> files)
      : expected_(std::move(expected)), files_(std::move(files)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* status) override {
    const grpc::string_ref chain = request->peer_cert_full_chain();
    const absl::Status checked = Check(absl::string_view(chain.data(), chain.size()));
    *status = checked.ok()
                  ? grpc::Status::OK
                  : grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(checked.message()));
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  absl::Status Check(absl::string_view pem) const {
    const absl::StatusOr<std::vector<CertificateInfo>> chain = ReadCertificateChain(pem);
    if (!chain.ok()) return chain.status();
    if (absl::Status named = CheckServer((*chain)[0], expected_); !named.ok()) return named;
    const absl::Status revoked = files_->CheckRevoked(*chain);
    if (revoked.ok()) return revoked;
    return absl::UnauthenticatedError(
        absl::StrCat("the server's certificate is refused: the certificate ", revoked.message()));
  }

  const ServerIdentity expected_;
  const std::shared_ptr<const TlsFiles> files_;
};

bool Contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

struct Registry {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<TlsFiles>> files ABSL_GUARDED_BY(mutex);
};

}  // namespace

absl::Status CheckServer(const CertificateInfo& certificate, const ServerIdentity& expected) {
  const std::string wanted = expected.name.empty() ? absl::StrCat("any ", RoleName(expected.role))
                                                   : IdentityText({expected.role, expected.name});
  if (!certificate.identity.ok()) {
    return absl::UnauthenticatedError(absl::StrCat("expected the certificate of ", wanted,
                                                   ", but the certificate ",
                                                   certificate.identity.status().message()));
  }
  const Identity& found = *certificate.identity;
  const bool named = expected.name.empty() || found.name == expected.name ||
                     (expected.or_address && (Contains(certificate.dns_names, expected.name) ||
                                              Contains(certificate.addresses, expected.name)));
  if (found.role == expected.role && named) return absl::OkStatus();
  return absl::UnauthenticatedError(absl::StrCat("expected the certificate of ", wanted,
                                                 ", found that of ", IdentityText(found)));
}

absl::StatusOr<std::shared_ptr<TlsFiles>> TlsFiles::Open(const std::string& directory) {
  static auto& registry = *new Registry;
  MutexLock lock(registry.mutex);
  std::weak_ptr<TlsFiles>& kept = registry.files[directory];
  if (std::shared_ptr<TlsFiles> open = kept.lock()) return open;
  std::shared_ptr<TlsFiles> files(new TlsFiles(directory));
  if (absl::Status begun = files->Begin(); !begun.ok()) return begun;
  kept = files;
  return files;
}

absl::Status TlsFiles::Begin() {
  if (!files_.status().ok()) return files_.status();
  const absl::Time now = absl::Now();
  material_stamp_ = StampOf(directory_, {"ca.crt", "tls.crt", "tls.key"});
  absl::StatusOr<TlsMaterial> material = LoadMaterial(directory_, now);
  if (material.ok()) {
    if (absl::Status taken = Take(*std::move(material)); !taken.ok()) return taken;
  } else if (absl::IsFailedPrecondition(material.status())) {
    SetFault(material.status());
    material_stamp_.clear();
    LookAtMaterial(now);
  } else {
    return material.status();
  }
  LookAtRevocations(now);
  if (!list_fault_.empty()) return absl::InvalidArgumentError(list_fault_);
  provider_ = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files_.Path("tls.key"), files_.Path("tls.crt"), files_.Path("ca.crt"), kRefreshEvery);
  absl::StatusOr<std::thread> thread = StartThread("watch certificates", [this] { Watch(); });
  if (!thread.ok()) return thread.status();
  watcher_ = *std::move(thread);
  return absl::OkStatus();
}

TlsFiles::~TlsFiles() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.NotifyAll();
  }
  if (watcher_.joinable()) watcher_.join();
}

void TlsFiles::Watch() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) {
        stop_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kLookEvery);
      }
      if (stopping_) return;
    }
    Look(absl::Now());
  }
}

void TlsFiles::Look(absl::Time now) {
  LookAtMaterial(now);
  LookAtRevocations(now);
  WarnOfExpiry(now);
}

void TlsFiles::LookAtMaterial(absl::Time now) {
  const std::string stamp = StampOf(directory_, {"ca.crt", "tls.crt", "tls.key"});
  if (stamp == material_stamp_ && material_fault_.empty()) return;
  absl::StatusOr<TlsMaterial> material = LoadMaterial(directory_, now);
  absl::Status taken = material.status();
  if (material.ok()) taken = Take(*std::move(material));
  // With files that changed while they were read, look again.
  material_stamp_ = stamp;
  if (taken.ok()) {
    material_fault_.clear();
    LogInfo(
        "new certificate in use",
        {{"tls-dir", directory_}, {"expires", absl::FormatTime(expires(), absl::UTCTimeZone())}});
    return;
  }
  const std::string fault(taken.message());
  if (fault != material_fault_) {
    LogWarning("cannot use the files in the TLS directory; what was in use stays",
               {{"tls-dir", directory_}, {"error", fault}});
  }
  material_fault_ = fault;
}

void TlsFiles::LookAtRevocations(absl::Time now) {
  const std::string stamp = StampOf(directory_, {"ca.crt", "crl.pem"});
  if (stamp != list_stamp_ || !list_fault_.empty()) {
    absl::StatusOr<Revocations> list = Revocations::Load(directory_, now);
    list_stamp_ = stamp;
    const std::string fault(list.ok() ? "" : list.status().message());
    if (!fault.empty() && fault != list_fault_) {
      LogWarning("cannot use the revocation list; the one in use stays",
                 {{"tls-dir", directory_}, {"error", fault}});
    }
    list_fault_ = fault;
    if (list.ok()) {
      auto taken = std::make_shared<const Revocations>(*std::move(list));
      MutexLock lock(mutex_);
      revocations_ = std::move(taken);
    }
  }
  std::shared_ptr<const Revocations> list;
  {
    MutexLock lock(mutex_);
    list = revocations_;
  }
  if (list->IsOverdue(now) && !overdue_) {
    LogWarning("the revocation list is overdue; it stays in force",
               {{"tls-dir", directory_},
                {"due", absl::FormatTime(list->next_update(), absl::UTCTimeZone())}});
  }
  overdue_ = list->IsOverdue(now);
}

absl::Status TlsFiles::Require(Role role) {
  MutexLock lock(mutex_);
  role_ = role;
  return own_.has_value() ? CheckRole(*own_) : absl::OkStatus();
}

absl::Status TlsFiles::CheckRole(const CertificateInfo& own) const {
  if (!role_.has_value() || own.identity->role == *role_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(directory_, "/tls.crt is the certificate of ", IdentityText(*own.identity),
                   "; this program needs one with the role ", RoleName(*role_)));
}

absl::Status TlsFiles::Take(TlsMaterial material) {
  {
    MutexLock lock(mutex_);
    if (absl::Status right = CheckRole(material.certificate); !right.ok()) return right;
  }
  absl::Status taken = files_.Replace("ca.crt", material.authorities_pem);
  taken.Update(files_.Replace("tls.key", material.key_pem.Reveal()));
  taken.Update(files_.Replace("tls.crt", material.chain_pem));
  if (!taken.ok()) return taken;
  MutexLock lock(mutex_);
  own_ = std::move(material.certificate);
  fault_ = absl::OkStatus();
  return taken;
}

void TlsFiles::SetFault(absl::Status fault) {
  MutexLock lock(mutex_);
  fault_ = std::move(fault);
}

void TlsFiles::WarnOfExpiry(absl::Time now) {
  const absl::Time end = expires();
  if (end - now > kWarnBefore || now < next_warning_) return;
  next_warning_ = now + kWarnEvery;
  LogWarning(end < now ? "the certificate has expired" : "the certificate expires soon",
             {{"tls-dir", directory_}, {"expires", absl::FormatTime(end, absl::UTCTimeZone())}});
}

std::shared_ptr<grpc::ServerCredentials> TlsFiles::ForServer() const {
  grpc::experimental::TlsServerCredentialsOptions options(provider_);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> TlsFiles::ForClient(const ServerIdentity& server) const {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(provider_);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  // The verifier decides, not the name that is dialled.
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<ServerVerifier>(server,
                                                                              shared_from_this()));
  return grpc::experimental::TlsCredentials(options);
}

absl::Status TlsFiles::problem() const {
  const absl::Time now = absl::Now();
  MutexLock lock(mutex_);
  if (!own_.has_value() || own_->not_after >= now) return fault_;
  return absl::FailedPreconditionError(
      absl::StrCat("the certificate ", directory_, "/tls.crt expired at ",
                   absl::FormatTime(own_->not_after, absl::UTCTimeZone()), "; replace it"));
}

absl::Status TlsFiles::CheckRevoked(const std::vector<CertificateInfo>& chain) const {
  std::shared_ptr<const Revocations> list;
  {
    MutexLock lock(mutex_);
    list = revocations_;
  }
  return list->Check(chain);
}

absl::Time TlsFiles::expires() const {
  MutexLock lock(mutex_);
  return own_.has_value() ? own_->not_after : absl::InfinitePast();
}

}  // namespace gitops
