#ifndef GITOPS_COMMON_HTTP_SERVER_H_
#define GITOPS_COMMON_HTTP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/http/message.h"

namespace gitops {

class HttpExchangeState;

// One request and its answer, which is either whole (Respond) or a stream (Start, Write, Finish).
// It may outlive the handler and move to another thread; one thread at a time may use it. It may
// also outlive the server.
class HttpExchange {
 public:
  explicit HttpExchange(std::shared_ptr<HttpExchangeState> state);  // made by the server
  // Without an answer the client gets 500. A stream that is not finished is cut off, so that the
  // client sees that it is not whole.
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  const HttpServerRequest& request() const;

  // Answers. Call it once, and not after Start().
  void Respond(HttpServerResponse response);

  // Begins a streaming answer with `head` and its body, if it has one. Call it once.
  void Start(HttpServerResponse head);
  // Queues `data` and sends it as soon as the client takes it. While the queue holds
  // HttpServerOptions::stream_buffer bytes or more, waits up to `patience` for room; handlers on an
  // event thread must not wait. RESOURCE_EXHAUSTED: there is no room, the client reads too slowly;
  // nothing was queued. CANCELLED: the client has gone or the server has stopped.
  absl::Status Write(std::string data, absl::Duration patience = absl::ZeroDuration());
  // Ends a stream. What is queued is still sent.
  void Finish();

  // Calls `callback` once, from any thread, when the answer is no longer wanted before it is
  // finished: the client has closed the connection (or its sending side; then it still gets a whole
  // answer, but no stream), or the server stops. At Stop(), streams are told at once and may still
  // write and finish; other exchanges are told when the grace period is over. If that has happened
  // already, calls it before it returns. The callback must not block.
  void OnCancel(std::function<void()> callback);

 private:
  const std::shared_ptr<HttpExchangeState> state_;
};

// Answers the exchange now or later. One that throws std::exception is answered 500 and logged.
using HttpHandler = std::function<void(std::unique_ptr<HttpExchange>)>;

// A handler that computes a whole answer from a request.
HttpHandler RespondWith(std::function<HttpServerResponse(const HttpServerRequest&)> function);

struct HttpRoute {
  std::string method;  // "GET" answers HEAD too
  std::string path;    // "/v1/hosts/{host}/services"; see HttpRouter
  HttpHandler handler;
  // False: the handler runs on an event thread, which serves other clients too, and must not block.
  // True: it runs in the pool. With all threads busy and the queue full, the client gets 503.
  bool in_pool = false;
  // A larger body is refused with 413: before any of it is read if Content-Length tells, else as
  // soon as it is too large. 0: no body.
  size_t max_body = 0;
};

struct HttpServerOptions {
  std::vector<std::string> listen;  // as ParseAddress reads them; port 0 picks one
  std::vector<HttpRoute> routes;

  // A connection belongs to one event thread. The pool starts its threads at once.
  int event_threads = 1;
  int pool_threads = 0;
  size_t pool_queue = 1024;  // exchanges that wait for a thread of the pool

  // At this number, a new client replaces the connection that has waited longest for its client to
  // send a request; if there is none, new clients wait in the listen queue.
  size_t max_connections = 10'000;
  size_t max_header = 16 << 10;      // bytes of request line and headers; more: 431
  size_t max_bodies = 64 << 20;      // bytes of all request bodies in memory; more: 503
  size_t stream_buffer = 256 << 10;  // bytes that wait for the client of one stream
  absl::Duration idle_timeout = absl::Seconds(60);   // between two requests
  absl::Duration read_timeout = absl::Seconds(10);   // for the header, and again for the body
  absl::Duration write_timeout = absl::Seconds(30);  // for an answer, or what a stream has queued

  // The answer for what the server refuses by itself (400, 404, 405, 408, 413, 417, 431, 500, 501,
  // 503); headers such as Allow are added to it. `detail` is one sentence without a full stop.
  // Default: `detail` as plain text.
  std::function<HttpServerResponse(int status, absl::string_view detail)> error_response;
};

// An HTTP/1.1 server (and 1.0) without TLS. Requests of one connection are answered one after the
// other. What could be read in two ways (Content-Length together with Transfer-Encoding or
// repeated, another coding than chunked, malformed chunks, no Host or two) is refused with 400 or
// 501 and the connection closed. A connection without a request takes about 2 KB and no thread.
class HttpServer {
 public:
  // Serves when it returns. INVALID_ARGUMENT, ALREADY_EXISTS: a bad address or route. UNAVAILABLE:
  // an address cannot be bound; names it and why.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options);
  // Stop(0).
  virtual ~HttpServer() = default;

  // Where it listens, in the order of `listen`: with the port that was picked, and as a program on
  // this machine dials it.
  virtual const std::vector<std::string>& addresses() const = 0;

  // Refuses new connections, closes idle ones, and gives requests under way `grace` to end; then
  // closes what is left and cancels its exchanges. Returns when handlers in the pool have
  // returned, so they must return soon after they are cancelled. Not from a handler. Only the
  // first call counts.
  virtual void Stop(absl::Duration grace) = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_SERVER_H_
