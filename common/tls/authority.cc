#include "common/tls/authority.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/server/replace_file.h"
#include "common/text/escape.h"
#include "common/tls/authority_files.h"
#include "common/tls/builder.h"
#include "common/tls/describe.h"
#include "common/tls/openssl.h"
#include "common/tls/verify.h"

namespace gitops {
namespace {

constexpr absl::Duration kSlowClocks = absl::Minutes(5);
constexpr absl::Duration kListValidity = absl::Hours(24 * 365);
constexpr size_t kMaxAuthorityName = 48;
constexpr int kMaxDays = 36500;
constexpr size_t kShortestSerial = 8;
constexpr char kIssuerHolder[] = "issuer/";

absl::Status CheckDays(int days) {
  if (days >= 1 && days <= kMaxDays) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a certificate cannot be valid for ", days, " days; give 1 to ", kMaxDays));
}

absl::Status CheckOptions(const AuthorityOptions& options) {
  if (options.name.empty() || options.name.size() > kMaxAuthorityName ||
      !absl::c_all_of(options.name, [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", EscapeText(options.name), "\" cannot be the name of an authority; give 1 to ",
        kMaxAuthorityName, " printable ASCII characters"));
  }
  return CheckDays(options.days);
}

// As a certificate may have it: no wildcard, nothing that a reader may cut.
absl::Status CheckDnsName(const std::string& name) {
  const bool valid = !name.empty() && name.size() <= 253 && name.front() != '.' &&
                     !absl::StrContains(name, "..") && absl::c_all_of(name, [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
                     });
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", EscapeText(name), "\" is not a DNS name without wildcards"));
}

absl::Status CheckRequest(const LeafRequest& request) {
  if (absl::Status status = CheckIdentityName(request.identity.name); !status.ok()) return status;
  for (const std::string& name : request.dns_names) {
    if (absl::Status status = CheckDnsName(name); !status.ok()) return status;
  }
  return CheckDays(request.days);
}

tls::Validity ValidityOf(int days, absl::Time now) {
  return {now - kSlowClocks, now + absl::Hours(24) * days};
}

tls::Validity Within(tls::Validity validity, const tls::Signer& signer) {
  validity.not_after =
      std::min(validity.not_after, tls::TimeOf(X509_get0_notAfter(signer.certificate.get())));
  return validity;
}

absl::StatusOr<tls::Signer> NewRoot(const AuthorityOptions& options, tls::Key key, absl::Time now) {
  auto root = tls::MakeRoot(options.name, key.get(), ValidityOf(options.days, now));
  if (!root.ok()) return root.status();
  return tls::Signer{*std::move(root), std::move(key)};
}

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

// The key in `directory`'s file, or a new one.
absl::StatusOr<tls::Key> KeyIn(const std::string& file) {
  absl::StatusOr<std::vector<tls::Key>> keys = tls::ReadKeyFile(file);
  if (absl::IsNotFound(keys.status())) return tls::NewKey();
  if (!keys.ok()) return keys.status();
  return std::move(keys->front());
}

bool IsValid(const IssuedCertificate& certificate, absl::Time now) {
  return !certificate.revoked.has_value() && certificate.not_after >= now;
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
  if (absl::Status status = CheckRequest(request); !status.ok()) return status;
  const std::string holder = IdentityText(request.identity);
  const auto leaf =
      tls::MakeLeaf({holder, IdentityUri(request.identity), request.dns_names, request.addresses},
                    key, signer(), Within(ValidityOf(request.days, now), signer()));
  if (!leaf.ok()) return leaf.status();
  IssuedMaterial material;
  material.authorities_pem = files.authorities_pem;
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

absl::Status CertificateAuthority::Init(const std::string& directory,
                                        const AuthorityOptions& options, absl::Time now) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const absl::StatusOr<Fd> lock = tls::LockDirectory(directory);
  if (!lock.ok()) return lock.status();
  if (access((directory + "/ca.crt").c_str(), F_OK) == 0) {
    return absl::AlreadyExistsError(
        absl::StrCat(directory,
                     " has a ca.crt already; use another directory, or replace the root of the "
                     "authority there with 'gitopsctl ca init --rotate'"));
  }
  absl::StatusOr<tls::Key> key = KeyIn(directory + "/ca.key");
  if (!key.ok()) return key.status();
  auto root = NewRoot(options, *std::move(key), now);
  if (!root.ok()) return root.status();
  std::vector<tls::Signer> signers;
  signers.push_back(*std::move(root));
  return tls::WriteSigners(directory, "ca", signers);
}

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
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (!parts_->files.issuer_pem.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(parts_->directory, " is an issuing authority; only a root can make others"));
  }
  const absl::StatusOr<Fd> lock = tls::LockDirectory(directory);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<tls::Key> key = KeyIn(directory + "/issuer.key");
  if (!key.ok()) return key.status();
  auto issuer = tls::MakeIssuer(options.name, key->get(), parts_->signer(),
                                Within(ValidityOf(options.days, now), parts_->signer()));
  if (!issuer.ok()) return issuer.status();
  IssuedCertificate entry = EntryOf(kIssuerHolder + options.name, issuer->get());
  if (absl::Status status = parts_->log.AddIssued(entry); !status.ok()) return status;
  std::vector<tls::Signer> signers;
  signers.push_back({*std::move(issuer), *std::move(key)});
  if (absl::Status status = tls::WriteSigners(directory, "issuer", signers); !status.ok()) {
    return status;
  }
  const absl::Status written =
      ReplaceFile(directory + "/ca.crt", parts_->files.authorities_pem, 0644);
  if (!written.ok()) return written;
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
    return !meant || !IsValid(certificate, now);
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

absl::StatusOr<std::vector<IssuedCertificate>> CertificateAuthority::Issued() const {
  return parts_->log.Read();
}

const std::string& CertificateAuthority::authorities_pem() const {
  return parts_->files.authorities_pem;
}

}  // namespace gitops
