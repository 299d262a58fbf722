#ifndef GITOPS_COMMON_HTTP_REQUEST_READER_H_
#define GITOPS_COMMON_HTTP_REQUEST_READER_H_

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/system/error_code.hpp>
#include <string>

#include "common/http/asio_types.h"
#include "common/http/message.h"

namespace gitops {

// A request that the server itself answers.
struct HttpRefusal {
  int status = 0;  // 0: none
  std::string detail;
};

// Builds the request from its header, without parameters, body and peer. Refuses (400, 501)
// requests whose end or host two servers could interpret differently.
HttpRefusal ReadRequestHeader(
    const boost::beast::http::request<boost::beast::http::empty_body>& header,
    HttpServerRequest& request);

// The refusal for a failure to read a request; none if the client is gone.
HttpRefusal RefusalFor(const boost::system::error_code& error);

// The other end of the connection.
HttpPeer PeerOf(HttpSocket& socket);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_REQUEST_READER_H_
