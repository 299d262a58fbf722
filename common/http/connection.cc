#include "common/http/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/http/exchange_state.h"
#include "common/http/request_reader.h"
#include "common/http/response_writer.h"
#include "common/http/stream.h"
#include "common/log/log.h"

namespace gitops {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Wait = HttpEventLoop::Wait;
template <typename Result>
using Awaitable = HttpAwaitable<Result>;

// How much a refused client may still send before its connection is closed.
constexpr size_t kMaxLinger = 16 << 20;
// Bytes of a chunked body for each byte in it: chunks of one byte take 6.
constexpr size_t kMaxFraming = 8;
// Read ahead while a handler works on a request, to notice that the client disconnects.
constexpr size_t kReadAhead = 512;

// Part of a header in which a line continues on the next one, which servers read differently. The
// parser takes no line before it has seen how the next one begins.
bool HasContinuation(absl::string_view lines) {
  return absl::StrContains(lines, "\n ") || absl::StrContains(lines, "\n\t");
}

class HttpConnection final : public HttpEventLoop::Connection,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(HttpEventLoop& loop, HttpServerContext& server, HttpSocket socket,
                 asio::ssl::context* tls)
      : loop_(loop),
        server_(server),
        stream_(std::move(socket), tls),
        wake_(loop.context()),
        buffer_(server.options.max_header),
        peer_(PeerOf(stream_.socket())) {}
  ~HttpConnection() override { Close(); }

  static Awaitable<void> Run(std::shared_ptr<HttpConnection> self) {
    const bool begun = co_await self->Handshake();
    while (begun && co_await self->WaitForRequest() && co_await self->ServeRequest()) {
    }
    if (self->linger_ || (begun && self->stream_.tls() != nullptr)) co_await self->Linger();
    self->Close();
  }

  void Close() override {
    if (std::exchange(closed_, true)) return;
    error_code ignored;
    stream_.socket().close(ignored);
    wake_.cancel();
    if (exchange_ != nullptr) exchange_->Close();
    loop_.Remove(*this);  // last: Stop() waits for it
  }

  void TimeOut() override {
    if (handshake_ || (phase_ != Wait::kHeader && phase_ != Wait::kBody)) return Close();
    // The answer is 408.
    timed_out_ = true;
    error_code ignored;
    stream_.socket().cancel(ignored);
  }

  void Drain() override {
    if (phase_ == Wait::kRequest || handshake_) return Close();
    if (exchange_ != nullptr) exchange_->Cancel(/*streams_only=*/true);
  }

 private:
  using HeaderParser = http::request_parser<http::empty_body>;
  using BodyParser = http::request_parser<http::string_body>;

  void Enter(Wait wait) {
    phase_ = wait;
    loop_.Enter(*this, wait);
  }

  // False: the connection ends.
  Awaitable<bool> Handshake() {
    if (stream_.tls() == nullptr) co_return true;
    handshake_ = true;
    Enter(Wait::kHeader);
    auto [error, size] = co_await stream_.tls()->async_handshake(kHttpAwait);
    handshake_ = false;
    linger_ = error && !closed_;  // there may be an alert that says why
    co_return !error && !closed_;
  }

  // Keeps no buffer while the client sends nothing. Returns false if the connection ends.
  Awaitable<bool> WaitForRequest() {
    if (loop_.draining()) co_return false;
    if (buffer_.size() > 0) co_return true;
    buffer_.shrink_to_fit();
    Enter(Wait::kRequest);
    if (stream_.tls() != nullptr) {
      // The socket does not tell whether decrypted bytes wait already.
      auto [error, size] =
          co_await stream_.async_read_some(buffer_.prepare(kReadAhead), kHttpAwait);
      buffer_.commit(size);
      co_return !error && !closed_;
    }
    auto [error] = co_await stream_.socket().async_wait(HttpSocket::wait_read, kHttpAwait);
    co_return !error && !closed_;
  }

  // False: the connection ends.
  Awaitable<bool> ServeRequest() {
    Enter(Wait::kHeader);
    version_ = 11;
    head_only_ = false;
    HeaderParser header;
    header.header_limit(static_cast<std::uint32_t>(server_.options.max_header));
    header.body_limit(boost::none);  // routes have their own limits
    if (const error_code error = co_await ReadHeader(header)) {
      co_return co_await RefuseBrokenRequest(error);
    }
    version_ = header.get().version();
    head_only_ = header.get().method() == http::verb::head;
    HttpServerRequest request;
    HttpRefusal refusal = ReadRequestHeader(header.get(), request);
    if (refusal.status != 0) co_return co_await Refuse(refusal);
    std::string allowed;
    absl::StatusOr<HttpRouter::Match> match =
        server_.router.Find(request.method, request.path, &allowed);
    keep_alive_ = header.get().keep_alive() && header.is_done();
    if (!match.ok()) co_return co_await RefuseUnknown(match.status(), allowed);
    const HttpRoute& route = server_.options.routes[match->route];
    request.parameters = std::move(match->parameters);
    request.peer = peer_;
    auto share = std::make_shared<BodyShare>(server_.body_bytes);
    keep_alive_ = header.get().keep_alive();
    if (!header.is_done()) {
      refusal = AdmitBody(header, request, route, *share);
      if (refusal.status != 0) co_return co_await Refuse(refusal);
      if (!co_await TakeBody(header, route, request)) co_return false;
    }
    exchange_ = std::make_shared<HttpExchangeState>(
        std::move(request), std::move(share), server_.options.stream_buffer,
        [self = weak_from_this(), context = &loop_.context()] {
          asio::post(*context, [self] {
            if (const auto connection = self.lock()) connection->wake_.cancel();
          });
        });
    Dispatch(route);
    const bool next = co_await Answer();
    exchange_->Close();
    exchange_ = nullptr;
    co_return next;
  }

  // Reads until `done`. Beast's limits do not cover header lines and trailers that arrive one by
  // one, nor the framing of chunks; hence `most`, for all bytes so far.
  template <typename Parser, typename Done, typename Most>
  Awaitable<error_code> Read(Parser& parser, size_t piece, bool is_header, Done done, Most most) {
    size_t bytes = 0;
    error_code error = http::error::need_more;
    while (true) {
      if (buffer_.size() > 0) {
        const size_t used = parser.put(buffer_.data(), error);
        const absl::string_view seen(static_cast<const char*>(buffer_.data().data()), used);
        if (is_header && HasContinuation(seen)) co_return http::error::bad_value;
        buffer_.consume(used);
        bytes += used;
        if (error && error != http::error::need_more) co_return error;
        if (done()) co_return error_code();
        if (bytes > most()) co_return http::error::header_limit;
        if (!error) continue;
      }
      const size_t room = buffer_.max_size() - buffer_.size();
      if (room == 0) co_return http::error::buffer_overflow;
      auto [failed, size] = co_await stream_.async_read_some(
          buffer_.prepare(std::min(room, std::max(piece, buffer_.size()))), kHttpAwait);
      if (failed) co_return failed;
      buffer_.commit(size);
    }
  }

  Awaitable<error_code> ReadHeader(HeaderParser& header) {
    return Read(
        header, 4 << 10, /*is_header=*/true, [&] { return header.is_header_done(); },
        [this] { return server_.options.max_header; });
  }

  Awaitable<error_code> ReadBody(BodyParser& body) {
    return Read(
        body, 16 << 10, /*is_header=*/false, [&] { return body.is_done(); },
        [this, &body] {
          return server_.options.max_header + kMaxFraming * body.get().body().size();
        });
  }

  // Decides from the header whether the body is read.
  HttpRefusal AdmitBody(const HeaderParser& header, const HttpServerRequest& request,
                        const HttpRoute& route, BodyShare& share) {
    const size_t length = header.content_length().value_or(route.max_body);
    if (length > route.max_body || route.max_body == 0) {
      return {.status = 413,
              .detail = absl::StrCat("the body must have at most ", route.max_body, " bytes")};
    }
    if (!share.Take(length, server_.options.max_bodies)) {
      return {.status = 503, .detail = "too many request bodies are in progress"};
    }
    const std::string expected = request.Header("Expect");
    if (expected.empty() || absl::EqualsIgnoreCase(expected, "100-continue")) return {};
    return {.status = 417, .detail = "the only supported expectation is 100-continue"};
  }

  // False: the connection ends.
  Awaitable<bool> TakeBody(HeaderParser& header, const HttpRoute& route,
                           HttpServerRequest& request) {
    Enter(Wait::kBody);
    if (!request.Header("Expect").empty() && version_ >= 11 && buffer_.size() == 0) {
      constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [error, size] = co_await asio::async_write(
          stream_, asio::buffer(kContinue.data(), kContinue.size()), kHttpAwait);
      if (error) co_return false;
    }
    BodyParser body(std::move(header));
    body.body_limit(route.max_body);
    if (const error_code error = co_await ReadBody(body)) {
      co_return co_await RefuseBrokenRequest(error);
    }
    request.body = std::move(body.get().body());
    co_return true;
  }

  void Dispatch(const HttpRoute& route) {
    auto exchange = std::make_unique<HttpExchange>(exchange_);
    if (!route.in_pool) return Call(route, std::move(exchange));
    if (server_.queued.fetch_add(1) >= server_.options.pool_queue) {
      --server_.queued;
      exchange->Respond(Error(503, "too many requests are waiting"));
      return;
    }
    asio::post(*server_.pool,
               [&route, &server = server_, exchange = std::move(exchange)]() mutable {
                 --server.queued;
                 Call(route, std::move(exchange));
               });
  }

  static void Call(const HttpRoute& route, std::unique_ptr<HttpExchange> exchange) {
    try {
      route.handler(std::move(exchange));
    } catch (const std::exception& error) {
      LogError("an HTTP handler failed",
               {{"method", route.method}, {"path", route.path}, {"error", error.what()}});
    }
  }

  // Sends the handler's answer. Returns false if the connection ends.
  Awaitable<bool> Answer() {
    while (co_await WaitForHandler()) {
      HttpExchangeState::News news = exchange_->Take();
      if (news.head.has_value() && news.streams) co_return co_await Stream(std::move(news));
      if (news.head.has_value()) co_return co_await Send(*std::move(news.head));
      if (news.abandoned) co_return co_await Send(Error(500, "the handler of the request failed"));
    }
    co_return false;
  }

  Awaitable<bool> Stream(HttpExchangeState::News news) {
    keep_alive_ = keep_alive_ && version_ >= 11 && !loop_.draining();
    Enter(Wait::kWrite);
    if (!co_await WriteStreamHead(stream_, *news.head, Terms())) co_return false;
    if (head_only_) co_return keep_alive_;
    const bool chunked = version_ >= 11;
    while (true) {
      Enter(Wait::kWrite);
      if (!news.data.empty() && !co_await WriteStreamData(stream_, news.data, chunked)) break;
      if (news.abandoned) break;
      if (news.finished) {
        if (chunked && !co_await WriteStreamEnd(stream_)) break;
        co_return keep_alive_;
      }
      if (!co_await WaitForHandler() || peer_done_) break;
      news = exchange_->Take();
    }
    co_return false;
  }

  // Waits for news of the exchange. Returns false if the connection ends.
  Awaitable<bool> WaitForHandler() {
    while (!closed_ && exchange_->WaitForNews()) {
      Enter(Wait::kHandler);
      wake_.expires_at(std::chrono::steady_clock::time_point::max());
      if (peer_done_ || buffer_.size() + kReadAhead > buffer_.max_size()) {
        co_await wake_.async_wait(kHttpAwait);
        continue;
      }
      auto [order, woken, error, size] =
          co_await asio::experimental::make_parallel_group(
              wake_.async_wait(asio::deferred),
              stream_.async_read_some(buffer_.prepare(kReadAhead), asio::deferred))
              .async_wait(asio::experimental::wait_for_one(),
                          asio::use_awaitable_t<HttpExecutor>());
      buffer_.commit(size);
      if (!error || error == asio::error::operation_aborted) continue;
      if (error != asio::error::eof || exchange_->streams()) co_return false;
      // The client may have closed only its sending side; then it still gets a complete answer.
      peer_done_ = true;
      exchange_->Cancel();
    }
    co_return !closed_;
  }

  Awaitable<bool> RefuseBrokenRequest(const error_code& error) {
    if (closed_) co_return false;
    if (timed_out_)
      co_return co_await Refuse(HttpRefusal{408, "the request was not received in time"});
    const HttpRefusal refusal = RefusalFor(error);
    if (refusal.status != 0) co_await Refuse(refusal);
    co_return false;
  }

  Awaitable<bool> RefuseUnknown(const absl::Status& status, const std::string& allowed) {
    const bool known = absl::IsUnimplemented(status);
    const int code = known ? 405 : absl::IsNotFound(status) ? 404 : 400;
    HttpServerResponse response = Error(code, status.message());
    if (known) response.headers.emplace_back("Allow", allowed);
    if (keep_alive_) co_return co_await Send(std::move(response));
    co_return co_await Refuse(std::move(response));
  }

  Awaitable<bool> Refuse(HttpRefusal refusal) {
    co_return co_await Refuse(Error(refusal.status, refusal.detail));
  }

  // The start of the next request is not known, or not worth reading on.
  Awaitable<bool> Refuse(HttpServerResponse response) {
    keep_alive_ = false;
    co_await Send(std::move(response));
    linger_ = !closed_;
    co_return false;
  }

  // False: the connection ends.
  Awaitable<bool> Send(HttpServerResponse response) {
    keep_alive_ = keep_alive_ && !loop_.draining();
    Enter(Wait::kWrite);
    const bool written = co_await WriteResponse(stream_, std::move(response), Terms());
    co_return written&& keep_alive_ && !closed_;
  }

  HttpResponseTerms Terms() {
    return {.version = version_,
            .head_only = head_only_,
            .keep_alive = keep_alive_,
            .date = loop_.date()};
  }

  // Ends an encrypted connection, so that the client does not take the end for a lost connection.
  // After a refusal or a failed handshake, reads for a moment what the client still sends: the
  // kernel discards an answer if its socket is closed with unread data.
  Awaitable<void> Linger() {
    if (closed_) co_return;
    Enter(Wait::kLinger);
    if (!linger_) {
      auto [error, size] = co_await stream_.tls()->async_shutdown(kHttpAwait);
      if (!error || closed_) co_return;
    }
    error_code ignored;
    stream_.socket().shutdown(HttpSocket::shutdown_send, ignored);
    std::string waste(16 << 10, '\0');
    for (size_t seen = 0; seen < kMaxLinger;) {
      auto [error, size] =
          co_await stream_.socket().async_read_some(asio::buffer(waste), kHttpAwait);
      if (error) co_return;
      seen += size;
    }
  }

  HttpServerResponse Error(int status, absl::string_view detail) const {
    return ErrorResponse(server_.options, status, detail);
  }

  HttpEventLoop& loop_;
  HttpServerContext& server_;
  HttpStream stream_;
  HttpTimer wake_;  // cancelled when the exchange has news
  boost::beast::flat_buffer buffer_;
  const HttpPeer peer_;
  std::shared_ptr<HttpExchangeState> exchange_;
  Wait phase_ = Wait::kRequest;
  // State of the current request.
  unsigned version_ = 11;
  bool head_only_ = false;
  bool keep_alive_ = false;
  bool timed_out_ = false;
  bool peer_done_ = false;  // the client sends nothing more
  bool linger_ = false;
  bool handshake_ = false;  // in progress
  bool closed_ = false;
};

}  // namespace

HttpServerResponse ErrorResponse(const HttpServerOptions& options, int status,
                                 absl::string_view detail) {
  HttpServerResponse response;
  if (options.error_response) {
    response = options.error_response(status, detail);
  } else {
    response.body = absl::StrCat(detail, "\n");
  }
  response.status = status;
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

void ServeHttpConnection(HttpEventLoop& loop, HttpServerContext& server, HttpSocket socket,
                         asio::ssl::context* tls) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);  // fails for a unix socket
  const auto connection = std::make_shared<HttpConnection>(loop, server, std::move(socket), tls);
  loop.Add(*connection);
  asio::co_spawn(loop.context(), HttpConnection::Run(connection), asio::detached);
}

}  // namespace gitops
