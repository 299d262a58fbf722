#include "common/http/response_writer.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http.hpp>
#include <utility>

#include "absl/strings/ascii.h"

namespace gitops {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// A line break in a value would start another header.
std::string OneLine(std::string value) {
  std::replace_if(
      value.begin(), value.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); }, ' ');
  return value;
}

template <typename Body>
http::response<Body> MakeHead(HttpServerResponse& response, const HttpResponseTerms& terms) {
  http::response<Body> head(static_cast<http::status>(response.status), terms.version);
  head.set(http::field::date, terms.date);
  head.set("X-Content-Type-Options", "nosniff");
  if (!response.content_type.empty()) {
    head.set(http::field::content_type, OneLine(std::move(response.content_type)));
  }
  for (auto& [name, value] : response.headers) head.insert(name, OneLine(std::move(value)));
  if (head.count(http::field::cache_control) == 0) {
    head.set(http::field::cache_control, "no-store");
  }
  head.keep_alive(terms.keep_alive);
  return head;
}

bool HasNoBody(int status) { return status == 204 || status == 304; }

HttpAwaitable<bool> WriteHeadOnly(HttpStream& stream, http::response<http::empty_body> head) {
  http::response_serializer<http::empty_body> serializer(head);
  auto [error, size] = co_await http::async_write_header(stream, serializer, kHttpAwait);
  co_return !error;
}

}  // namespace

HttpAwaitable<bool> WriteResponse(HttpStream& stream, HttpServerResponse response,
                                  HttpResponseTerms terms) {
  auto message = MakeHead<http::string_body>(response, terms);
  if (!HasNoBody(response.status)) message.body() = std::move(response.body);
  message.prepare_payload();  // for HEAD, sets the length that GET would have
  if (terms.head_only) {
    co_return co_await WriteHeadOnly(stream,
                                     http::response<http::empty_body>(std::move(message.base())));
  }
  auto [error, size] = co_await http::async_write(stream, message, kHttpAwait);
  co_return !error;
}

HttpAwaitable<bool> WriteStreamHead(HttpStream& stream, HttpServerResponse head,
                                    HttpResponseTerms terms) {
  auto message = MakeHead<http::empty_body>(head, terms);
  message.chunked(terms.version >= 11);
  co_return co_await WriteHeadOnly(stream, std::move(message));
}

HttpAwaitable<bool> WriteStreamData(HttpStream& stream, const std::string& data, bool chunked) {
  if (chunked) {
    auto [error, size] =
        co_await asio::async_write(stream, http::make_chunk(asio::buffer(data)), kHttpAwait);
    co_return !error;
  }
  auto [error, size] = co_await asio::async_write(stream, asio::buffer(data), kHttpAwait);
  co_return !error;
}

HttpAwaitable<bool> WriteStreamEnd(HttpStream& stream) {
  auto [error, size] = co_await asio::async_write(stream, http::make_chunk_last(), kHttpAwait);
  co_return !error;
}

}  // namespace gitops
