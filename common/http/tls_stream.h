#ifndef GITOPS_COMMON_HTTP_TLS_STREAM_H_
#define GITOPS_COMMON_HTTP_TLS_STREAM_H_

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <utility>

#include "common/http/asio_types.h"

namespace gitops {

// The server's end of TLS over a socket, which must outlive it. OpenSSL reads and writes the socket
// itself, and keeps no buffers while it waits: Asio's own stream has 68 KB of them for each
// connection. One thread; one operation at a time in each direction. Ends by the other side are
// asio::error::eof, those without its word stream_truncated.
class TlsStream {
 public:
  TlsStream(HttpSocket& socket, boost::asio::ssl::context& context);

  // All complete with (error_code, size_t), and never before they return.
  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    const boost::asio::mutable_buffer into = *boost::asio::buffer_sequence_begin(buffers);
    return Run([into](SSL* ssl,
                      size_t& size) { return SSL_read_ex(ssl, into.data(), into.size(), &size); },
               std::forward<Token>(token));
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return Run(
        [buffers](SSL* ssl, size_t& size) {
          // A record of all: the header and the body are two of the buffers.
          unsigned char record[kRecord];
          const size_t copied = boost::asio::buffer_copy(boost::asio::buffer(record), buffers);
          return copied == 0 ? 1 : SSL_write_ex(ssl, record, copied, &size);
        },
        std::forward<Token>(token));
  }

  template <typename Token>
  auto async_handshake(Token&& token) {
    return Run([](SSL* ssl, size_t&) { return SSL_accept(ssl); }, std::forward<Token>(token));
  }

  // Says that nothing follows, and waits until the client says the same.
  template <typename Token>
  auto async_shutdown(Token&& token) {
    return Run(
        [](SSL* ssl, size_t&) {
          const int said = SSL_shutdown(ssl);
          return said == 0 ? SSL_shutdown(ssl) : said;
        },
        std::forward<Token>(token));
  }

 private:
  static constexpr size_t kRecord = 8 << 10;
  // What an attempt waits for before the next one; kNothing: it has ended.
  enum class Need { kNothing, kRead, kWrite };

  // One operation. `Attempt` calls OpenSSL once and returns its result.
  template <typename Attempt>
  struct Operation {
    template <typename Self>
    void operator()(Self& self, boost::system::error_code waited = {}) {
      Need need = Need::kNothing;
      if (!ended) {
        error = waited;
        // The number of a closed socket may be another's by now.
        if (!stream->socket_.is_open()) error = boost::asio::error::bad_descriptor;
        if (!error) need = stream->Try(attempt, size, error);
      }
      const bool first = !std::exchange(begun, true);
      if (need != Need::kNothing) {
        const auto what = need == Need::kRead ? HttpSocket::wait_read : HttpSocket::wait_write;
        return stream->socket_.async_wait(what, std::move(self));
      }
      ended = true;
      if (first) return boost::asio::post(stream->socket_.get_executor(), std::move(self));
      self.complete(error, size);
    }

    TlsStream* stream;
    Attempt attempt;
    bool begun = false;
    bool ended = false;
    boost::system::error_code error = {};
    size_t size = 0;
  };

  template <typename Attempt, typename Token>
  auto Run(Attempt attempt, Token&& token) {
    return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        Operation<Attempt>{this, std::move(attempt)}, token, socket_);
  }

  template <typename Attempt>
  Need Try(const Attempt& attempt, size_t& size, boost::system::error_code& error) const {
    ERR_clear_error();
    errno = 0;
    return NeedAfter(attempt(ssl_.get(), size), error);
  }
  Need NeedAfter(int result, boost::system::error_code& error) const;

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  HttpSocket& socket_;
  const std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_TLS_STREAM_H_
