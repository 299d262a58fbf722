#include "common/http/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <new>

namespace gitops {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

int Send(BIO* bio, const char* data, int size) {
  int fd = -1;
  BIO_get_fd(bio, &fd);
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(fd, data, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && BIO_sock_should_retry(-1) != 0) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

// OpenSSL's socket, except that a lost client raises no SIGPIPE.
const BIO_METHOD* Socket() {
  static BIO_METHOD* const method = [] {
    const BIO_METHOD* const socket = BIO_s_socket();
    BIO_METHOD* const made = BIO_meth_new(BIO_TYPE_SOCKET, "socket");
    BIO_meth_set_write(made, Send);
    BIO_meth_set_read(made, BIO_meth_get_read(socket));
    BIO_meth_set_ctrl(made, BIO_meth_get_ctrl(socket));
    BIO_meth_set_create(made, BIO_meth_get_create(socket));
    BIO_meth_set_destroy(made, BIO_meth_get_destroy(socket));
    return made;
  }();
  return method;
}

}  // namespace

TlsStream::TlsStream(HttpSocket& socket, asio::ssl::context& context)
    : socket_(socket), ssl_(SSL_new(context.native_handle())) {
  BIO* const bio = BIO_new(Socket());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_fd(bio, socket.native_handle(), BIO_NOCLOSE);
  SSL_set_bio(ssl_.get(), bio, bio);
  error_code ignored;  // it fails for a socket that is closed, as all that follows does
  socket.native_non_blocking(true, ignored);
}

TlsStream::Need TlsStream::NeedAfter(int result, error_code& error) const {
  const int system = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      break;
    case SSL_ERROR_WANT_READ:
      return Need::kRead;
    case SSL_ERROR_WANT_WRITE:
      return Need::kWrite;
    case SSL_ERROR_ZERO_RETURN:
      error = asio::error::eof;
      break;
    case SSL_ERROR_SYSCALL:
      error = system == 0 ? error_code(asio::ssl::error::stream_truncated)
                          : error_code(system, boost::system::system_category());
      break;
    default:
      error = error_code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
  }
  return Need::kNothing;
}

}  // namespace gitops
