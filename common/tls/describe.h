#ifndef GITOPS_COMMON_TLS_DESCRIBE_H_
#define GITOPS_COMMON_TLS_DESCRIBE_H_

#include "common/tls/certificate.h"
#include "common/tls/openssl.h"

namespace gitops::tls {

CertificateInfo Describe(X509* certificate);

}  // namespace gitops::tls

#endif  // GITOPS_COMMON_TLS_DESCRIBE_H_
