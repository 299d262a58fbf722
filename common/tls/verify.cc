#include "common/tls/verify.h"

#include <openssl/x509_vfy.h>

#include "absl/strings/str_cat.h"

namespace gitops::tls {
namespace {

using Verification = std::unique_ptr<X509_STORE_CTX, Freeing<X509_STORE_CTX_free>>;
using Stack =
    std::unique_ptr<STACK_OF(X509), Freeing<[](STACK_OF(X509) * stack) { sk_X509_free(stack); }>>;

// The certificates stay the caller's.
Stack StackOf(const std::vector<Certificate>& certificates) {
  Stack stack(sk_X509_new_null());
  for (const Certificate& certificate : certificates) sk_X509_push(stack.get(), certificate.get());
  return stack;
}

absl::Status StatusOf(int error, X509* subject, absl::Time now) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return absl::FailedPreconditionError(
          absl::StrCat(NameText(X509_get_subject_name(subject)), " expired at ",
                       TimeText(TimeOf(X509_get0_notAfter(subject))), "; it is ", TimeText(now)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return absl::FailedPreconditionError(
          absl::StrCat(NameText(X509_get_subject_name(subject)), " is valid from ",
                       TimeText(TimeOf(X509_get0_notBefore(subject))), " on; by this clock it is ",
                       TimeText(now)));
    default:
      return absl::InvalidArgumentError(X509_verify_cert_error_string(error));
  }
}

absl::Status Verify(X509* subject, const Stack& between,
                    const std::vector<Certificate>& authorities, absl::Time now, int purpose) {
  const Stack trusted = StackOf(authorities);
  const Verification context(X509_STORE_CTX_new());
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), nullptr, subject, between.get()) != 1) {
    return OpensslError("verify a certificate");
  }
  X509_STORE_CTX_set0_trusted_stack(context.get(), trusted.get());
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(now));
  // The level of Debian's OpenSSL in a handshake: no SHA-1, no RSA below 2,048 bits.
  X509_VERIFY_PARAM_set_auth_level(parameters, 2);
  if (purpose != X509_PURPOSE_ANY) X509_VERIFY_PARAM_set_purpose(parameters, purpose);
  if (X509_verify_cert(context.get()) == 1) return absl::OkStatus();
  X509* const at = X509_STORE_CTX_get_current_cert(context.get());
  return StatusOf(X509_STORE_CTX_get_error(context.get()), at == nullptr ? subject : at, now);
}

}  // namespace

absl::Status VerifyChain(const std::vector<Certificate>& chain,
                         const std::vector<Certificate>& authorities, absl::Time now) {
  const Stack between = StackOf(chain);
  for (const int purpose : {X509_PURPOSE_SSL_CLIENT, X509_PURPOSE_SSL_SERVER}) {
    absl::Status status = Verify(chain.front().get(), between, authorities, now, purpose);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status VerifyAuthority(X509* authority, const std::vector<Certificate>& between,
                             const std::vector<Certificate>& authorities, absl::Time now) {
  return Verify(authority, StackOf(between), authorities, now, X509_PURPOSE_ANY);
}

}  // namespace gitops::tls
