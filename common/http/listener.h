#ifndef GITOPS_COMMON_HTTP_LISTENER_H_
#define GITOPS_COMMON_HTTP_LISTENER_H_

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/http/asio_types.h"

namespace gitops {

// A listening socket. The destructor removes the file of a unix socket.
class HttpListener {
 public:
  // `listen`: an address for ParseAddress. INVALID_ARGUMENT: a bad address. UNAVAILABLE: the
  // address cannot be bound; the message says why.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Open(boost::asio::io_context& context,
                                                            const std::string& listen);
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  // The address for clients on this machine, with the port that was picked.
  const std::string& address() const { return address_; }
  HttpAcceptor& acceptor() { return acceptor_; }

 private:
  HttpListener(HttpAcceptor acceptor, std::string address, std::string unix_path);

  HttpAcceptor acceptor_;
  const std::string address_;
  const std::string unix_path_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_LISTENER_H_
