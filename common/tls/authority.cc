#include "common/tls/authority.h"

#include <unistd.h>

#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/server/replace_file.h"
#include "common/text/escape.h"
#include "common/tls/authority_files.h"
#include "common/tls/authority_requests.h"
#include "common/tls/builder.h"
#include "common/tls/describe.h"
#include "common/tls/openssl.h"
#include "common/tls/verify.h"

namespace gitops {
namespace {

constexpr absl::Duration kListValidity = absl::Hours(24 * 365);
constexpr size_t kShortestSerial = 8;
constexpr char kIssuerHolder[] = "issuer/";

IssuedCertificate EntryOf(const std::string& holder, X509* certificate) {
  CertificateInfo info = tls::Describe(certificate);
  return {.serial = std::move(info.serial),
          .holder = holder,
          .issuer = std::move(info.issuer),
          .dns_names = std::move(info.dns_names),
          .addresses = std::move(info.addresses),
          .not_before = info.not_before,
          .not_after = info.not_after,
          .revoked = std::nullopt,
          .reason = ""};
}

}  // namespace

struct CertificateAuthority::Parts {
  std::string directory;
  tls::AuthorityFiles files;
  std::vector<tls::Certificate> authorities;
  IssuedLog log;

  const tls::Signer& signer() const { return files.signers.front(); }
  absl::Status CheckAllowed(const std::string& chain_pem, absl::Time now) const;
  absl::StatusOr<IssuedMaterial> Certify(EVP_PKEY* key, const LeafRequest& request,
                                         absl::Time now) const;
};

// An authority with name constraints can sign what no peer accepts.
absl::Status CertificateAuthority::Parts::CheckAllowed(const std::string& chain_pem,
                                                       absl::Time now) const {
  const auto chain = tls::ReadCertificates(chain_pem);
  if (!chain.ok()) return chain.status();
  const absl::Status status = tls::VerifyChain(*chain, authorities, now);
  if (status.ok()) return status;
  return absl::FailedPreconditionError(absl::StrCat(
      "the authority in ", directory, " cannot issue this certificate: ", status.message(),
      files.issuer_pem.empty() ? ""
                               : "; it may issue certificates of agents without DNS names and "
                                 "addresses only, the others come from the root"));
}

absl::StatusOr<IssuedMaterial> CertificateAuthority::Parts::Certify(EVP_PKEY* key,
                                                                    const LeafRequest& request,
                                                                    absl::Time now) const {
  if (absl::Status status = tls::CheckRequest(request); !status.ok()) return status;
  const std::string holder = IdentityText(request.identity);
  const auto leaf =
      tls::MakeLeaf({holder, IdentityUri(request.identity), request.dns_names, request.addresses},
                    key, signer(), tls::Within(tls::ValidityOf(request.days, now), signer()));
  if (!leaf.ok()) return leaf.status();
  IssuedMaterial material;
  material.authorities_pem = files.authorities_pem;
  material.links_pem = files.links_pem;
  material.chain_pem = absl::StrCat(tls::ToPem(leaf->get()), files.issuer_pem);
  material.certificate = EntryOf(holder, leaf->get());
  if (absl::Status status = CheckAllowed(material.chain_pem, now); !status.ok()) return status;
  if (absl::Status status = log.AddIssued(material.certificate); !status.ok()) return status;
  return material;
}

CertificateAuthority::CertificateAuthority(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

absl::StatusOr<CertificateAuthority> CertificateAuthority::Open(const std::string& directory) {
  absl::StatusOr<tls::AuthorityFiles> files = tls::ReadAuthority(directory);
  if (!files.ok()) return files.status();
  auto authorities = tls::ReadCertificates(files->authorities_pem);
  if (!authorities.ok()) return authorities.status();
  return CertificateAuthority(
      std::make_unique<Parts>(Parts{directory, *std::move(files), *std::move(authorities),
                                    IssuedLog(directory + "/issued.jsonl")}));
}

absl::StatusOr<IssuedMaterial> CertificateAuthority::Issue(const LeafRequest& request,
                                                           absl::Time now) const {
  const absl::StatusOr<tls::Key> key = tls::NewKey();
  if (!key.ok()) return key.status();
  return IssueForKey(tls::ToPem(key->get()), request, now);
}

absl::StatusOr<IssuedMaterial> CertificateAuthority::IssueForKey(const Secret& key_pem,
                                                                 const LeafRequest& request,
                                                                 absl::Time now) const {
  const tls::ErrorScope errors;
  const auto keys = tls::ReadKeys(key_pem);
  if (!keys.ok()) return keys.status();
  if (absl::Status weak = tls::CheckKeyStrength(keys->front().get()); !weak.ok()) return weak;
  absl::StatusOr<IssuedMaterial> material = parts_->Certify(keys->front().get(), request, now);
  if (material.ok()) material->key_pem = key_pem;
  return material;
}

absl::StatusOr<IssuedMaterial> CertificateAuthority::Sign(absl::string_view csr_pem,
                                                          const LeafRequest& request,
                                                          absl::Time now) const {
  const tls::ErrorScope errors;
  const auto csr = tls::ReadRequest(csr_pem);
  const auto refused = [](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("cannot sign the certificate request: ", why));
  };
  if (!csr.ok()) return refused(csr.status().message());
  EVP_PKEY* const key = X509_REQ_get0_pubkey(csr->get());
  if (absl::Status weak = tls::CheckKeyStrength(key); !weak.ok()) return refused(weak.message());
  if (X509_REQ_verify(csr->get(), key) != 1) return refused("it is not signed with its own key");
  return parts_->Certify(key, request, now);
}

absl::StatusOr<IssuedCertificate> CertificateAuthority::AddIssuer(const std::string& directory,
                                                                  const AuthorityOptions& options,
                                                                  absl::Time now) const {
  if (absl::Status status = tls::CheckOptions(options); !status.ok()) return status;
  if (!parts_->files.issuer_pem.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(parts_->directory, " is an issuing authority; only a root can make others"));
  }
  if (access((directory + "/ca.key").c_str(), F_OK) == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory, " has the ca.key of a root; make the issuing authority in another directory"));
  }
  const absl::StatusOr<Fd> lock = tls::LockDirectory(directory);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<tls::Key> key = tls::ReadOrMakeKey(directory + "/issuer.key");
  if (!key.ok()) return key.status();
  const absl::StatusOr<tls::AuthorityFiles> present = tls::ReadAuthority(directory);
  const std::string name =
      present.ok() ? tls::AuthorityName(present->signers.front().certificate.get()) : options.name;
  auto issuer = tls::MakeIssuer(name, key->get(), parts_->signer(),
                                tls::Within(tls::ValidityOf(options.days, now), parts_->signer()));
  if (!issuer.ok()) return issuer.status();
  IssuedCertificate entry = EntryOf(kIssuerHolder + name, issuer->get());
  if (absl::Status status = parts_->log.AddIssued(entry); !status.ok()) return status;
  const std::string path = directory + "/issuer";
  // Its certificate last: it makes the directory an authority.
  for (const auto& [file, text, mode] :
       {std::tuple(path + ".key", tls::ToPem(key->get()).Reveal(), 0600),
        std::tuple(directory + "/links.pem", parts_->files.links_pem, 0644),
        std::tuple(directory + "/ca.crt", parts_->files.authorities_pem, 0644),
        std::tuple(path + ".crt", tls::ToPem(issuer->get()), 0644)}) {
    if (text.empty()) continue;
    if (absl::Status status = ReplaceFile(file, text, mode); !status.ok()) return status;
  }
  return entry;
}

absl::StatusOr<std::vector<IssuedCertificate>> CertificateAuthority::FindValid(
    absl::string_view which, absl::Time now) const {
  absl::StatusOr<std::vector<IssuedCertificate>> all = Issued();
  if (!all.ok()) return all;
  const bool holder = absl::StrContains(which, '/');
  if (!holder && which.size() < kShortestSerial) {
    return absl::InvalidArgumentError(absl::StrCat("\"", EscapeText(which),
                                                   "\" is neither ROLE/NAME nor the first ",
                                                   kShortestSerial, " digits of a serial number"));
  }
  const std::string serial = absl::AsciiStrToLower(which);
  std::erase_if(*all, [&](const IssuedCertificate& certificate) {
    const bool meant =
        holder ? certificate.holder == which : absl::StartsWith(certificate.serial, serial);
    return !meant || !certificate.IsValidAt(now);
  });
  if (all->empty()) {
    return absl::NotFoundError(absl::StrCat("no valid certificate of ", EscapeText(which), " in ",
                                            parts_->directory, "; see 'gitopsctl ca list'"));
  }
  if (!holder && all->size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(all->size(), " serial numbers begin with ", serial, "; give more digits"));
  }
  return all;
}

absl::StatusOr<std::vector<IssuedCertificate>> CertificateAuthority::Revoke(
    absl::string_view which, absl::string_view reason, absl::Time now) const {
  absl::StatusOr<std::vector<IssuedCertificate>> found = FindValid(which, now);
  if (!found.ok()) return found;
  for (IssuedCertificate& certificate : *found) {
    certificate.revoked = now;
    certificate.reason = EscapeText(reason);
  }
  if (absl::Status status = parts_->log.AddRevoked(*found); !status.ok()) return status;
  if (absl::Status status = WriteRevocationLists(now); !status.ok()) return status;
  return found;
}

absl::StatusOr<std::string> CertificateAuthority::RevocationLists(absl::Time now) const {
  const absl::StatusOr<std::vector<IssuedCertificate>> issued = Issued();
  if (!issued.ok()) return issued.status();
  std::string pem;
  for (const tls::Signer& signer : parts_->files.signers) {
    const auto list = tls::MakeRevocationList(*issued, signer, {now, now + kListValidity});
    if (!list.ok()) return list.status();
    pem += tls::ToPem(list->get());
  }
  return pem + parts_->files.issuer_pem;
}

absl::Status CertificateAuthority::WriteRevocationLists(absl::Time now) const {
  // Without the lock, a list without the newest revocation could replace one that has it.
  const absl::StatusOr<Fd> lock = tls::LockDirectory(parts_->directory);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<std::string> lists = RevocationLists(now);
  if (!lists.ok()) return lists.status();
  return ReplaceFile(parts_->directory + "/crl.pem", *lists, 0644);
}

absl::Status CertificateAuthority::CheckNotRevoked(absl::string_view serial) const {
  const absl::StatusOr<std::vector<IssuedCertificate>> issued = Issued();
  if (!issued.ok()) return issued.status();
  for (const IssuedCertificate& certificate : *issued) {
    if (certificate.serial != serial || !certificate.revoked.has_value()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate of ", certificate.holder, " with serial number ", serial,
                     " is revoked; if its holder may have another, use 'gitopsctl ca issue'"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<IssuedCertificate>> CertificateAuthority::Issued() const {
  return parts_->log.Read();
}

const std::string& CertificateAuthority::authorities_pem() const {
  return parts_->files.authorities_pem;
}

const std::string& CertificateAuthority::links_pem() const { return parts_->files.links_pem; }

}  // namespace gitops
