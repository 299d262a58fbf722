#ifndef GITOPS_COMMON_HTTP_RAW_CLIENT_H_
#define GITOPS_COMMON_HTTP_RAW_CLIENT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// For tests: a client that sends exactly the bytes it is given. No call waits longer than 20 s.
class RawClient {
 public:
  // `address` as HttpServer::addresses() has it: "127.0.0.1:PORT" or "unix:PATH".
  // `receive_buffer`: bytes of the kernel's buffer; 0: its default.
  explicit RawClient(const std::string& address, int receive_buffer = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  // False when the server has closed.
  bool Send(absl::string_view bytes);
  // Sends nothing more; the server's side stays open.
  void CloseSending();
  // Closes with a reset.
  void Reset();

  // Everything until the server closes; ends with "<timed out>" if it does not.
  std::string ReadAll();
  // One answer with its body, by its Content-Length. "<closed>" and what came, if it is not whole.
  std::string ReadAnswer();
  // Until `text` has come; what came up to it. "<closed>" and what came, if it does not.
  std::string ReadUntil(absl::string_view text);
  // Whether the server has closed or closes within `most`.
  bool WaitForClose(absl::Duration most);

 private:
  // False: closed or timed out.
  bool Receive();

  int fd_ = -1;
  bool connected_ = false;
  std::string pending_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_RAW_CLIENT_H_
