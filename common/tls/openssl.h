#ifndef GITOPS_COMMON_TLS_OPENSSL_H_
#define GITOPS_COMMON_TLS_OPENSSL_H_

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/log/secret.h"

namespace gitops::tls {

// OpenSSL's objects with owners, and their text forms. Only for this folder and common/jwt.

template <auto kFree>
struct Freeing {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;
using CertificateRequest = std::unique_ptr<X509_REQ, Freeing<X509_REQ_free>>;
using RevocationList = std::unique_ptr<X509_CRL, Freeing<X509_CRL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using Number = std::unique_ptr<ASN1_INTEGER, Freeing<ASN1_INTEGER_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freeing<GENERAL_NAMES_free>>;
using Trust = std::unique_ptr<X509_STORE, Freeing<X509_STORE_free>>;

// Removes the errors that OpenSSL queues for this thread meanwhile: a TLS connection that the
// thread serves next would take them for its own.
class ErrorScope {
 public:
  ErrorScope() { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

// INTERNAL "cannot ACTION: " with OpenSSL's reason. Clears OpenSSL's queue of errors.
absl::Status OpensslError(absl::string_view action);

// PEM files. INVALID_ARGUMENT: nothing of the kind in it, a damaged block, or a block that is cut
// off. Other kinds of blocks are skipped.
absl::StatusOr<std::vector<Certificate>> ReadCertificates(absl::string_view pem);
absl::StatusOr<std::vector<RevocationList>> ReadRevocationLists(absl::string_view pem);
absl::StatusOr<CertificateRequest> ReadRequest(absl::string_view pem);
// Never asks for a passphrase: a key with one is an error.
absl::StatusOr<std::vector<Key>> ReadKeys(const Secret& pem);

std::string ToPem(X509* certificate);
std::string ToPem(X509_CRL* list);
Secret ToPem(EVP_PKEY* key);

// RFC 2253: "CN=gitops CA".
std::string NameText(const X509_NAME* name);
// Lower-case hex without leading zeros.
std::string SerialText(const ASN1_INTEGER* serial);
// InfinitePast: `time` is null or cannot be read.
absl::Time TimeOf(const ASN1_TIME* time);
// INVALID_ARGUMENT: MD5 or SHA-1, a key of RSA below 2,048 bits, or another weak one.
absl::Status CheckStrength(X509* certificate);
absl::Status CheckKeyStrength(EVP_PKEY* key);

// "2026-12-01T10:00:00Z".
std::string TimeText(absl::Time time);

}  // namespace gitops::tls

#endif  // GITOPS_COMMON_TLS_OPENSSL_H_
