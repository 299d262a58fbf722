#include "common/tls/material.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/read_file.h"
#include "common/tls/describe.h"
#include "common/tls/openssl.h"
#include "common/tls/verify.h"

namespace gitops {
namespace {

// Bundles of all public authorities have 250 KB.
constexpr size_t kMaxFile = 1 << 20;

absl::Status Unusable(const absl::Status& cause, const std::string& file, absl::string_view hint) {
  return absl::Status(cause.code(),
                      absl::StrCat("cannot use ", file, " for TLS: ", cause.message(), "; ", hint));
}

struct Parsed {
  std::vector<tls::Certificate> authorities, chain;
  tls::Key key;
};

absl::Status ReadFiles(const std::string& directory, TlsMaterial& material) {
  std::string key;
  for (const auto& [name, text] :
       {std::pair{"ca.crt", &material.authorities_pem}, std::pair{"tls.crt", &material.chain_pem},
        std::pair{"tls.key", &key}}) {
    absl::StatusOr<std::string> read = ReadWholeFile(absl::StrCat(directory, "/", name), kMaxFile);
    if (!read.ok()) return read.status();
    *text = *std::move(read);
  }
  material.key_pem = Secret(std::move(key));
  return absl::OkStatus();
}

absl::StatusOr<Parsed> Parse(const std::string& directory, const TlsMaterial& material) {
  constexpr char kHint[] = "write a whole PEM file under another name and rename it to this one";
  Parsed parsed;
  auto authorities = tls::ReadCertificates(material.authorities_pem);
  if (!authorities.ok()) return Unusable(authorities.status(), directory + "/ca.crt", kHint);
  auto chain = tls::ReadCertificates(material.chain_pem);
  if (!chain.ok()) return Unusable(chain.status(), directory + "/tls.crt", kHint);
  auto keys = tls::ReadKeys(material.key_pem);
  if (!keys.ok()) return Unusable(keys.status(), directory + "/tls.key", kHint);
  return Parsed{*std::move(authorities), *std::move(chain), std::move(keys->front())};
}

absl::Status CheckWhole(const std::string& directory, const Parsed& parsed, absl::Time now) {
  const std::string file = directory + "/tls.crt";
  for (const tls::Certificate& certificate : parsed.chain) {
    if (absl::Status weak = tls::CheckStrength(certificate.get()); !weak.ok()) {
      return Unusable(weak, file, "issue a new certificate with SHA-256 and P-256");
    }
  }
  if (X509_check_private_key(parsed.chain.front().get(), parsed.key.get()) != 1) {
    return Unusable(absl::InvalidArgumentError("the key in tls.key belongs to another certificate"),
                    file, "put the certificate and the key that were issued together there");
  }
  const absl::Status status = tls::VerifyChain(parsed.chain, parsed.authorities, now);
  if (absl::IsFailedPrecondition(status)) {
    return Unusable(status, file, "check this host's clock, or renew with 'gitopsctl ca renew'");
  }
  if (!status.ok()) {
    return Unusable(status, file,
                    absl::StrCat("its issuer, ",
                                 tls::NameText(X509_get_issuer_name(parsed.chain.front().get())),
                                 ", must be in ca.crt or lead there"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckMaterial(const std::string& directory, TlsMaterial& material, absl::Time now) {
  const tls::ErrorScope errors;
  const absl::StatusOr<Parsed> parsed = Parse(directory, material);
  if (!parsed.ok()) return parsed.status();
  material.certificate = tls::Describe(parsed->chain.front().get());
  if (absl::Status status = CheckWhole(directory, *parsed, now); !status.ok()) return status;
  const auto& identity = material.certificate.identity;
  if (identity.ok()) return absl::OkStatus();
  return Unusable(
      absl::InvalidArgumentError(absl::StrCat("the certificate ", identity.status().message())),
      directory + "/tls.crt", "issue one with 'gitopsctl ca issue'");
}

absl::StatusOr<TlsMaterial> LoadMaterial(const std::string& directory, absl::Time now) {
  TlsMaterial material;
  if (absl::Status status = ReadFiles(directory, material); !status.ok()) return status;
  if (absl::Status status = CheckMaterial(directory, material, now); !status.ok()) return status;
  return material;
}

}  // namespace gitops
