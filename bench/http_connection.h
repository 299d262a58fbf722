#ifndef GITOPS_BENCH_HTTP_CONNECTION_H_
#define GITOPS_BENCH_HTTP_CONNECTION_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

struct HttpAnswer {
  int status = 0;
  std::string location;  // empty: none
  std::string body;
};

// Reads the first answer in `received` and removes it; nullopt: it is incomplete. INVALID_ARGUMENT:
// it is no HTTP/1.1 answer, or has no length.
absl::StatusOr<std::optional<HttpAnswer>> TakeAnswer(std::string& received);

// A kept-alive connection of a load generator to "127.0.0.1:PORT", with one request at a time.
class HttpConnection {
 public:
  HttpConnection() = default;
  ~HttpConnection() { Close(); }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // UNAVAILABLE names the address and the cause.
  absl::Status Open(const std::string& address);
  void Close();
  int fd() const { return fd_; }

  absl::Status Send(absl::string_view request);
  // Reads what is there without waiting. UNAVAILABLE: the server has closed.
  absl::StatusOr<std::optional<HttpAnswer>> Receive();

 private:
  int fd_ = -1;
  std::string received_;
};

}  // namespace gitops

#endif  // GITOPS_BENCH_HTTP_CONNECTION_H_
