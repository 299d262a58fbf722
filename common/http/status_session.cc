#include "common/http/status_session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/http/status_pages.h"

namespace gitops {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Socket = asio::generic::stream_protocol::socket;
using Stream = beast::basic_stream<asio::generic::stream_protocol, asio::any_io_executor>;

class StatusSession {
 public:
  StatusSession(Socket socket, const StatusServerOptions& options)
      : stream_(std::move(socket)), options_(options) {}

  asio::awaitable<void> Run() {
    while (co_await ServeOne()) {
    }
    boost::system::error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_send, ignored);
    if (linger_) co_await Linger();
  }

 private:
  using Parser = http::request_parser<http::empty_body>;
  using Response = http::response<http::string_body>;
  static constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
  static constexpr size_t kMaxRequest = 8 << 10;

  // True if another request may follow.
  asio::awaitable<bool> ServeOne() {
    Parser parser;
    parser.header_limit(kMaxRequest);
    parser.body_limit(boost::none);  // no body is ever read, so 405 comes before 413
    StartClock();
    auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
    if (error) {
      const int code = CodeFor(error);
      if (code == 0) co_return false;
      linger_ = true;
      co_await Write(Plain(code), /*head=*/false);
      co_return false;
    }
    const auto& request = parser.get();
    const bool has_body = !parser.is_done();
    Response response = Answer(request, has_body);
    response.version(request.version());
    response.keep_alive(request.keep_alive() && !has_body);
    linger_ = has_body;
    const bool written = co_await Write(std::move(response), request.method() == http::verb::head);
    if (!written) co_return false;
    co_return request.keep_alive() && !has_body;
  }

  Response Answer(const http::request<http::empty_body>& request, bool has_body) {
    const StatusPage page =
        RenderStatusPage(options_, Text(request.method_string()), Text(request.target()));
    if (has_body && page.code == 200) return Plain(413);
    Response response = Plain(page.code);
    response.set(http::field::content_type, page.content_type);
    response.body() = page.body;
    if (page.code == 405) response.set(http::field::allow, "GET, HEAD");
    return response;
  }

  static Response Plain(int code) {
    Response response(static_cast<http::status>(code), 11);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    response.body() = std::string(http::obsolete_reason(response.result())) + "\n";
    response.keep_alive(false);
    return response;
  }

  asio::awaitable<bool> Write(Response response, bool head) {
    response.prepare_payload();  // HEAD tells the length that GET would have
    StartClock();
    if (head) {
      http::response<http::empty_body> bare(std::move(response.base()));
      http::response_serializer<http::empty_body> serializer(bare);
      auto [error, size] = co_await http::async_write_header(stream_, serializer, kAwait);
      co_return !error;
    }
    auto [error, size] = co_await http::async_write(stream_, response, kAwait);
    co_return !error;
  }

  // Reads on for a moment what the client still sends: a socket closed with unread data takes the
  // answer back.
  asio::awaitable<void> Linger() {
    stream_.expires_after(std::chrono::seconds(1));
    char waste[4096];
    for (size_t seen = 0; seen < 16 * kMaxRequest;) {
      auto [error, size] = co_await stream_.async_read_some(asio::buffer(waste), kAwait);
      if (error) co_return;
      seen += size;
    }
  }

  // What a failed read is answered with; 0: the client is gone or was too slow.
  static int CodeFor(const boost::system::error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
    if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
    return error.category() == http::make_error_code(http::error::bad_method).category() ? 400 : 0;
  }

  // From here, not from each byte: a client that sends a byte now and then is slow too.
  void StartClock() { stream_.expires_after(absl::ToChronoMilliseconds(options_.client_timeout)); }

  static absl::string_view Text(beast::string_view text) {
    return absl::string_view(text.data(), text.size());
  }

  Stream stream_;
  const StatusServerOptions& options_;
  beast::flat_buffer buffer_{kMaxRequest};
  bool linger_ = false;
};

}  // namespace

asio::awaitable<void> ServeStatusConnection(Socket socket, const StatusServerOptions& options) {
  StatusSession session(std::move(socket), options);
  co_await session.Run();
}

}  // namespace gitops
