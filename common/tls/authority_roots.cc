// The life of an authority's roots: made, replaced, retired.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/server/replace_file.h"
#include "common/tls/authority.h"
#include "common/tls/authority_files.h"
#include "common/tls/authority_requests.h"
#include "common/tls/builder.h"
#include "common/tls/openssl.h"

namespace gitops {
namespace {

constexpr size_t kShownHolders = 5;

absl::StatusOr<tls::Signer> NewRoot(const AuthorityOptions& options, tls::Key key, absl::Time now) {
  auto root = tls::MakeRoot(options.name, key.get(), tls::ValidityOf(options.days, now));
  if (!root.ok()) return root.status();
  return tls::Signer{*std::move(root), std::move(key)};
}

absl::Status WriteRoots(const std::string& directory, const std::vector<tls::Signer>& signers,
                        const std::string& authorities_pem) {
  std::string keys;
  for (const tls::Signer& signer : signers) keys += tls::ToPem(signer.key.get()).Reveal();
  // Keys first: after a crash in between there is a key without a certificate, which readers skip,
  // or a certificate without a key, which does not sign.
  const absl::Status written = ReplaceFile(directory + "/ca.key", keys, 0600);
  if (!written.ok()) return written;
  return ReplaceFile(directory + "/ca.crt", authorities_pem, 0644);
}

// Links from the root that signs now to the next one, and back; links.pem keeps the earlier ones.
absl::StatusOr<std::string> WithLinks(const std::string& links, const tls::Signer& old,
                                      const tls::Signer& next, absl::Time now) {
  std::string pem;
  for (const auto& [signer, linked] : {std::pair(&old, &next), std::pair(&next, &old)}) {
    const tls::Validity validity{now - absl::Minutes(5),
                                 tls::TimeOf(X509_get0_notAfter(linked->certificate.get()))};
    const auto link =
        tls::MakeLink(linked->certificate.get(), *signer, tls::Within(validity, *signer));
    if (!link.ok()) return link.status();
    pem += tls::ToPem(link->get());
  }
  return pem + links;
}

// The lists have to be signed by the authorities of ca.crt, and by no others.
absl::Status RenewLists(const std::string& directory, absl::Time now) {
  const absl::StatusOr<CertificateAuthority> authority = CertificateAuthority::Open(directory);
  if (!authority.ok()) return authority.status();
  return authority->WriteRevocationLists(now);
}

absl::StatusOr<tls::AuthorityFiles> ReadRoots(const std::string& directory) {
  absl::StatusOr<tls::AuthorityFiles> files = tls::ReadAuthority(directory);
  if (!files.ok() || files->issuer_pem.empty()) return files;
  return absl::FailedPreconditionError(absl::StrCat(
      directory, " is an issuing authority; replace the root in the root's own directory"));
}

// Holders that would be left without a valid certificate.
std::vector<std::string> HoldersWithout(const std::string& newest,
                                        const std::vector<IssuedCertificate>& issued,
                                        absl::Time now) {
  std::map<std::string, bool> has_new;
  for (const IssuedCertificate& certificate : issued) {
    if (certificate.IsValidAt(now)) has_new[certificate.holder] |= certificate.issuer == newest;
  }
  std::vector<std::string> holders;
  for (const auto& [holder, has] : has_new) {
    if (!has) holders.push_back(holder);
  }
  return holders;
}

absl::Status CheckNobodyLeft(const std::string& directory, const tls::Signer& newest,
                             absl::Time now) {
  const auto issued = IssuedLog(directory + "/issued.jsonl").Read();
  if (!issued.ok()) return issued.status();
  std::vector<std::string> left =
      HoldersWithout(tls::NameText(X509_get_subject_name(newest.certificate.get())), *issued, now);
  if (left.empty()) return absl::OkStatus();
  const size_t count = left.size();
  left.resize(std::min(count, kShownHolders));
  return absl::FailedPreconditionError(
      absl::StrCat("cannot retire the old root in ", directory, ": ", count,
                   count == 1 ? " holder has" : " holders have",
                   " a certificate of the old root only (", absl::StrJoin(left, ", "),
                   count > left.size() ? ", …" : "", "); renew or revoke them first"));
}

}  // namespace

absl::Status CertificateAuthority::Init(const std::string& directory,
                                        const AuthorityOptions& options, absl::Time now) {
  if (absl::Status status = tls::CheckOptions(options); !status.ok()) return status;
  const absl::StatusOr<Fd> lock = tls::LockDirectory(directory);
  if (!lock.ok()) return lock.status();
  if (access((directory + "/ca.crt").c_str(), F_OK) == 0) {
    return absl::AlreadyExistsError(
        absl::StrCat(directory,
                     " has a ca.crt already; use another directory, or replace the root of the "
                     "authority there with 'gitopsctl ca init --rotate'"));
  }
  absl::StatusOr<tls::Key> key = tls::ReadOrMakeKey(directory + "/ca.key");
  if (!key.ok()) return key.status();
  auto root = NewRoot(options, *std::move(key), now);
  if (!root.ok()) return root.status();
  std::vector<tls::Signer> signers;
  signers.push_back(*std::move(root));
  return WriteRoots(directory, signers, tls::ToPem(signers.front().certificate.get()));
}

absl::Status CertificateAuthority::Rotate(const std::string& directory,
                                          const AuthorityOptions& options, absl::Time now) {
  if (absl::Status status = tls::CheckOptions(options); !status.ok()) return status;
  {
    const absl::StatusOr<Fd> lock = tls::LockDirectory(directory);
    if (!lock.ok()) return lock.status();
    absl::StatusOr<tls::AuthorityFiles> files = ReadRoots(directory);
    if (!files.ok()) return files.status();
    absl::StatusOr<tls::Key> key = tls::NewKey();
    if (!key.ok()) return key.status();
    auto root = NewRoot(options, *std::move(key), now);
    if (!root.ok()) return root.status();
    const std::string bundle =
        absl::StrCat(tls::ToPem(root->certificate.get()), files->authorities_pem);
    const auto links = WithLinks(files->links_pem, files->signers.front(), *root, now);
    if (!links.ok()) return links.status();
    files->signers.insert(files->signers.begin(), *std::move(root));
    // First: a link to a root that ca.crt does not have yet does no harm.
    absl::Status linked = ReplaceFile(directory + "/links.pem", *links, 0644);
    if (!linked.ok()) return linked;
    absl::Status written = WriteRoots(directory, files->signers, bundle);
    if (!written.ok()) return written;
  }
  return RenewLists(directory, now);
}

absl::Status CertificateAuthority::Retire(const std::string& directory, absl::Time now) {
  {
    const absl::StatusOr<Fd> lock = tls::LockDirectory(directory);
    if (!lock.ok()) return lock.status();
    absl::StatusOr<tls::AuthorityFiles> files = ReadRoots(directory);
    if (!files.ok()) return files.status();
    std::vector<tls::Signer>& signers = files->signers;
    const std::string newest = tls::ToPem(signers.front().certificate.get());
    if (files->authorities_pem == newest) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot retire the old root in ", directory,
                       ": it has one root only; make the next with 'gitopsctl ca init --rotate'"));
    }
    absl::Status alone = CheckNobodyLeft(directory, signers.front(), now);
    if (!alone.ok()) return alone;
    signers.resize(1);
    if (absl::Status written = WriteRoots(directory, signers, newest); !written.ok()) {
      return written;
    }
  }
  return RenewLists(directory, now);
}

}  // namespace gitops
