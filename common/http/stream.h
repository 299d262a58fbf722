#ifndef GITOPS_COMMON_HTTP_STREAM_H_
#define GITOPS_COMMON_HTTP_STREAM_H_

#include <boost/asio/async_result.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <memory>
#include <utility>

#include "common/http/asio_types.h"
#include "common/http/tls_stream.h"

namespace gitops {

// The bytes of a connection: as they are, or through TLS. Has the operations that Beast and Asio
// need of a stream.
class HttpStream {
 public:
  using executor_type = HttpExecutor;

  // `tls` null: plain.
  HttpStream(HttpSocket socket, boost::asio::ssl::context* tls) : socket_(std::move(socket)) {
    if (tls != nullptr) tls_ = std::make_unique<TlsStream>(socket_, *tls);
  }
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  HttpSocket& socket() { return socket_; }
  executor_type get_executor() { return socket_.get_executor(); }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, Transferred>(
        [this](auto handler, const auto& each) {
          if (tls_ != nullptr) return tls_->async_read_some(each, std::move(handler));
          socket_.async_read_some(each, std::move(handler));
        },
        token, buffers);
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, Transferred>(
        [this](auto handler, const auto& each) {
          if (tls_ != nullptr) return tls_->async_write_some(each, std::move(handler));
          socket_.async_write_some(each, std::move(handler));
        },
        token, buffers);
  }

  // Null: plain.
  TlsStream* tls() { return tls_.get(); }

 private:
  using Transferred = void(boost::system::error_code, std::size_t);

  HttpSocket socket_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_STREAM_H_
