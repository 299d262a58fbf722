#ifndef GITOPS_COMMON_HTTP_STATUS_SESSION_H_
#define GITOPS_COMMON_HTTP_STATUS_SESSION_H_

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <tuple>

#include "common/http/status_pages.h"

namespace gitops {

// One connection of the status server: requests one after the other, until the client is done, too
// slow, or wrong. The template is for TCP and unix sockets.
template <typename Socket>
class StatusSession {
 public:
  StatusSession(Socket socket, const StatusServerOptions& options)
      : stream_(std::move(socket)), options_(options) {}

  boost::asio::awaitable<void> Run() {
    while (co_await ServeOne()) {
    }
    boost::system::error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_send, ignored);
    if (linger_) co_await Linger();
  }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;
  static constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);
  static constexpr size_t kMaxRequest = 8 << 10;

  // True if another request may follow.
  boost::asio::awaitable<bool> ServeOne() {
    namespace http = boost::beast::http;
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
    co_return written&& request.keep_alive() && !has_body;
  }

  Response Answer(const boost::beast::http::request<boost::beast::http::empty_body>& request,
                  bool has_body) {
    const StatusPage page =
        RenderStatusPage(options_, Text(request.method_string()), Text(request.target()));
    if (has_body && page.code == 200) return Plain(413);
    Response response = Plain(page.code);
    response.set(boost::beast::http::field::content_type, page.content_type);
    response.body() = page.body;
    if (page.code == 405) response.set(boost::beast::http::field::allow, "GET, HEAD");
    return response;
  }

  static Response Plain(int code) {
    namespace http = boost::beast::http;
    Response response(static_cast<http::status>(code), 11);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    response.body() = std::string(http::obsolete_reason(response.result())) + "\n";
    response.keep_alive(false);
    return response;
  }

  boost::asio::awaitable<bool> Write(Response response, bool head) {
    namespace http = boost::beast::http;
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
  boost::asio::awaitable<void> Linger() {
    stream_.expires_after(std::chrono::seconds(1));
    char waste[4096];
    for (size_t seen = 0; seen < 16 * kMaxRequest;) {
      auto [error, size] = co_await stream_.async_read_some(boost::asio::buffer(waste), kAwait);
      if (error) co_return;
      seen += size;
    }
  }

  // What a failed read is answered with; 0: the client is gone or was too slow.
  static int CodeFor(const boost::system::error_code& error) {
    namespace http = boost::beast::http;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
    if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
    return error.category() == http::make_error_code(http::error::bad_method).category() ? 400 : 0;
  }

  // From here, not from each byte: a client that sends a byte now and then is slow too.
  void StartClock() { stream_.expires_after(absl::ToChronoMilliseconds(options_.client_timeout)); }

  static absl::string_view Text(boost::beast::string_view text) {
    return absl::string_view(text.data(), text.size());
  }

  boost::beast::basic_stream<typename Socket::protocol_type, boost::asio::any_io_executor> stream_;
  const StatusServerOptions& options_;
  boost::beast::flat_buffer buffer_{kMaxRequest};
  bool linger_ = false;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_STATUS_SESSION_H_
