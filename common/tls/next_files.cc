#include "common/tls/next_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/crash/crash_point.h"
#include "common/path/fd.h"
#include "common/path/read_file.h"
#include "common/server/replace_file.h"
#include "common/tls/request.h"

namespace gitops {
namespace {

constexpr char kNext[] = ".next";
constexpr size_t kMaxKey = 64 << 10;

// The certificate last: while its next file is there, the others may be in place already.
constexpr const char* kFiles[] = {"tls.key", "ca.crt", "tls.crt"};

absl::Status Failed(absl::string_view action, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", action, " ", path));
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Failed("read", path);
  if ((info.st_mode & 077) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "cannot use ", path, ": its mode ", absl::StrFormat("%04o", info.st_mode & 07777),
      " opens it to other accounts; remove it, and another key is made"));
}

absl::Status SyncDirectory(const std::string& directory) {
  const Fd open_directory(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open_directory) return Failed("open", directory);
  return fsync(open_directory.get()) == 0 ? absl::OkStatus() : Failed("sync", directory);
}

}  // namespace

absl::StatusOr<Secret> NextKey(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/tls.key", kNext);
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxKey);
  if (text.ok()) {
    if (absl::Status status = CheckPrivate(path); !status.ok()) return status;
    return Secret(*text);
  }
  if (!absl::IsNotFound(text.status())) return text.status();
  absl::StatusOr<Secret> key = NewPrivateKey();
  if (!key.ok()) return key;
  if (absl::Status made = ReplaceFile(path, key->Reveal(), 0600); !made.ok()) return made;
  return key;
}

absl::StatusOr<CertificateInfo> TakeNext(const std::string& directory,
                                         const std::string& authorities_pem,
                                         const std::string& chain_pem, const Identity& holder,
                                         absl::Time now) {
  const absl::StatusOr<Secret> key = NextKey(directory);
  if (!key.ok()) return key.status();
  TlsMaterial material{authorities_pem, chain_pem, *key, {}};
  if (absl::Status good = CheckMaterial("the answer", material, now); !good.ok()) return good;
  if (*material.certificate.identity != holder) {
    return absl::InvalidArgumentError(absl::StrCat("the certificate in the answer is of ",
                                                   IdentityText(*material.certificate.identity),
                                                   ", not of ", IdentityText(holder)));
  }
  for (const auto& [name, text] :
       {std::pair{"ca.crt", &authorities_pem}, std::pair{"tls.crt", &chain_pem}}) {
    absl::Status written = ReplaceFile(absl::StrCat(directory, "/", name, kNext), *text, 0644);
    if (!written.ok()) return written;
  }
  CrashPoint("after-next-certificate");
  if (absl::Status finished = FinishNext(directory); !finished.ok()) return finished;
  return material.certificate;
}

absl::Status FinishNext(const std::string& directory) {
  const std::string certificate = absl::StrCat(directory, "/tls.crt", kNext);
  if (access(certificate.c_str(), F_OK) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? absl::OkStatus() : Failed("look for", certificate);
  }
  for (const char* name : kFiles) {
    const std::string path = absl::StrCat(directory, "/", name);
    if (rename((path + kNext).c_str(), path.c_str()) != 0 && errno != ENOENT) {
      return Failed("replace", path);
    }
    CrashPoint(absl::StrCat("after-replaced-", name));
  }
  return SyncDirectory(directory);
}

}  // namespace gitops
