#include "common/audit/checkpoint.h"

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/path/read_file.h"
#include "common/tls/material.h"
#include "common/tls/signature.h"

namespace gitops {
namespace {

constexpr size_t kMaxAuthorities = 1 << 20;

std::string SignedText(const std::string& chain, const record::v1::AuditCheckpoint& checkpoint) {
  return absl::StrCat("gitops audit checkpoint\n", chain, "\n", checkpoint.number(), "\n",
                      checkpoint.hash(), "\n", checkpoint.time().seconds(), "\n");
}

}  // namespace

record::v1::AuditCheckpoint MakeCheckpoint(const std::string& chain, int64_t number,
                                           const std::string& hash, const std::string& tls_dir,
                                           absl::Time now) {
  record::v1::AuditCheckpoint checkpoint;
  checkpoint.set_number(number);
  checkpoint.set_hash(hash);
  *checkpoint.mutable_time() = ToTimestamp(now);
  if (tls_dir.empty()) {
    checkpoint.set_unsigned_because("the program has no --tls-dir, and so no key");
    return checkpoint;
  }
  const absl::StatusOr<TlsMaterial> material = LoadMaterial(tls_dir, now);
  absl::StatusOr<std::string> signature =
      material.ok() ? SignText(*material, SignedText(chain, checkpoint)) : material.status();
  if (signature.ok()) {
    checkpoint.set_signature(*std::move(signature));
    checkpoint.set_chain_pem(material->chain_pem);
  } else {
    checkpoint.set_unsigned_because(std::string(signature.status().message()));
  }
  return checkpoint;
}

absl::Status CheckCheckpoint(const std::string& chain, const record::v1::AuditCheckpoint& stored,
                             const std::string& tls_dir, absl::Time now,
                             v1::AuditCheckpoint& shown) {
  shown.set_number(stored.number());
  shown.set_hash(stored.hash());
  *shown.mutable_time() = stored.time();
  const absl::Time time = FromTimestamp(stored.time());
  if (stored.signature().empty()) {
    shown.set_unsigned_because(stored.unsigned_because());
    const auto material = LoadMaterial(tls_dir, now);
    if (tls_dir.empty() || !material.ok() || material->certificate.not_before > time) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError("it is not signed, and the program had a key to sign it");
  }
  const auto authorities = ReadWholeFile(absl::StrCat(tls_dir, "/ca.crt"), kMaxAuthorities);
  if (tls_dir.empty() || !authorities.ok()) {
    return absl::InvalidArgumentError(
        "it is signed, and without the ca.crt of --tls-dir the signature cannot be checked");
  }
  const absl::StatusOr<Identity> signer = SignerOf(SignedText(chain, stored), stored.signature(),
                                                   stored.chain_pem(), *authorities, time);
  if (!signer.ok()) return absl::InvalidArgumentError(signer.status().message());
  shown.set_signed_by(IdentityText(*signer));
  return absl::OkStatus();
}

}  // namespace gitops
