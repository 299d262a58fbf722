#include "common/tls/signature.h"

#include <openssl/evp.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/tls/describe.h"
#include "common/tls/openssl.h"
#include "common/tls/verify.h"

namespace gitops {
namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, tls::Freeing<EVP_MD_CTX_free>>;

// Keys of the Edwards curves have a digest of their own.
const EVP_MD* DigestFor(const EVP_PKEY* key) {
  const int type = EVP_PKEY_get_id(key);
  return type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
}

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

absl::StatusOr<std::string> SignText(const TlsMaterial& material, absl::string_view text) {
  const tls::ErrorScope errors;
  const auto keys = tls::ReadKeys(material.key_pem);
  if (!keys.ok()) return keys.status();
  EVP_PKEY* const key = keys->front().get();
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, DigestFor(key), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(text), text.size()) != 1) {
    return tls::OpensslError("sign a text");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(text), text.size()) != 1) {
    return tls::OpensslError("sign a text");
  }
  signature.resize(size);
  return signature;
}

absl::StatusOr<Identity> SignerOf(absl::string_view text, absl::string_view signature,
                                  absl::string_view chain_pem, absl::string_view authorities_pem,
                                  absl::Time time) {
  const tls::ErrorScope errors;
  const auto chain = tls::ReadCertificates(chain_pem);
  if (!chain.ok()) return chain.status();
  const auto authorities = tls::ReadCertificates(authorities_pem);
  if (!authorities.ok()) return authorities.status();
  EVP_PKEY* const key = X509_get0_pubkey(chain->front().get());
  const DigestContext context(EVP_MD_CTX_new());
  if (key == nullptr || context == nullptr ||
      EVP_DigestVerifyInit(context.get(), nullptr, DigestFor(key), nullptr, key) != 1) {
    return tls::OpensslError("check a signature");
  }
  if (EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text),
                       text.size()) != 1) {
    return absl::InvalidArgumentError("the signature is of another text or key");
  }
  if (absl::Status led = tls::VerifyChain(*chain, *authorities, time); !led.ok()) return led;
  const absl::StatusOr<Identity> signer = tls::Describe(chain->front().get()).identity;
  if (signer.ok()) return signer;
  return absl::InvalidArgumentError(absl::StrCat("the certificate ", signer.status().message()));
}

}  // namespace gitops
