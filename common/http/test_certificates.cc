#include "common/http/test_certificates.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

void Run(const std::string& command) {
  if (std::system(command.c_str()) == 0) return;
  std::fprintf(stderr, "failed: %s\n", command.c_str());
  std::abort();
}

constexpr char kNewKey[] = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

void MakeAuthority(const std::string& directory) {
  Run(absl::StrCat("openssl req -x509 ", kNewKey, " -days 2 -subj '/CN=test authority' -keyout ",
                   directory, "/ca.key -out ", directory, "/ca.crt 2>/dev/null"));
}

void Issue(const std::string& directory, const std::string& name, const std::string& extensions) {
  const std::string path = absl::StrCat(directory, "/", name);
  std::ofstream(path + ".ext") << extensions;
  Run(absl::StrCat("openssl req -new ", kNewKey, " -subj '/CN=", name, "' -keyout ", path,
                   ".key -out ", path, ".csr 2>/dev/null"));
  Run(absl::StrCat("openssl x509 -req -days 2 -CA ", directory, "/ca.crt -CAkey ", directory,
                   "/ca.key -CAcreateserial -extfile ", path, ".ext -in ", path, ".csr -out ", path,
                   ".crt 2>/dev/null"));
}

}  // namespace

TestCertificates::TestCertificates(const std::string& directory)
    : ca_file(directory + "/ca.crt"),
      server_certificate(directory + "/server.crt"),
      server_key(directory + "/server.key"),
      client_certificate(directory + "/client.crt"),
      client_key(directory + "/client.key") {
  MakeAuthority(directory);
  Issue(directory, "server", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  Issue(directory, "client", "extendedKeyUsage=clientAuth\n");
}

}  // namespace gitops
