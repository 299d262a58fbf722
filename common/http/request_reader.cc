#include "common/http/request_reader.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace gitops {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Header = http::request<http::empty_body>;

absl::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

HttpRefusal Bad(absl::string_view detail) { return {.status = 400, .detail = std::string(detail)}; }

// A host, with or without a port. Whoever reads it must not find another host in it.
bool IsHost(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) ||
           absl::string_view("-._~!$&'()*+,;=:[]%").find(c) != absl::string_view::npos;
  });
}

HttpRefusal CheckFraming(const Header& header) {
  const size_t hosts = header.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= 11)) {
    return Bad("the request needs exactly one Host header");
  }
  if (!IsHost(View(header[http::field::host]))) return Bad("the Host header is not a host");
  const size_t lengths = header.count(http::field::content_length);
  if (lengths > 1) return Bad("the request has more than one Content-Length header");
  const absl::string_view length = View(header[http::field::content_length]);
  if (!std::all_of(length.begin(), length.end(), absl::ascii_isdigit)) {
    return Bad("Content-Length is not one number");
  }
  const size_t codings = header.count(http::field::transfer_encoding);
  if (codings == 0) return {};
  if (lengths > 0) return Bad("the request has both Content-Length and Transfer-Encoding");
  if (header.version() < 11) return Bad("Transfer-Encoding needs HTTP/1.1");
  if (codings > 1 ||
      !absl::EqualsIgnoreCase(View(header[http::field::transfer_encoding]), "chunked")) {
    return {.status = 501, .detail = "the only supported Transfer-Encoding is chunked"};
  }
  return {};
}

// The host in the target counts, not the header.
void SetHost(absl::string_view host, HttpHeaders& headers) {
  for (auto& [name, value] : headers) {
    if (absl::EqualsIgnoreCase(name, "Host")) value = std::string(host);
  }
}

HttpRefusal SplitTarget(HttpServerRequest& request) {
  absl::string_view rest = request.target;
  if (!absl::StartsWith(rest, "/")) {  // "http://HOST/PATH", which servers must accept
    const size_t authority = rest.find("://");
    const size_t path =
        authority == absl::string_view::npos ? authority : rest.find('/', authority + 3);
    if (path == absl::string_view::npos) return Bad("the request's target is not a path");
    const absl::string_view host = rest.substr(authority + 3, path - authority - 3);
    if (host.empty() || !IsHost(host)) return Bad("the host in the request's target is not a host");
    SetHost(host, request.headers);
    rest.remove_prefix(path);
  }
  const size_t question = rest.find('?');
  request.path = std::string(rest.substr(0, question));
  if (question != absl::string_view::npos) request.query = std::string(rest.substr(question + 1));
  return {};
}

}  // namespace

HttpRefusal ReadRequestHeader(const Header& header, HttpServerRequest& request) {
  if (HttpRefusal refusal = CheckFraming(header); refusal.status != 0) return refusal;
  request.method = std::string(View(header.method_string()));
  request.target = std::string(View(header.target()));
  for (const auto& field : header) {
    request.headers.emplace_back(View(field.name_string()), View(field.value()));
  }
  return SplitTarget(request);
}

HttpRefusal RefusalFor(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {.status = 431, .detail = "the request's header is too large"};
  }
  if (error == http::error::body_limit) {
    return {.status = 413, .detail = "the request's body is too large"};
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) return {};
  if (error.category() != make_error_code(http::error::bad_method).category()) return {};
  return {.status = 400, .detail = "malformed HTTP: " + error.message()};
}

HttpPeer PeerOf(HttpSocket& socket) {
  HttpPeer peer;
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return peer;
  if (endpoint.protocol().family() == AF_UNIX) {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
      peer.uid = credentials.uid;
    }
    return peer;
  }
  asio::ip::tcp::endpoint tcp;
  tcp.resize(endpoint.size());
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  asio::ip::address address = tcp.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  peer.address = address.to_string();
  peer.port = tcp.port();
  return peer;
}

}  // namespace gitops
