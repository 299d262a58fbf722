#ifndef GITOPS_COMMON_RPC_TLS_FILES_H_
#define GITOPS_COMMON_RPC_TLS_FILES_H_

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "common/rpc/private_files.h"
#include "common/sync/mutex.h"
#include "common/tls/material.h"
#include "common/tls/revocations.h"

namespace gitops {

// Whether the certificate is the one of `expected`. UNAUTHENTICATED says what was expected and
// found.
absl::Status CheckServer(const CertificateInfo& certificate, const ServerIdentity& expected);

// The certificate, key and authorities of a --tls-dir, for connections of this process. Looks once
// a second for new files; only what is whole and valid replaces what is in use, for new
// connections; open ones go on. Bad files are logged once, and what is in use stays. The same for
// the revocation list. Any thread.
class TlsFiles : public std::enable_shared_from_this<TlsFiles> {
 public:
  // One object for each directory, shared while it is used. An error of LoadMaterial, except that
  // the dates alone are no error: connections fail until the files are replaced, and problem() says
  // so. So a program whose certificate expired starts, and can be reached by its unix socket.
  static absl::StatusOr<std::shared_ptr<TlsFiles>> Open(const std::string& directory);
  ~TlsFiles();
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  // The own certificate must have this role, now and after each change. INVALID_ARGUMENT: it has
  // another.
  absl::Status Require(Role role);

  // TLS with a client certificate, which the handshake verifies; who it is is for the gate.
  std::shared_ptr<grpc::ServerCredentials> ForServer() const;
  // TLS with the own certificate, to this server.
  std::shared_ptr<grpc::ChannelCredentials> ForClient(const ServerIdentity& server) const;

  // An error if one of the chain is revoked; see Revocations::Check.
  absl::Status CheckRevoked(const std::vector<CertificateInfo>& chain) const;
  // Why the own certificate cannot be used now: expired, or not valid yet. OK: it can.
  absl::Status problem() const;
  // When the own certificate expires.
  absl::Time expires() const;
  const std::string& directory() const { return directory_; }

 private:
  explicit TlsFiles(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Begin();
  void Watch();
  // Takes up new files. What is wrong with them is logged once.
  void Look(absl::Time now);
  void LookAtMaterial(absl::Time now);
  void LookAtRevocations(absl::Time now);
  absl::Status Take(TlsMaterial material);
  absl::Status CheckRole(const CertificateInfo& own) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetFault(absl::Status fault);
  void WarnOfExpiry(absl::Time now);

  const std::string directory_;
  PrivateFiles files_{{"ca.crt", "tls.crt", "tls.key"}};
  std::shared_ptr<grpc::experimental::CertificateProviderInterface> provider_;
  // Only used by the watching thread, after Begin().
  std::string material_stamp_, list_stamp_, material_fault_, list_fault_;
  bool overdue_ = false;
  absl::Time next_warning_ = absl::InfinitePast();

  mutable Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status fault_ ABSL_GUARDED_BY(mutex_);
  std::optional<CertificateInfo> own_ ABSL_GUARDED_BY(mutex_);  // none: never valid yet
  std::optional<Role> role_ ABSL_GUARDED_BY(mutex_);            // that it must have
  std::shared_ptr<const Revocations> revocations_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const Revocations>();
  std::thread watcher_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_TLS_FILES_H_
