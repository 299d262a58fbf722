#ifndef GITOPS_COMMON_HTTP_RAW_CLIENT_H_
#define GITOPS_COMMON_HTTP_RAW_CLIENT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// For tests: a client that sends exactly the given bytes. No call waits longer than 20 s.
class RawClient {
 public:
  // `address` as in HttpServer::addresses(): "127.0.0.1:PORT" or "unix:PATH". `receive_buffer`:
  // size of the kernel's buffer in bytes; 0: its default.
  explicit RawClient(const std::string& address, int receive_buffer = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  // Returns false if the server has closed.
  bool Send(absl::string_view bytes);
  // Closes the sending side only.
  void CloseSending();
  // Closes with a reset.
  void Reset();

  // Reads until the server closes; the result ends with "<timed out>" if it does not.
  std::string ReadAll();
  // Reads one answer with its body, by its Content-Length. "<closed>" and the data so far if it is
  // incomplete.
  std::string ReadAnswer();
  // Reads up to and including `text`. "<closed>" and the data so far if it does not come.
  std::string ReadUntil(absl::string_view text);
  // Whether the server closes within `most`.
  bool WaitForClose(absl::Duration most);

 private:
  // Returns false if closed or timed out.
  bool Receive();

  int fd_ = -1;
  bool connected_ = false;
  std::string pending_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_RAW_CLIENT_H_
