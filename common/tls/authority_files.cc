#include "common/tls/authority_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/path/read_file.h"

namespace gitops::tls {
namespace {

constexpr size_t kMaxFile = 1 << 20;

absl::Status Unusable(const std::string& path, const absl::Status& cause) {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot use ", path, ": ", cause.message(), "; restore it from a backup"));
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  }
  if ((info.st_mode & 077) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot use ", path, ": its mode ", absl::StrFormat("%04o", info.st_mode & 07777),
      " opens it to other accounts; if none of them is to be mistrusted, run 'chmod "
      "600 ",
      path, "', else make a new authority"));
}

absl::StatusOr<std::vector<Key>> ReadKeyFile(const std::string& path) {
  if (absl::Status status = CheckPrivate(path); !status.ok()) return status;
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxFile);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<Key>> keys = ReadKeys(Secret(*text));
  if (!keys.ok()) return Unusable(path, keys.status());
  return keys;
}

absl::StatusOr<std::vector<Certificate>> ReadCertificateFile(const std::string& path,
                                                             std::string& pem) {
  absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxFile);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<Certificate>> certificates = ReadCertificates(*text);
  if (!certificates.ok()) return Unusable(path, certificates.status());
  pem = *std::move(text);
  return certificates;
}

// The certificates that have a key, in their order.
std::vector<Signer> Match(std::vector<Certificate> certificates, std::vector<Key> keys) {
  std::vector<Signer> signers;
  for (Certificate& certificate : certificates) {
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& candidate) {
      return candidate != nullptr &&
             EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), candidate.get()) == 1;
    });
    if (key != keys.end()) signers.push_back({std::move(certificate), std::move(*key)});
  }
  return signers;
}

}  // namespace

absl::StatusOr<AuthorityFiles> ReadAuthority(const std::string& directory) {
  AuthorityFiles files;
  auto certificates = ReadCertificateFile(directory + "/ca.crt", files.authorities_pem);
  if (absl::IsNotFound(certificates.status())) {
    return absl::NotFoundError(absl::StrCat("there is no certificate authority in ", directory,
                                            " (no ca.crt); make one with 'gitopsctl ca init'"));
  }
  if (!certificates.ok()) return certificates.status();
  auto issuers = ReadCertificateFile(directory + "/issuer.crt", files.issuer_pem);
  if (!issuers.ok() && !absl::IsNotFound(issuers.status())) return issuers.status();
  auto links = ReadCertificateFile(directory + "/links.pem", files.links_pem);
  if (!links.ok() && !absl::IsNotFound(links.status())) return links.status();
  const std::string key_file = directory + (issuers.ok() ? "/issuer.key" : "/ca.key");
  auto keys = ReadKeyFile(key_file);
  if (!keys.ok()) return keys.status();
  files.signers =
      Match(issuers.ok() ? *std::move(issuers) : *std::move(certificates), *std::move(keys));
  if (!files.signers.empty()) return files;
  return Unusable(key_file, absl::InvalidArgumentError("its keys belong to other certificates"));
}

absl::StatusOr<Key> ReadOrMakeKey(const std::string& path) {
  absl::StatusOr<std::vector<Key>> keys = ReadKeyFile(path);
  if (absl::IsNotFound(keys.status())) return NewKey();
  if (!keys.ok()) return keys.status();
  return std::move(keys->front());
}

absl::StatusOr<Fd> LockDirectory(const std::string& directory) {
  const auto failed = [&](absl::string_view action) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", action, " ", directory));
  };
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return failed("make");
  Fd lock(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock) return failed("open");
  while (flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return failed("lock");
  }
  return lock;
}

}  // namespace gitops::tls
