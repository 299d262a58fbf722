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

// One request and its answer, which is either complete (Respond) or a stream (Start, Write,
// Finish). It may outlive the handler and the server, and move to another thread, but only one
// thread at a time may use it.
class HttpExchange {
 public:
  explicit HttpExchange(std::shared_ptr<HttpExchangeState> state);  // made by the server
  // Without an answer, the client gets 500. An unfinished stream is cut off, so that the client
  // sees that it is incomplete.
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  const HttpServerRequest& request() const;

  // Sends the answer. Call it once, and not after Start().
  void Respond(HttpServerResponse response);

  // Starts a streaming answer with `head` and its body, if it has one. Call it once.
  void Start(HttpServerResponse head);
  // Queues `data` and sends it as soon as the client can receive it. If the queue has
  // HttpServerOptions::stream_buffer bytes or more, waits up to `patience` for room; handlers on an
  // event thread must not wait. RESOURCE_EXHAUSTED: there is no room because the client reads too
  // slowly; nothing was queued. CANCELLED: the client is gone or the server has stopped.
  absl::Status Write(std::string data, absl::Duration patience = absl::ZeroDuration());
  // Calls `callback` once, on any thread, as soon as Write() can queue data, or has failed for good
  // because the client is gone or the server has stopped; before it returns if that is so already.
  // At most one call may be pending. The callback must not block.
  void OnRoom(std::function<void()> callback);
  // Ends a stream. Queued data is still sent.
  void Finish();

  // Calls `callback` once, on any thread, if the answer is no longer needed before it is finished:
  // the client has closed the connection (or its sending side; it then still gets a complete
  // answer, but no stream), or the server stops. At Stop(), streams are cancelled at once and may
  // still write and finish; other exchanges are cancelled when the grace period is over. If the
  // exchange is cancelled already, calls `callback` before it returns. The callback must not block.
  void OnCancel(std::function<void()> callback);

  // Calls `callback` once, on any thread, when the answer was sent or the connection is gone, and
  // this object was destroyed. `status` is that of the answer; 0: there was none. The callback must
  // not block.
  void OnEnd(std::function<void(int status)> callback);

 private:
  const std::shared_ptr<HttpExchangeState> state_;
};

// Answers the exchange now or later. If it throws std::exception, the answer is 500, and the
// exception is logged.
using HttpHandler = std::function<void(std::unique_ptr<HttpExchange>)>;

// A handler that computes a complete answer from a request.
HttpHandler RespondWith(std::function<HttpServerResponse(const HttpServerRequest&)> function);

struct HttpRoute {
  std::string method;  // "GET" includes HEAD; "*": every method
  std::string path;    // "/v1/hosts/{host}/services"; see HttpRouter
  HttpHandler handler;
  // False: the handler runs on an event thread, which also serves other clients, and must not
  // block. True: it runs in the pool; if all threads are busy and the queue is full, the client
  // gets 503.
  bool in_pool = false;
  // A larger body is refused with 413: before it is read if Content-Length says so, else as soon as
  // it is too large. 0: no body.
  size_t max_body = 0;
};

struct HttpServerOptions {
  std::vector<std::string> listen;  // addresses for ParseAddress; port 0 picks one
  std::vector<HttpRoute> routes;

  // PEM files of a certificate, with its chain, and its key: serves HTTPS, TLS 1.2 or newer, and
  // reads the files again when they change. Empty: plain text.
  std::string tls_certificate, tls_key;

  // A connection belongs to one event thread. The pool starts its threads at once.
  int event_threads = 1;
  int pool_threads = 0;
  size_t pool_queue = 1024;  // exchanges that may wait for a thread of the pool

  // At this number, a new client replaces the connection that has waited longest for a request; if
  // there is none, new clients wait in the listen queue.
  size_t max_connections = 10'000;
  // The same for a connection whose client does not take its answer. For servers of short answers,
  // which clients read at once.
  bool replace_slow_readers = false;
  size_t max_header = 16 << 10;      // bytes of request line and headers; more: 431
  size_t max_bodies = 64 << 20;      // bytes of all request bodies in memory; more: 503
  size_t stream_buffer = 256 << 10;  // bytes queued for the client of one stream
  absl::Duration idle_timeout = absl::Seconds(60);   // between two requests
  absl::Duration read_timeout = absl::Seconds(10);   // for a handshake, header, body
  absl::Duration write_timeout = absl::Seconds(30);  // for an answer, or the queue of a stream

  // The answer to requests that the server itself refuses (400, 404, 405, 408, 413, 417, 431, 500,
  // 501, 503); headers such as Allow are added to it. `detail` is one sentence without a full stop.
  // Default: `detail` as plain text.
  std::function<HttpServerResponse(int status, absl::string_view detail)> error_response;
};

// An HTTP/1.1 server (and 1.0), with or without TLS. Requests of one connection are answered in
// order. Ambiguous requests (Content-Length together with Transfer-Encoding or repeated, another
// coding than chunked, malformed chunks, no Host or two, a header that continues on the next line)
// are refused with 400 or 501, and the connection is closed. A plain connection without a request
// uses about 2 KB and no thread; with TLS it uses about 18 KB.
class HttpServer {
 public:
  // The server is ready when this returns. INVALID_ARGUMENT, ALREADY_EXISTS: a bad address, route
  // or certificate. UNAVAILABLE: an address cannot be bound; the message says why.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options);
  // Stop(0).
  virtual ~HttpServer() = default;

  // The addresses for clients on this machine, in the order of `listen`, with the ports that were
  // picked.
  virtual const std::vector<std::string>& addresses() const = 0;

  // Whether every event thread takes up something new within `most`. False: one hangs, or is that
  // busy. After Stop: false. Not for handlers.
  virtual bool Responds(absl::Duration most) = 0;

  // Refuses new connections, closes idle ones, and gives requests in progress `grace` to end; then
  // closes the remaining connections and cancels their exchanges. Returns when the handlers in the
  // pool have returned, so they must return soon after they are cancelled. Must not be called by a
  // handler. Only the first call counts.
  virtual void Stop(absl::Duration grace) = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_SERVER_H_
