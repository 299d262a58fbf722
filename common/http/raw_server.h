#ifndef GITOPS_COMMON_HTTP_RAW_SERVER_H_
#define GITOPS_COMMON_HTTP_RAW_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// For tests: a server on 127.0.0.1 that sends exactly the bytes of the test, valid HTTP or not.

// One connection, used on the thread that serves it.
class RawConnection {
 public:
  struct Request {
    std::string method, target;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
  };

  virtual ~RawConnection() = default;
  // Reads one request, by its Content-Length. Returns false if the client sent none.
  virtual bool Read(Request& request) = 0;
  // Returns false if the client has closed.
  virtual bool Send(absl::string_view bytes) = 0;
  // Waits until the client closes, the server ends or `most` is over. Returns true if the client
  // closed.
  virtual bool WaitForClose(absl::Duration most) = 0;
  // Waits that long, or until the server ends.
  virtual void Pause(absl::Duration duration) = 0;
  // Resets the connection instead of closing it in order.
  virtual void Reset() = 0;
};

struct RawServerOptions {
  // Called once for each connection, on its own thread; the connection is closed afterwards.
  std::function<void(RawConnection&)> serve;
  // PEM files; empty: plain text. With `client_ca_file`, clients need a certificate of that
  // authority.
  std::string certificate_file, key_file, client_ca_file;
};

class RawServer {
 public:
  static std::unique_ptr<RawServer> Start(RawServerOptions options);
  // Ends every connection and waits for their threads.
  virtual ~RawServer() = default;
  virtual int port() const = 0;
  // The number of connections so far.
  virtual int connections() const = 0;
};

// "HTTP/1.1 200 OK" with Content-Length and `body`; `headers` are whole lines, each with its CRLF.
std::string HttpAnswer(int status, absl::string_view body, absl::string_view headers = "");

// A port of 127.0.0.1 without a listener.
int ClosedPort();

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_RAW_SERVER_H_
