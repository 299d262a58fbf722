#ifndef GITOPS_COMMON_HTTP_TEST_CERTIFICATES_H_
#define GITOPS_COMMON_HTTP_TEST_CERTIFICATES_H_

#include <string>

namespace gitops {

// For tests: an authority with a server certificate and a client certificate, created by `openssl`
// in a directory.
class TestCertificates {
 public:
  // The server certificate is for localhost and 127.0.0.1. Aborts if openssl fails.
  explicit TestCertificates(const std::string& directory);

  const std::string ca_file;
  const std::string server_certificate, server_key;
  const std::string client_certificate, client_key;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_TEST_CERTIFICATES_H_
