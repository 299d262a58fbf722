#ifndef GITOPS_COMMON_HTTP_RAW_SERVER_H_
#define GITOPS_COMMON_HTTP_RAW_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// For tests: a server on 127.0.0.1 that says byte by byte what the test tells it, good HTTP or not.

// One connection, used from the thread that serves it.
class RawConnection {
 public:
  struct Request {
    std::string method, target;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };

  virtual ~RawConnection() = default;
  // One whole request, by its Content-Length; false: the client sent none.
  virtual bool Read(Request& request) = 0;
  // False: the client has closed.
  virtual bool Send(absl::string_view bytes) = 0;
  // Until the client closes, the server ends or `most` is over; true: the client closed.
  virtual bool WaitForClose(absl::Duration most) = 0;
  // Waits that long, or until the server ends.
  virtual void Pause(absl::Duration duration) = 0;
  // Ends it with a reset instead of an orderly close.
  virtual void Reset() = 0;
};

struct RawServerOptions {
  // Called once for each connection, in a thread of its own; then it is closed.
  std::function<void(RawConnection&)> serve;
  // PEM files; empty: plain text. With `client_ca_file`, clients need a certificate of it.
  std::string certificate_file, key_file, client_ca_file;
};

class RawServer {
 public:
  static std::unique_ptr<RawServer> Start(RawServerOptions options);
  // Ends every connection and waits for their threads.
  virtual ~RawServer() = default;
  virtual int port() const = 0;
  // How many have connected so far.
  virtual int connections() const = 0;
};

// "HTTP/1.1 200 OK" with Content-Length and `body`; `headers` are whole lines, each with its CRLF.
std::string HttpAnswer(int status, absl::string_view body, absl::string_view headers = "");

// A port of 127.0.0.1 on which nobody listens.
int ClosedPort();

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_RAW_SERVER_H_
