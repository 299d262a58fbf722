#ifndef GITOPS_COMMON_HTTP_SERVER_CERTIFICATE_H_
#define GITOPS_COMMON_HTTP_SERVER_CERTIFICATE_H_

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace gitops {

// The certificate and key of a server, in PEM files that are read again when they change. Not
// thread-safe.
class ServerCertificate {
 public:
  // INVALID_ARGUMENT: a file cannot be read or used, or they do not belong together; the message
  // names the file.
  static absl::StatusOr<std::unique_ptr<ServerCertificate>> Load(std::string certificate_file,
                                                                 std::string key_file);

  // For the next connection. Looks at the files at most once a second; if they
  // have changed and cannot be used, that is logged, and the previous ones stay in use.
  std::shared_ptr<boost::asio::ssl::context> Current(std::chrono::steady_clock::time_point now);

 private:
  // Device, inode, size and time of each file.
  using Version = std::array<int64_t, 10>;

  ServerCertificate(std::string certificate_file, std::string key_file)
      : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}
  absl::Status Read();
  Version VersionNow() const;

  const std::string certificate_file_, key_file_;
  Version version_{};
  std::chrono::steady_clock::time_point next_look_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_SERVER_CERTIFICATE_H_
