#ifndef GITOPS_COMMON_HTTP_CONNECTION_H_
#define GITOPS_COMMON_HTTP_CONNECTION_H_

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/http/asio_types.h"
#include "common/http/event_loop.h"
#include "common/http/router.h"
#include "common/http/server.h"

namespace gitops {

// The shared state of all connections of a server. Thread-safe.
struct HttpServerContext {
  explicit HttpServerContext(HttpServerOptions options) : options(std::move(options)) {}

  const HttpServerOptions options;
  HttpRouter router;
  const std::shared_ptr<std::atomic<size_t>> body_bytes = std::make_shared<std::atomic<size_t>>(0);
  std::atomic<size_t> queued = 0;  // exchanges that wait for the pool
  std::optional<boost::asio::thread_pool> pool;
};

// The answer that the server itself gives with this status.
HttpServerResponse ErrorResponse(const HttpServerOptions& options, int status,
                                 absl::string_view detail);

// Serves a connection on `loop` until it ends. Reserve() has reserved a place for it there, and
// `socket` belongs to `loop`. `tls` null: plain text. Called on the loop's thread. Both references
// must outlive the loop's run.
void ServeHttpConnection(HttpEventLoop& loop, HttpServerContext& server, HttpSocket socket,
                         boost::asio::ssl::context* tls);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_CONNECTION_H_
