#include "common/tls/request.h"

#include <openssl/pem.h>

#include "absl/strings/str_cat.h"
#include "common/text/sha256.h"
#include "common/tls/openssl.h"

namespace gitops {
namespace {

using Memory = std::unique_ptr<BIO, tls::Freeing<BIO_free_all>>;

}  // namespace

absl::StatusOr<Secret> NewPrivateKey() {
  const tls::ErrorScope errors;
  const tls::Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return tls::OpensslError("make a key");
  return tls::ToPem(key.get());
}

absl::StatusOr<std::string> RequestFor(const Secret& key_pem) {
  const tls::ErrorScope errors;
  const auto keys = tls::ReadKeys(key_pem);
  if (!keys.ok()) return keys.status();
  EVP_PKEY* const key = keys->front().get();
  const tls::CertificateRequest request(X509_REQ_new());
  const Memory memory(BIO_new(BIO_s_mem()));
  if (request == nullptr || memory == nullptr ||
      X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key) != 1 ||
      X509_REQ_sign(request.get(), key, EVP_sha256()) <= 0 ||
      PEM_write_bio_X509_REQ(memory.get(), request.get()) != 1) {
    return tls::OpensslError("make a certificate request");
  }
  const char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

absl::StatusOr<std::string> KeyOfRequest(absl::string_view request_pem) {
  const tls::ErrorScope errors;
  const auto refused = [](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("cannot use the certificate request: ", why));
  };
  const auto request = tls::ReadRequest(request_pem);
  if (!request.ok()) return refused(request.status().message());
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request->get());
  if (absl::Status weak = tls::CheckKeyStrength(key); !weak.ok()) return refused(weak.message());
  if (X509_REQ_verify(request->get(), key) != 1)
    return refused("it is not signed with its own key");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return refused("its key has no public part");
  std::string hash = Sha256Hex({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return hash;
}

}  // namespace gitops
